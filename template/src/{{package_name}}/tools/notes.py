"""Example tools. Each works on the caller's own notes only."""

from typing import Any

from mcp.server import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel

from ..notes import Note, notes
from ..runtime.authoring import LongText, PageSize, current_principal


class NoteList(BaseModel):
    """Notes, newest first."""

    notes: list[Note]


class Purged(BaseModel):
    """How many notes are gone."""

    removed: int


async def list_notes(limit: PageSize = 20) -> NoteList:
    """List your notes, newest first."""
    return NoteList(notes=await notes().recent(current_principal().key, limit))


async def add_note(text: LongText) -> Note:
    """Keep a note."""
    return await notes().add(current_principal().key, text)


async def purge_notes() -> Purged:
    """Delete all your notes for good."""
    return Purged(removed=await notes().purge(current_principal().key))


def register(server: MCPServer[Any]) -> None:
    """Add the tools to the server."""
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    adds = ToolAnnotations(destructive_hint=False, open_world_hint=False)
    purges = ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)
    server.add_tool(list_notes, title="List notes", annotations=reads)
    server.add_tool(add_note, title="Add a note", annotations=adds)
    server.add_tool(purge_notes, title="Purge notes", annotations=purges)
