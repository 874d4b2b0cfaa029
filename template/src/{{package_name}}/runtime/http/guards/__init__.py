# Managed by the template; updates merge into this file.
"""One ASGI class a file, each refusing one thing before a request reaches the protocol."""
