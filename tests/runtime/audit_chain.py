"""The hash chain where a process, a file or a line ends."""

import json
from pathlib import Path

import pytest
from notes_server.runtime.observability.audit import AuditTrail
from notes_server.runtime.observability.audit_chain import verify
from notes_server.runtime.settings import Settings
from pydantic import SecretStr
from runtime.test_audit_chain import KEY, run, write, write_three


def test_a_new_process_goes_on_from_the_end_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    write(file, "before the crash")
    killed, running = verify(write(file, "after it"), KEY.encode()).values()
    assert (killed.ended, running.ended) == (True, False)


def test_chains_and_logs_may_share_one_stream(tmp_path: Path) -> None:
    here = write(tmp_path / "here.jsonl", "1", "2")
    there = write(tmp_path / "there.jsonl", "1", "2")
    mixed = [here[0], there[0], json.dumps({"message": "a log"}), there[1], "no JSON", here[1]]
    assert [chain.last for chain in verify(mixed, KEY.encode()).values()] == [1, 1]


@pytest.mark.parametrize("missing", [1, 2], ids=["its start", "the chain"])
def test_a_trail_without_its_beginning_is_verified_only_as_a_part(missing: int, tmp_path: Path) -> None:
    file = write_three(tmp_path / "audit.jsonl")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[missing:]))
    refused, accepted = run(file), run(file, "--partial")
    assert (refused.returncode, "what came before is not here" in refused.stderr) == (1, True)
    assert "intact" not in refused.stdout
    assert (accepted.returncode, accepted.stdout.splitlines()[-1]) == (0, "intact in the part that is here")


def test_a_chain_goes_on_over_a_rotation(tmp_path: Path) -> None:
    lines = write(tmp_path / "audit.jsonl", "before", "midnight", "after")
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_text("\n".join(lines[:2]) + "\n")
    new.write_text(lines[2] + "\n")
    assert [run(old, new).returncode, run(new).returncode, run("--partial", new).returncode] == [0, 1, 0]


def test_a_line_that_a_kill_tore_is_told_from_one_that_somebody_tore(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    write(file, "first", "second")
    file.write_text(file.read_text()[:-20])
    assert not next(iter(verify(file.read_text().splitlines(), KEY.encode()).values())).ended
    first, torn, third, fourth = write(file, "third", "fourth")
    assert verify([first, torn, third, fourth], KEY.encode())
    for broken in ([first, torn[:-1], third, fourth], [first, torn, fourth], [first, torn, third[:-20], fourth]):
        with pytest.raises(ValueError, match=r"line [23]"):
            verify(broken, KEY.encode())


def test_what_could_not_be_written_is_a_gap_and_no_break(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    trail = AuditTrail(Settings(audit_file=file, audit_chain_key=SecretStr(KEY)))
    trail.record("gap", None, missed=7)
    trail.record("closed", None)
    trail.close()
    assert "; 7 more could not be written" in run(file).stdout
    assert run(file).returncode == 0
