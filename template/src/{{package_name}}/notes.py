"""The example's data: each person's notes, in memory and bounded. Put your own storage here."""

from collections import OrderedDict
from itertools import count

from pydantic import BaseModel

MAX_OWNERS = 10_000
MAX_NOTES = 1_000


class Note(BaseModel):
    """One note of one person."""

    id: str
    text: str


class Notes:
    """Notes by owner; the oldest of an owner, and the longest idle owner, make room for new ones."""

    def __init__(self) -> None:
        self._by_owner: OrderedDict[str, OrderedDict[str, Note]] = OrderedDict()
        self._ids = count(1)

    def recent(self, owner: str, limit: int) -> list[Note]:
        """An owner's notes, newest first."""
        return list(reversed(self._by_owner.get(owner, OrderedDict()).values()))[:limit]

    def find(self, owner: str, note_id: str) -> Note | None:
        """A note of this owner; nobody else's is ever found."""
        return self._by_owner.get(owner, OrderedDict()).get(note_id)

    def add(self, owner: str, text: str) -> Note:
        """Keep a new note for its owner."""
        note = Note(id=str(next(self._ids)), text=text)
        owned = self._by_owner.setdefault(owner, OrderedDict())
        self._by_owner.move_to_end(owner)
        owned[note.id] = note
        if len(owned) > MAX_NOTES:
            owned.popitem(last=False)
        if len(self._by_owner) > MAX_OWNERS:
            self._by_owner.popitem(last=False)
        return note

    def purge(self, owner: str) -> int:
        """Forget an owner's notes and say how many there were."""
        return len(self._by_owner.pop(owner, {}))


notes = Notes()
