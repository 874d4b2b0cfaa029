"""Resources, prompts and completion."""

import base64
import json
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
)

from .content import PIXEL, embedded, image


async def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


async def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PIXEL)


async def template_data(id: str) -> str:
    """A text by id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


async def watched() -> str:
    """A text that may change."""
    return "Watched resource content"


async def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A prompt that holds a resource."""
    resource = embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage(TextContent(type="text", text="Process the resource above."))]


async def test_prompt_with_image() -> list[UserMessage]:
    """A prompt that holds an image."""
    return [UserMessage(image()), UserMessage(TextContent(type="text", text="Analyze the image above."))]


async def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Suggest values for any argument."""
    return Completion(values=[value for value in ("paris", "park") if value.startswith(argument.value)])


def register(server: MCPServer[Any]) -> None:
    """Add the resources, prompts and completion."""
    server.resource("test://static-text")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://template/{id}/data")(template_data)
    server.resource("test://watched-resource")(watched)
    for prompt in (
        test_simple_prompt,
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
    ):
        server.prompt()(prompt)
    server.completion()(complete)
