"""What `prove --url` finds on what other scaffolders render: uv run --group node python benchmarks/peers.py [FILE].

Each scaffolder comes from its registry, renders into a folder that is thrown away, and its server starts on loopback as
its own README says. A server that wants tokens gets a good one of an issuer that runs beside it. With FILE the table is
written there, as Markdown.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scaffolders import PEERS, PROGRAMS, UV, Peer

from scaffold.proof.issuer import Authority, Issuer, TokenShape, running_issuer

START_SECONDS = 60
FOREIGN = ("MCP_", "OTEL_", "VIRTUAL_ENV", "PYTHONPATH")
SCOPES = ("mcp:read", "mcp:write")
PREFACE = """\
Of {date}, by `uv run --group node python benchmarks/peers.py docs/peers.md`. Each scaffolder was installed from its
registry in the version named, its dependencies resolved that day; its http server was started on loopback and
questioned with `mcp-scaffold prove --url`. Servers that want tokens were given a good one of a local issuer. The probes
are this project's own, each with its source, which `--json` names. Many ask what MCP 2026-07-28 newly demands, and a
server that does not claim to speak it cannot pass them. Probes that need tokens made for the purpose, such as expired
ones, are left to the proof of a rendered repository. A probe that does not apply is skipped, and says why."""


@dataclass
class Finding:
    """What became of a peer: what went wrong before the proof, and the proof."""

    peer: Peer
    trouble: list[str] = field(default_factory=list)
    libraries: str = ""
    proof: Mapping[str, Any] | None = None

    def probes(self, status: str) -> list[dict[str, Any]]:
        """The probes with that status."""
        return [probe for probe in (self.proof or {}).get("probes", ()) if probe["status"] == status]


def main() -> None:
    """Prove every peer; print the table, or write it."""
    findings = []
    for peer in PEERS:
        print(f"{peer.name}, {peer.told} ...", file=sys.stderr, flush=True)
        with TemporaryDirectory() as folder:
            findings.append(examine(peer, Path(folder)))
    text = markdown(findings)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        print(text)


def examine(peer: Peer, folder: Path) -> Finding:
    """Render, start and prove one peer."""
    finding = Finding(peer)
    place = folder / "notes"
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    authority = Authority(folder)
    with running_issuer(authority, "", f"{base}/mcp", TokenShape()) as issuer:
        words = {"port": str(port), "base": base, "url": f"{base}/mcp", **_about(issuer)}
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            **{name: value.format(**words) for name, value in peer.environment.items()},
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        }
        for step in (peer.render, *peer.install):
            command = [word.format(**words) for word in step]
            if trouble := _run(command, folder if step is peer.render else place, environment):
                finding.trouble.append(f"`{' '.join([Path(command[0]).name, *command[1:]])}` failed: {trouble}")
        finding.libraries = _libraries(place)
        trusting = {**environment, "SSL_CERT_FILE": str(authority.certificate_file)}
        trusting["NODE_EXTRA_CA_CERTS"] = str(authority.certificate_file)
        with _started([word.format(**words) for word in peer.start], place, trusting, port) as trouble:
            if trouble:
                finding.trouble.append(f"does not start: {trouble}")
            else:
                token = issuer.sign(issuer.claims("alice", SCOPES)) if peer.with_token else ""
                finding.proof = _prove(words["url"], token)
    return finding


def markdown(findings: Sequence[Finding]) -> str:
    """The table, and below it what failed and what could not be asked."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    lines = [
        "# Other scaffolders, proven by the same command",
        "",
        *textwrap.wrap(PREFACE.format(date=today), 118, break_on_hyphens=False),
        "",
        "| scaffolder | told | protocol library | starts | passed | failed | skipped |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    lines += [_row(finding) for finding in findings]
    for finding in findings:
        lines += ["", f"## {finding.peer.name}, {finding.peer.told}", "", *_details(finding)]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    counts = [str(len(finding.probes(status))) for status in ("passed", "failed", "skipped")]
    numbers = " | ".join(counts if finding.proof else ["", "", ""])
    starts = "yes" if finding.proof else "no"
    return f"| {finding.peer.name} | `{finding.peer.told}` | {finding.libraries} | {starts} | {numbers} |"


def _details(finding: Finding) -> Iterator[str]:
    yield from (f"- {trouble}" for trouble in finding.trouble)
    for probe in finding.probes("failed"):
        yield f"- **{probe['id']}**: expected {probe['expectation']}; observed {probe['observation']}"
    reasons: dict[str, int] = {}
    for probe in finding.probes("skipped"):
        reasons[probe["observation"]] = reasons.get(probe["observation"], 0) + 1
    yield from (f"- skipped, {count}: {reason}" for reason, count in reasons.items())


def _about(issuer: Issuer) -> dict[str, str]:
    return {"issuer": issuer.url, "keys": str(issuer.metadata()["jwks_uri"])}


def _run(command: Sequence[str], place: Path, environment: Mapping[str, str]) -> str:
    """Run to the end; returns nothing, or the line that says what went wrong."""
    done = subprocess.run(
        command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return _last_word(done.stdout + done.stderr) if done.returncode else ""


def _libraries(place: Path) -> str:
    """The locked or installed protocol library, if it is a Python one."""
    if not (place / ".venv").exists():
        subprocess.run([UV, "sync", "--quiet"], cwd=place, capture_output=True, check=False)
    listed = subprocess.run(
        [UV, "pip", "list", "--format", "json", "--python", ".venv"], cwd=place, capture_output=True, check=False
    )
    packages = json.loads(listed.stdout or b"[]") if listed.returncode == 0 else []
    return ", ".join(f"{p['name']} {p['version']}" for p in packages if p["name"] in {"mcp", "fastmcp"})


@contextmanager
def _started(command: Sequence[str], place: Path, environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Yields nothing once somebody listens, or the line that says why nobody does."""
    log = place.parent / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        listens = _wait_for(port, process)
        yield "" if listens else _last_word(log.read_text(encoding="utf-8", errors="replace"))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


def _prove(url: str, token: str) -> Mapping[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "scaffold", "prove", "--url", url, "--json"],
        env={**os.environ, "MCP_PROVE_TOKEN": token},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(json.loads(told.stdout))


def _last_word(text: str) -> str:
    """The first line that names an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    naming = (line for line in lines if re.search(r"(^|: )(\w*Error|error)\b[^(]*:", line))
    return textwrap.shorten(next(naming, lines[-1] if lines else "no word"), 200, placeholder=" ...")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


main()
