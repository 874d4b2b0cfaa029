"""What builds and checks a distribution: the template's bundle, the build hook, the check before a release."""
