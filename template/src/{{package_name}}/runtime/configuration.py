# Managed by the template; updates merge into this file.
"""What keeps the server from starting. Nothing is imported here that reads variables of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class ConfigurationError(Exception):
    """The server must not start like this; the message tells an operator what to change."""


class _Complaints(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError(record.getMessage())


@contextmanager
def needs_usable(variables: str) -> Iterator[None]:
    """Make one sentence, a `ConfigurationError`, of what a library raises, or OpenTelemetry logs, of its variables."""
    logger, complaints = logging.getLogger("opentelemetry"), _Complaints(logging.WARNING)
    logger.addHandler(complaints)
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        told = "one is not a URL" if "URL" in type(error).__name__ else str(error) or type(error).__name__
        raise ConfigurationError(f"{variables} cannot be used: {' '.join(told.split())}") from error
    finally:
        logger.removeHandler(complaints)
