"""Classes of data of what is no tool, or not there."""

from pathlib import Path

import pytest
from notes_server.runtime.access.data import check_classifies
from notes_server.runtime.startup import ConfigurationError
from runtime.test_data import DATA, event_of


def test_a_prompt_of_the_same_name_has_no_classes(tmp_path: Path) -> None:
    event = event_of(tmp_path / "events.jsonl", method="prompts/get", audit_arguments="dropped")
    assert "arguments" not in event
    assert "data" not in event


@pytest.mark.parametrize("ruled, told", [("see", "look"), ("look", "note, pin of look")])
def test_a_class_of_what_is_not_there_is_refused(ruled: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"not there: {told}"):
        check_classifies(DATA, {ruled}, {ruled: {"input": {"properties": {"place": {}}}}})
