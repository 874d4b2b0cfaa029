"""Renders complete, hardened MCP server repositories, and keeps them current."""
