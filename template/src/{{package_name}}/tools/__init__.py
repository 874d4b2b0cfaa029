"""Your tools: every module here has a `register(server)`, and every tool a rule in `policy.yaml`."""
