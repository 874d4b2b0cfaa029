"""Tools and a prompt that need several rounds, as 2026-07-28 does it (SEP-2322)."""

import json
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

PREFIX = "test_input_required_result"


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """A form with one required field."""
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def completion(prompt: str) -> CreateMessageRequest:
    """A question for the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def answer(ctx: Context, name: str, field: str) -> str | None:
    """What the person wrote into a form's field, once the form is back."""
    result = (ctx.input_responses or {}).get(name)
    return str((result.content or {}).get(field)) if isinstance(result, ElicitResult) else None


async def elicitation(ctx: Context) -> str | InputRequiredResult:
    """Ask for a name."""
    if name := answer(ctx, "user_name", "name"):
        return f"Hello, {name}!"
    return InputRequiredResult(input_requests={"user_name": form("What is your name?", "name")})


async def sampling(ctx: Context) -> str | InputRequiredResult:
    """Ask the client's model."""
    result = (ctx.input_responses or {}).get("capital_question")
    if isinstance(result, CreateMessageResult):
        return f"Model said: {result.content}"
    return InputRequiredResult(input_requests={"capital_question": completion("What is the capital of France?")})


async def list_roots(ctx: Context) -> str | InputRequiredResult:
    """Ask for the client's roots."""
    result = (ctx.input_responses or {}).get("client_roots")
    if isinstance(result, ListRootsResult):
        return f"Client exposed {len(result.roots)} root(s)."
    return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})


async def request_state(ctx: Context) -> str | InputRequiredResult:
    """Remember something between two rounds."""
    if ctx.request_state == "remembered" and "confirm" in (ctx.input_responses or {}):
        return "state-ok: confirmation received"
    return InputRequiredResult(
        input_requests={"confirm": form("Please confirm", "ok", "boolean")}, request_state="remembered"
    )


async def multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Ask three things at once."""
    asked: dict[str, InputRequest] = {
        "user_name": form("What is your name?", "name"),
        "greeting": completion("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    if asked.keys() <= (ctx.input_responses or {}).keys():
        return "All inputs received."
    return InputRequiredResult(input_requests=asked, request_state="three things")


async def multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask two things, one after the other."""
    state = json.loads(ctx.request_state or "{}")
    if "name" in state and (color := answer(ctx, "step2", "color")):
        return f"{state['name']} likes {color}."
    if "round" in state and (name := answer(ctx, "step1", "name")):
        step2 = form("Step 2: What is your favorite color?", "color")
        return InputRequiredResult(
            input_requests={"step2": step2}, request_state=json.dumps({"round": 2, "name": name})
        )
    step1 = form("Step 1: What is your name?", "name")
    return InputRequiredResult(input_requests={"step1": step1}, request_state=json.dumps({"round": 1}))


async def tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Trust the state, because the runtime lets no changed one through."""
    if ctx.request_state is not None:
        return f"state-ok: {ctx.request_state}"
    return InputRequiredResult(
        input_requests={"confirm": form("Please confirm", "ok", "boolean")}, request_state="round 1"
    )


async def capabilities(ctx: Context) -> InputRequiredResult:
    """Ask only for what the client says that it can do."""
    able = ctx.client_capabilities
    asked: dict[str, InputRequest] = {}
    if able is None or able.sampling is not None:
        asked["sample"] = completion("Say hello")
    if able is None or able.elicitation is not None:
        asked["ask"] = form("What is your name?", "name")
    return InputRequiredResult(input_requests=asked, request_state="as declared")


async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Report progress before asking."""
    await ctx.report_progress(50, 100)
    return await elicitation(ctx)


async def test_missing_capability(ctx: Context) -> str:
    """Refuse a client that cannot sample."""
    able = ctx.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is needed.", {"requiredCapabilities": {"sampling": {}}}
        )
    return "Client declared sampling."


async def prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
    """Ask for context before the prompt is written."""
    if context := answer(ctx, "user_context", "context"):
        return [UserMessage(TextContent(type="text", text=f"Use the following context: {context}"))]
    return InputRequiredResult(input_requests={"user_context": form("What context should the prompt use?", "context")})


def register(server: MCPServer[Any]) -> None:
    """Add the tools and the prompt."""
    for tool in (
        elicitation,
        sampling,
        list_roots,
        request_state,
        multiple_inputs,
        multi_round,
        tampered_state,
        capabilities,
    ):
        server.add_tool(tool, name=f"{PREFIX}_{tool.__name__}")
    server.add_tool(test_streaming_elicitation)
    server.add_tool(test_missing_capability)
    server.prompt(name=f"{PREFIX}_prompt")(prompt)
