"""The commands: one module each. What they call returns its results, and they print them."""
