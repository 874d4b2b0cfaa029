# Managed by the template; updates merge into this file.
"""What keeps the server from starting. Nothing is imported here that reads variables of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class ConfigurationError(Exception):
    """The server must not start like this; the message tells an operator what to change."""


@contextmanager
def needs_usable(variables: str) -> Iterator[None]:
    """Make one sentence, a `ConfigurationError`, of what a library raises while it reads its variables."""
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        told = "one is not a URL" if "URL" in type(error).__name__ else str(error) or type(error).__name__
        raise ConfigurationError(f"{variables} cannot be used: {' '.join(told.split())}") from error


@contextmanager
def needs_usable_telemetry() -> Iterator[None]:
    """Make one sentence of what OpenTelemetry raises, or only logs, while it reads its variables.

    Raises:
        ConfigurationError: it cannot use one of them.
    """
    logger, complaints = logging.getLogger("opentelemetry"), _Complaints(logging.WARNING)
    logger.addHandler(complaints)
    logger.propagate = False
    try:
        with needs_usable("An OTEL_ variable"):
            try:
                yield
            finally:
                complaints.raise_first()
    finally:
        logger.propagate = True
        logger.removeHandler(complaints)


class _Complaints(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(record.getMessage())

    def raise_first(self) -> None:
        if self._told:
            raise ValueError(self._told[0])
