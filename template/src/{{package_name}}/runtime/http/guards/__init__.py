# Managed by the template; updates merge into this file.
"""One ASGI class a file, each refusing one thing before the protocol sees it; `shares` and `proxies` help them."""
