"""Defaults that a person's machine suggests: the folder's name, and the `user.name` and `user.email` of git."""

from __future__ import annotations

import re
from pathlib import Path

from scaffold.git import Git, GitError

LONGEST_NAME, LONGEST_ADDRESS, SHORTEST_SLUG = 60, 200, 3
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*(?:\.[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)+")


def suggest(destination: Path) -> dict[str, str]:
    """Defaults for the name, the owner and the contact of what is made at `destination`; those that fit only."""
    folder = next(parent for parent in (destination, *destination.parents) if parent.is_dir())
    name, owner, contact = destination.name, _configured(folder, "user.name"), _configured(folder, "user.email")
    suggested = {"project_name": name if _yields_a_slug(name) else "", "owner": owner}
    fitting = {key: text for key, text in suggested.items() if _is_a_name(text)}
    return fitting | ({"security_contact": contact} if _is_read(contact) else {})


def _configured(folder: Path, name: str) -> str:
    try:
        return Git(folder)("config", "--get", name)
    except GitError:
        return ""


def _is_a_name(text: str) -> bool:
    return text.isprintable() and text == text.strip() and 0 < len(text) <= LONGEST_NAME


def _yields_a_slug(name: str) -> bool:
    """Whether a short name follows from a name; of one or two letters it would be made up."""
    return len(re.findall(r"[a-z0-9]", name.lower())) >= SHORTEST_SLUG


def _is_read(address: str) -> bool:
    """Whether mail to it can reach somebody; forges' addresses for commits cannot."""
    return bool(_ADDRESS.fullmatch(address)) and len(address) <= LONGEST_ADDRESS and "noreply" not in address
