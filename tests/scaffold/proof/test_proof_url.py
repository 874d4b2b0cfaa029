"""`mcp-scaffold prove --url`: what is asked of a server that is not ours, and with what in hand."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaffold.commands.prove import Request, prove, read_token
from scaffold.endpoint import Endpoint
from scaffold.errors import RefusedError, UnavailableError
from scaffold.proof import ProofReport, prove_url
from scaffold.proof.outcomes import WireError
from scaffold.proof.probe import Status
from scaffold.proof.wire import exchange
from scaffold.toolchain.processes import free_ports
from tests.support.template import CHECKOUT

BARE_SERVER = CHECKOUT / "tests" / "servers" / "bare_sdk.py"


@pytest.fixture(scope="module")
def bare_url() -> Iterator[str]:
    """The official SDK's server as it comes."""
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}/mcp"
    with subprocess.Popen([sys.executable, str(BARE_SERVER), str(port)], stderr=subprocess.DEVNULL) as server:
        _wait_for(url)
        yield url
        server.terminate()


@pytest.fixture(scope="module")
def bare_report(bare_url: str) -> ProofReport:
    return prove_url(bare_url)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            exchange(Endpoint.at(url), "OPTIONS")
        except WireError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def ids(report: ProofReport, status: Status) -> set[str]:
    return {result.probe.id for result in report.results if result.status is status}


def test_the_bare_sdk_fails_where_it_leaves_things_to_others(bare_report: ProofReport) -> None:
    assert ids(bare_report, Status.FAILED) == {
        "network.get",
        "inputs.unknown-argument",
        "inputs.coerced-argument",
        "limits.some-rate",
    }


def test_the_bare_sdk_speaks_both_eras(bare_report: ProofReport) -> None:
    spoken = {"discovery.discover", "discovery.initialize", "discovery.call-2026", "discovery.call-2025"}
    assert spoken <= ids(bare_report, Status.PASSED)


def test_what_needs_tokens_of_our_own_is_said_to_be_left_out(bare_report: ProofReport) -> None:
    reasons = {result.probe.id: result.observation for result in bare_report.results}
    assert reasons["tokens.expired"] == "the server asks for no token"


def test_no_probe_of_a_strange_server_starts_or_stops_anything(bare_report: ProofReport) -> None:
    assert not any(result.probe.id.startswith(("lifecycle.", "stdio.")) for result in bare_report.results)


def test_a_server_elsewhere_is_not_loaded_unasked(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "on_loopback", property(lambda _: False))
    report = prove_url(bare_url)
    assert {"limits.some-rate", "inputs.oversize-chunked"} <= ids(report, Status.SKIPPED)
    assert "limits.some-rate" in ids(prove_url(bare_url, allow_load=True), Status.FAILED)


def test_a_token_is_not_sent_where_it_can_be_read() -> None:
    with pytest.raises(RefusedError, match="readable"):
        prove_url("http://mcp.example.com/mcp", token="secret")


@pytest.mark.parametrize(
    "url", ["", "mcp.example.com", "ftp://x/mcp", "https://", "https://u:p@x/mcp", "http://x/?a=1"]
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(RefusedError):
        prove_url(url)


def test_nobody_there_is_no_failed_proof() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/mcp"
    with pytest.raises(UnavailableError, match="cannot be proven"):
        prove(Request(path=None, full=False, url=url, token_file=None, may_load=False, json=False))


def test_the_exit_status_tells_a_failed_proof(bare_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove(Request(path=None, full=False, url=bare_url, token_file=None, may_load=False, json=True)) == 4
    assert '"passed": false' in capsys.readouterr().out


@pytest.mark.parametrize(
    "request_",
    [
        Request(path=Path(), full=False, url="http://x/mcp", token_file=None, may_load=False, json=False),
        Request(path=None, full=True, url="http://x/mcp", token_file=None, may_load=False, json=False),
        Request(path=Path(), full=False, url=None, token_file="token", may_load=False, json=False),
        Request(path=Path(), full=False, url=None, token_file=None, may_load=True, json=False),
    ],
)
def test_options_that_do_not_go_together_are_refused(request_: Request) -> None:
    with pytest.raises(RefusedError):
        prove(request_)


def test_the_token_comes_from_a_file_or_a_pipe_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("from-a-pipe\n"))
    monkeypatch.setenv("MCP_PROVE_TOKEN", "from-the-environment")
    assert [read_token(str(file)), read_token("-"), read_token(None)] == [
        "from-a-file",
        "from-a-pipe",
        "from-the-environment",
    ]
    monkeypatch.delenv("MCP_PROVE_TOKEN")
    assert read_token(None) is None


@pytest.mark.parametrize("text", ["", "two words", "ünïcode", "line\nbreak"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError):
        read_token(str(file))
