# Managed by the template; updates merge into this file.
"""A server with tools that misbehave on purpose, so that tests of the runtime need none of yours."""
