"""An example resource: one note of the caller."""

from typing import Any

from mcp.server import MCPServer

from ..notes import notes
from ..runtime.authoring import ResourceNotFoundError, current_principal


async def read_note(note_id: str) -> str:
    """The text of one of your notes."""
    note = await notes().find(current_principal().key, note_id)
    if note is None:
        raise ResourceNotFoundError("There is no such note.")
    return note.text


def register(server: MCPServer[Any]) -> None:
    """Add the resource to the server."""
    server.resource("notes://{note_id}", name="note", title="Note", mime_type="text/plain")(read_note)
