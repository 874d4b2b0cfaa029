# Managed by the template; updates merge into this file.
"""Threats, yours too, are answered by controls that something verifies; `mcp-scaffold check` looks after the controls."""

import re
from pathlib import Path

from ruamel.yaml import YAML

SECURITY = Path(__file__).parents[2] / "security"


def test_every_threat_is_answered_by_controls_that_are_verified() -> None:
    controls = [row for file in (SECURITY / "controls").glob("*.yaml") for row in YAML(typ="safe").load(file)]
    verified = {control["id"] for control in controls if control["verified"]}
    texts = [file.read_text(encoding="utf-8") for file in SECURITY.glob("threat*.md")]
    rows = [row.split("|") for text in texts for row in re.findall(r"^\| *[A-Z]+-\d+ *\|.*", text, re.MULTILINE)]
    answers = {row[1].strip(): re.findall(r"[^ ,]+", row[6] if len(row) == 9 else "") for row in rows}
    assert [threat for threat, answered in answers.items() if not answered or set(answered) - verified] == []
