# Managed by the template; updates merge into this file.
"""What calls return and say, cleaned and bounded."""

import re
from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INTERNAL_ERROR, MISSING_REQUIRED_CLIENT_CAPABILITY, ClientCapabilities, ErrorData
from pydantic_core import to_json, to_jsonable_python

from ..cleaning import SECRET_MARK, clean, cut
from ..observability.logs import current_reference
from ..sdk import RewritingSession
from .errors import CallRefused
from .limits import LIMITED_METHODS

MAX_DATA = 16_000
_CAPABILITIES = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
_SUSPECT = re.compile(rf"\\[bfu]|{SECRET_MARK.pattern}")  # in JSON of printable ASCII, or in JSON inside that
_CRASH = re.compile(r"(Error (executing tool|reading resource|creating resource from template) \S+(: (?!$)|$))+")
SECRET_FIELD = re.compile(r'"\w*(?:passw|secret|api_?key|access_?token|private_?key|credential)\w*":\{', re.IGNORECASE)


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
        for block in result["content"] if result.get("isError") else ():
            # The SDK's words for an unexpected exception, which stays here: the reference finds its log lines.
            if _CRASH.fullmatch(str(block.get("text"))):
                block["text"] += f" (reference {current_reference()})"
        return result


def _check_questions(ctx: ServerRequestContext[Any, Any], questions: Mapping[str, Any]) -> None:
    """A client is asked only for what it declared, which the SDK leaves to tools, and nobody for a secret in a form."""
    if questions and SECRET_FIELD.search(to_json(questions).decode()):
        raise CallRefused("asks_for_secret", 500, "A form must not ask for a secret; a page that a URL names may.")
    needed: dict[str, Any] = {_CAPABILITIES[question["method"]]: {} for question in questions.values()}
    if needed and not ctx.session.check_client_capability(ClientCapabilities.model_validate(needed)):
        message = f"The client did not declare: {', '.join(needed)}"
        raise CallRefused("undeclared", MISSING_REQUIRED_CLIENT_CAPABILITY, message, {"requiredCapabilities": needed})
