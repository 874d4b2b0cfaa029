"""Procedures of people: `security/procedures.yaml` says which and how often, its log when each was done last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from scaffold import documents
from scaffold.errors import RefusedError

PROCEDURES, LOG = "security/procedures.yaml", "security/procedures-log.yaml"


@dataclass(frozen=True)
class Procedure:
    """A procedure, with the last entry of its log; `done` is None where there is none."""

    id: str
    title: str
    owner: str
    cadence_days: int
    done: dt.date | None
    by: str

    def problem(self, today: dt.date) -> str:
        """Why it verifies nothing on a day, empty where it does."""
        if self.done is None:
            return f"nobody logged it in {LOG}"
        if self.done > today:
            return f"its last entry is of {self.done}, which is not yet"
        due = self.done + dt.timedelta(days=self.cadence_days)
        return f"it was done on {self.done}, and due again on {due}" if due < today else ""


def read_procedures(repository: Path) -> dict[str, Procedure]:
    """Read the procedures of a repository, by id; without the files there are none.

    Raises:
        RefusedError: A file or a row cannot be read.
    """
    done: dict[str, tuple[dt.date, str]] = {}
    for row in _rows(repository, LOG):
        date = _date(row.get("date"))
        if date is None or not row.get("procedure"):
            raise RefusedError(f"{LOG} has an entry without procedure or date: write both, the date as 2026-01-31.")
        last = done.get(str(row["procedure"]))
        if last is None or date >= last[0]:
            done[str(row["procedure"])] = date, str(row.get("by", ""))
    procedures: dict[str, Procedure] = {}
    for row in _rows(repository, PROCEDURES):
        if not row.keys() >= {"id", "title", "owner", "cadence_days"} or not isinstance(row["cadence_days"], int):
            raise RefusedError(f"{PROCEDURES} has a row without id, title, owner or cadence_days: correct it.")
        date, by = done.get(str(row["id"]), (None, ""))
        procedures[str(row["id"])] = Procedure(
            str(row["id"]), str(row["title"]), str(row["owner"]), row["cadence_days"], date, by
        )
    return procedures


def _rows(repository: Path, name: str) -> list[dict[str, object]]:
    if not (repository / name).is_file():
        return []
    rows = documents.read(repository / name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RefusedError(f"{name} holds no list of rows: correct it.")
    return rows


def _date(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None
