"""The tables of `data/`: what the questions choose from, by name."""

from __future__ import annotations

from typing import Any

from scaffold.template.declarations import read_declarations
from tests.support.template import CHECKOUT

Row = dict[str, Any]
DECLARED = read_declarations(CHECKOUT / "copier.yml")
PROVIDERS: dict[str, Row] = DECLARED["providers"]["default"]
FRAMEWORKS: dict[str, Row] = DECLARED["frameworks"]["default"]
TARGETS: dict[str, Row] = DECLARED["targets"]["default"]
