"""The tokens that a call is estimated to cost a model."""

from runtime.test_metrics import _points, _telemetry, ask


def test_what_a_call_costs_a_model_is_estimated_by_tool() -> None:
    def tokens() -> dict[str, float]:
        found = _points("mcp.server.tokens.estimated")
        return {point["direction"]: value for point, value in found if point["gen_ai.tool.name"] == "write_item"}

    ask("tools/call", "write_item", {"text": "x"})
    before = tokens()
    ask("tools/call", "write_item", {"text": "x" * 101})
    assert tokens()["in"] - before["in"] > 25
    assert tokens()["out"] - before["out"] > 25
