"""Your prompts: every module here has a `register(server)`, and every prompt a rule in `policy.yaml`."""
