# Managed by the template; updates merge into this file.
"""Logs as JSON lines on standard error: standard output belongs to the protocol."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from secrets import token_hex

from opentelemetry import trace

_reference: ContextVar[str] = ContextVar("reference", default="")


def start_reference() -> str:
    """Name the current request in logs, audit and masked errors, and return that name."""
    reference = token_hex(8)
    _reference.set(reference)
    return reference


def current_reference() -> str:
    """The name that `start_reference` gave the current request; empty outside one."""
    return _reference.get()


def current_trace_id() -> str | None:
    """The W3C trace id of the current span in hexadecimal, if one is recorded."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


class JsonFormatter(logging.Formatter):
    """One JSON object a line; line breaks inside a message cannot forge a second one."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "reference": current_reference() or None,
            "trace_id": current_trace_id(),
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({key: value for key, value in entry.items() if value is not None})


def configure_logs(level: str) -> None:
    """Send every logger's lines of `level` and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx2", "httpcore2", "mcp.server.streamable_http", "mcp.server.streamable_http_manager"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
