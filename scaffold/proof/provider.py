"""How the access tokens of a repository's provider look, from the template's table of providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scaffold.errors import UnavailableError
from scaffold.proof.issuer import TokenShape
from scaffold.rendered.repository import RenderedRepository
from scaffold.template.declarations import read_declarations
from scaffold.template.source import template_source


def token_shape(repository: RenderedRepository) -> TokenShape:
    """The shape of the tokens of a repository's provider.

    Raises:
        UnavailableError: this installation knows no such provider.
    """
    row = _rows().get(repository.provider)
    if not isinstance(row, dict):
        raise UnavailableError(f"This mcp-scaffold knows no provider {repository.provider!r}: install a newer one.")
    prefix = str(row.get("scope_prefix") or "")
    return TokenShape.from_row(row, prefix.format(public_url=repository.public_url, audience=repository.audience))


def _rows() -> Mapping[str, Any]:
    questions = read_declarations(template_source().questions / "copier.yml")
    rows: Mapping[str, Any] = questions["providers"]["default"]
    return rows
