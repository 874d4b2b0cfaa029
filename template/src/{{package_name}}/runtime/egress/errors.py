# Managed by the template; updates merge into this file.
"""Why a call to another service brought nothing."""


class EgressRefusedError(Exception):
    """This server may not call there."""


class UpstreamFailedError(Exception):
    """The other service did not answer as it should."""


class EgressPausedError(Exception):
    """The other service kept failing, and is left alone for a while."""
