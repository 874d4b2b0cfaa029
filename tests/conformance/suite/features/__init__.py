"""What the conformance suite expects of a server: tools, resources, prompts and completion, by name."""
