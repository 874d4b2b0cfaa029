"""Tools, one for each kind of content and for progress and failure."""

import base64
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import AudioContent, EmbeddedResource, ImageContent, TextContent, TextResourceContents

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = base64.b64encode(b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\0\0\0\0").decode()


async def test_simple_text() -> str:
    """Answer with text."""
    return "This is a simple text response for testing."


async def test_image_content() -> list[ImageContent]:
    """Answer with an image."""
    return [image()]


async def test_audio_content() -> list[AudioContent]:
    """Answer with a sound."""
    return [AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")]


async def test_embedded_resource() -> list[EmbeddedResource]:
    """Answer with a resource inside the result."""
    return [embedded("test://embedded-resource", "This is an embedded resource content.")]


async def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answer with a text, an image and a resource."""
    return [
        TextContent(type="text", text="Multiple content types test:"),
        image(),
        embedded("test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json"),
    ]


async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress in three steps."""
    for step in (0, 50, 100):
        await ctx.report_progress(step, 100, f"Completed step {step} of 100")
    return "done"


async def test_tool_with_logging(ctx: Context) -> str:
    """Send three log messages."""
    for step in ("started", "processing data", "completed"):
        await ctx.info(f"Tool {step}")
    return "done"


async def test_logging_tool(ctx: Context) -> str:
    """Send a log message, to those who want one."""
    await ctx.info("Something happened")
    return "done"


async def test_error_handling() -> str:
    """Fail."""
    raise RuntimeError("This tool intentionally returns an error for testing")


def image() -> ImageContent:
    """One pixel."""
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    """A resource with a text."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def register(server: MCPServer[Any]) -> None:
    """Add the tools."""
    for tool in (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_tool_with_progress,
        test_tool_with_logging,
        test_logging_tool,
        test_error_handling,
    ):
        server.add_tool(tool)
