# Managed by the template; updates merge into this file.
"""What the server tells of itself: audit events, log lines, metrics, traces."""
