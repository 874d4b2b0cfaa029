# Managed by the template; updates merge into this file.
"""What your code may rely on: all else of the runtime may move."""

import re
from pathlib import Path


def test_your_code_imports_nothing_of_the_runtime_but_authoring() -> None:
    folders = (Path(__file__).parents[2] / each for each in ("src", "tests/tools", "tests/resources", "tests/prompts"))
    texts = {file.name: file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py")}
    yours = {name: text for name, text in texts.items() if not text.startswith("# Managed by the template")}
    other = re.compile(r"^ *(?:from|import) \S*\bruntime\b(?!\.authoring\b)", re.MULTILINE)
    assert not [name for name, text in yours.items() if other.search(text)]
