# Managed by the template; updates merge into this file.
"""What surrounds each call on either transport, outermost first: record, authorization, deadline, inputs, outputs."""
