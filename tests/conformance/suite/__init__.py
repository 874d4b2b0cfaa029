"""The conformance suite's fixtures, served by a rendered repository's own runtime."""
