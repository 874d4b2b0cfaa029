"""Metrics of a tool's author that nothing would bound."""

from pathlib import Path

import pytest
from notes_server.runtime.startup import ConfigurationError
from runtime.test_metrics import own_metrics, shop


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("count(f'orders.{1}')", "line 2: count.. takes its name as a literal"),
        ("count('Orders')", "'Orders' is no name for a metric of yours"),
        ("measure('mcp.server.refusals', 1)", "is no name for a metric of yours"),
        ("count('a')\nmeasure('a', 1)", "'a' is registered already, by count"),
        ("count('a.b')\ncount('a_b')", "'a.b' is registered already"),
        ("count('baskets')", "declared for what nothing counts: orders.placed"),
    ],
)
def test_a_metric_of_ones_own_that_is_not_bounded_is_refused(shop: Path, source: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        own_metrics(shop, source)
