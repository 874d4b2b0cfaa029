"""`proof.yaml`: what it may say, and how the stand-ins that it names are started and ended."""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from scaffold.errors import RefusedError, StandInError, UnavailableError
from scaffold.proof import stand_ins
from scaffold.proof.samples import choose
from scaffold.proof.wire import Message
from scaffold.rendered.proof_settings import GivenCall, ProofSettings, Service
from scaffold.toolchain import processes
from scaffold.toolchain.processes import free_ports

SERVE = """import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True: listener.accept()
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SERVE}"
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SERVE!r}, sys.argv[1]])"


def given(folder: Path, text: str) -> ProofSettings:
    (folder / "proof.yaml").write_text(text, encoding="utf-8")
    return ProofSettings.read(folder)


def test_without_the_file_nothing_is_given(tmp_path: Path) -> None:
    assert ProofSettings.read(tmp_path) == given(tmp_path, "") == ProofSettings()


def test_settings_are_texts_and_files_stand_in_the_repository(tmp_path: Path) -> None:
    text = "env: {MCP_LIMIT: 5, MCP_STRICT: true, MCP_CRM_TOKEN_FILE: secrets/token, LOG_FILE: log}"

    assert given(tmp_path, text).env == {
        "MCP_LIMIT": "5",
        "MCP_STRICT": "true",
        "MCP_CRM_TOKEN_FILE": str(tmp_path / "secrets" / "token"),
        "LOG_FILE": "log",
    }


def test_a_command_is_a_text_or_a_list(tmp_path: Path) -> None:
    text = "services: [{command: run 'a b', ready: 'localhost:1'}, {command: [run, a b], ready: '[::1]:65535'}]"

    services = given(tmp_path, text).services

    assert [service.command for service in services] == [("run", "a b")] * 2
    assert [service.address for service in services] == [("localhost", 1), ("::1", 65535)]


@pytest.mark.parametrize(
    "text,complaint",
    [
        ("- env", "it is no mapping"),
        ("environment: {}", "it has no 'environment'"),
        ("env: [A=b]", "env is no mapping"),
        ("env: {1: a}", "env is no mapping"),
        ("env: {a-b: c}", "'a-b' is no name"),
        ("env: {A: null}", "A is one text or number"),
        ("env: {A: [b]}", "A is one text or number"),
        ("env: {MCP_AUTH_ISSUER: https://id.example.com}", "MCP_AUTH_ISSUER is set by the proof itself"),
        ("services: {command: a}", "services is a list"),
        ("services: [a]", r"services\[0\] is no mapping"),
        ("services: [{command: a, ready: '127.0.0.1:1', port: 1}]", r"services\[0\] has no 'port'"),
        ("services: [{command: a}]", r"services\[0\]: ready is the address"),
        ("services: [{command: a, ready: nowhere}]", "not 'nowhere'"),
        ("services: [{command: a, ready: 'localhost:65536'}]", "65536 is no port"),
        ("services: [{command: [], ready: 'localhost:1'}]", "command is a program"),
        ("services: [{command: 'a \"', ready: 'localhost:1'}]", "command is a program"),
        ("call: list", "call is no mapping"),
        ("call: {arguments: {}}", "tool is the name"),
        ("call: {tool: list, arguments: [1]}", "arguments is no mapping"),
        ("env: {", "not YAML"),
    ],
)
def test_what_it_cannot_say_is_refused_in_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RefusedError, match=complaint) as refused:
        given(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_the_given_call_is_made_and_one_that_is_not_listed_is_told() -> None:
    tools: list[Message] = [{"name": "read", "annotations": {"readOnlyHint": True}}, {"name": "write"}]

    chosen = choose(tools, GivenCall("write", {"a": 1}))

    assert chosen is not None
    assert (chosen.name, chosen.arguments) == ("write", {"a": 1})
    with pytest.raises(LookupError, match=r"proof\.yaml calls gone"):
        choose(tools, GivenCall("gone", {}))


def test_a_tools_error_is_no_failure_of_the_server_unless_the_call_was_given() -> None:
    tools: list[Message] = [{"name": "read", "annotations": {"readOnlyHint": True}}]
    failed = {"isError": True, "content": []}

    chosen, wished = choose(tools, None), choose(tools, GivenCall("read", {}))

    assert chosen is not None
    assert wished is not None
    assert (chosen.trouble(failed), wished.trouble(failed)) == ("", "tool error")
    assert chosen.trouble({}) == "no result"


def service(source: str, port: int) -> Service:
    return Service((sys.executable, "-c", source, str(port)), f"127.0.0.1:{port}", ("127.0.0.1", port))


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def falls_silent(port: int) -> bool:
    """Whether nothing answers before long: a killed process is gone a moment later."""
    deadline = time.monotonic() + 10
    while answers(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not answers(port)


@pytest.mark.parametrize("source", [SERVE, STUBBORN, WITH_A_CHILD], ids=["plain", "stubborn", "child"])
def test_stand_ins_answer_in_the_block_and_are_gone_after_it(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "ENDING_SECONDS", 0.5)
    first, second = free_ports(2)

    def be_interrupted() -> None:
        services = [service(SERVE, first), service(source, second)]
        with stand_ins.running(services, tmp_path, os.environ, tmp_path):
            assert answers(first)
            assert answers(second)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()

    assert falls_silent(first)
    assert falls_silent(second)


def test_a_stand_in_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = service("import sys; sys.exit('no such customer file')", free_ports(1)[0])

    with pytest.raises(StandInError, match=r"(?s)ended with status 1.*no such customer file"):
        stand_ins.running([broken], tmp_path, os.environ, tmp_path).__enter__()


def test_a_stand_in_that_never_answers_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins, "READY_SECONDS", 0.2)
    silent = service("import time; time.sleep(60)", free_ports(1)[0])

    with pytest.raises(StandInError, match="was not ready"):
        stand_ins.running([silent], tmp_path, os.environ, tmp_path).__enter__()


def test_a_place_that_is_taken_is_not_mistaken_for_the_stand_in(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = service(SERVE, other.getsockname()[1])
        with pytest.raises(StandInError, match="answers there already"):
            stand_ins.running([taken], tmp_path, os.environ, tmp_path).__enter__()


def test_a_program_that_is_missing_is_told_as_missing(tmp_path: Path) -> None:
    missing = Service(("no-such-program",), "127.0.0.1:1", ("127.0.0.1", 1))

    with pytest.raises(UnavailableError, match="no-such-program is not installed"):
        stand_ins.running([missing], tmp_path, os.environ, tmp_path).__enter__()
