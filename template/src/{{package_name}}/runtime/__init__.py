# Managed by the template; updates merge into this file.
"""Everything between the wire and your tools: settings, policy, limits, audit, transports."""
