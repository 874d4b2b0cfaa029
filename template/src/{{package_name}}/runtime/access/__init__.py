# Managed by the template; updates merge into this file.
"""Who may do what: principals, and the policy over their scopes."""
