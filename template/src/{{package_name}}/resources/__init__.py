"""Your resources: every module here has a `register(server)`, and every URI a rule in `policy.yaml`."""
