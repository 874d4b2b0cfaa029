"""`python -m scaffold` is `mcp-scaffold`."""

from scaffold.cli import main

main()
