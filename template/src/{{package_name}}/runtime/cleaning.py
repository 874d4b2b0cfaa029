# Managed by the template; updates merge into this file.
"""Text for others: no instruction to a terminal or a renderer, and nothing that must stay here."""

import re
from contextlib import suppress
from typing import Any

from pydantic_core import from_json, to_json

MAX_MESSAGE = 2_000
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
SECRET_MARK = re.compile(r"PRIVATE KEY-|\.eyJ|AKIA|gh[pousr]_|github_pat_|xox|sk-")  # in every one, and quicker


def clean_text(text: str) -> str:
    """The text without what is invisible, escapes or secret; JSON is read first, as its own escapes would hide it."""
    if text.lstrip().startswith(("{", "[")):
        with suppress(ValueError):
            value = from_json(text)
            cleaned = clean(value)
            return text if cleaned == value else to_json(cleaned, indent=2).decode()
    visible = text if text.isascii() and text.isprintable() else INVISIBLE.sub("", text)
    return _SECRETS.sub("[redacted]", visible) if SECRET_MARK.search(visible) else visible


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
