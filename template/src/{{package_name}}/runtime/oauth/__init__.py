# Managed by the template; updates merge into this file.
"""An OAuth 2.1 resource server: keys of the issuer, verification of tokens, challenges to clients."""
