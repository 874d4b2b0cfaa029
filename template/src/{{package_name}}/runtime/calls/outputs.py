# Managed by the template; updates merge into this file.
"""Results carry text, not instructions to a terminal or a renderer, and nothing that must stay here."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INTERNAL_ERROR, MISSING_REQUIRED_CLIENT_CAPABILITY, ClientCapabilities, ErrorData
from pydantic_core import from_json, to_json, to_jsonable_python

from ..errors import CallRefused
from ..logs import current_reference
from ..sdk import RewritingSession
from .limits import LIMITED_METHODS

MAX_MESSAGE, MAX_DATA = 2_000, 16_000
_CAPABILITIES = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
INVISIBLE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # terminal escape sequences
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # terminal titles and links
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"  # control characters but tab and line breaks
    r"|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"  # zero-width, bidirectional
    r"|[\u115f\u1160\u3164\uffa0\ufe00-\ufe0d\U000e0000-\U000e0fff]"  # fillers, selectors and tags, which hide text
)
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN )[\s\S])*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<![\w-])[\w-]{11,}+\.eyJ[\w-]{8,}+\.[\w-]{8,}"  # a JWT
    r"|\bAKIA[0-9A-Z]{16}\b"  # an AWS access key id
    r"|\bgh[pousr]_\w{36,}\b|\bgithub_pat_\w{22,}\b"
    r"|\bxox[abprs]-[\w-]{10,}"  # a Slack token
    r"|\bsk-[A-Za-z0-9_-]{20,}\b"
)
_MARK = re.compile(r"PRIVATE KEY-|\.eyJ|AKIA|gh[pousr]_|github_pat_|xox|sk-")  # in every secret, and found quicker
_SUSPECT = re.compile(rf"\\[bfu]|{_MARK.pattern}")  # in JSON of printable ASCII, or in JSON inside that
SECRET_FIELD = re.compile(r'"\w*(?:passw|secret|api_?key|access_?token|private_?key|credential)\w*":\{', re.IGNORECASE)


def clean_text(text: str) -> str:
    """The text without invisible characters and terminal escapes, and with secrets redacted.

    JSON inside a text is read first, as its own escapes would hide what they stand for.
    """
    if text.lstrip().startswith(("{", "[")):
        with suppress(ValueError):
            value = from_json(text)
            cleaned = clean(value)
            return text if cleaned == value else to_json(cleaned, indent=2).decode()
    visible = text if text.isascii() and text.isprintable() else INVISIBLE.sub("", text)
    return _SECRETS.sub("[redacted]", visible) if _MARK.search(visible) else visible


def clean(value: Any) -> Any:
    """`clean_text` for every string inside a JSON value; keys stay, as they belong to the schema."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list) else value


def cut(message: str) -> str:
    """What an error says, cleaned, and short even where it repeats what a client sent."""
    return clean_text(message)[:MAX_MESSAGE]


def clean_error(error: ErrorData) -> ErrorData:
    """An error under the rules for results; of an internal one only the reference to its log lines leaves."""
    if error.code == INTERNAL_ERROR:
        return ErrorData(code=error.code, message=f"Internal error (reference {current_reference()})")
    cleaned = ErrorData(code=error.code, message=cut(error.message))
    data = clean(to_jsonable_python(error.data, serialize_unknown=True))
    if data is not None and len(str(data)) <= MAX_DATA:
        cleaned.data = data
    return cleaned


class Outputs:
    """Cleans what tools, resources and prompts return and say on the way, and bounds the size of a result."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        ctx.session = RewritingSession(ctx.session, clean)
        result = await call_next(ctx)
        if ctx.method not in LIMITED_METHODS or not isinstance(result, dict):
            return result
        _check_questions(ctx, result.get("inputRequests") or {})
        encoded = to_json(result)
        if len(encoded) > self._max_bytes:
            raise CallRefused("large_result", 500, f"The result is larger than {self._max_bytes} bytes; ask for less.")
        if not ((text := encoded.decode()).isascii() and text.isprintable()) or _SUSPECT.search(text):
            result = {key: value if key in ("_meta", "requestState") else clean(value) for key, value in result.items()}
        if result.get("isError"):
            _add_reference(str((ctx.params or {}).get("name")), result)
        return result


def _check_questions(ctx: ServerRequestContext[Any, Any], questions: Mapping[str, Any]) -> None:
    """A client is asked only for what it declared, which the SDK leaves to tools, and nobody for a secret in a form."""
    if questions and SECRET_FIELD.search(to_json(questions).decode()):
        raise CallRefused("asks_for_secret", 500, "A form must not ask for a secret; a page that a URL names may.")
    needed: dict[str, Any] = {_CAPABILITIES[question["method"]]: {} for question in questions.values()}
    if needed and not ctx.session.check_client_capability(ClientCapabilities.model_validate(needed)):
        message = f"The client did not declare: {', '.join(needed)}"
        raise CallRefused("undeclared", MISSING_REQUIRED_CLIENT_CAPABILITY, message, {"requiredCapabilities": needed})


def _add_reference(tool_name: str, result: dict[str, Any]) -> None:
    """An unexpected exception stays here; its log lines are found by the reference that the client sees."""
    for block in result["content"]:
        if block.get("text") == f"Error executing tool {tool_name}":  # the SDK's words
            block["text"] += f" (reference {current_reference()})"
