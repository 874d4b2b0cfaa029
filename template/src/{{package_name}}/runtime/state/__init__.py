# Managed by the template; updates merge into this file.
"""What calls leave behind: counts and events, in this process or shared by replicas."""
