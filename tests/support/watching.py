"""A Prometheus and an Alertmanager that watch a server, and somebody who is told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tests.servers.started import free_port, started
from tests.support.deployments import find_tool

DURATION = r"[0-9]+[smhd]"
Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], seconds: float) -> Found:
    """Ask until the answer is true, and give the last one."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def quicken_rules(text: str) -> str:
    """Rules that are evaluated every second, and wait a second where they would minutes; the expressions stay."""
    return re.sub(rf"^( +(?:interval|for)): {DURATION}$", r"\1: 1s", text, flags=re.MULTILINE)


def quicken_routes(text: str, addresses: Path) -> str:
    """Routes that wait a second and escalate after five, to the addresses that are in a folder's files."""
    quick = re.sub(r"group_wait: 30m", "group_wait: 5s", text)
    quick = re.sub(r"group_wait: (10s|2m)", "group_wait: 1s", quick)
    return re.sub(r"group_interval: \w+", "group_interval: 1s", quick).replace("/run/secrets", str(addresses))


@dataclass
class Told:
    """What each receiver was told: the alerts' names, in order."""

    by: dict[str, list[str]] = field(default_factory=dict)

    def has(self, receiver: str, alert: str) -> bool:
        """Whether this receiver heard of this alert."""
        return any(alert in text for text in self.by.get(receiver, []))


@dataclass(frozen=True)
class Watch:
    """The running programs, by their URLs."""

    prometheus: str
    alertmanager: str
    told: Told

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        return list(self._ask("query", query=expression)["result"])

    def series(self, selector: str) -> list[dict[str, str]]:
        """The labels of every series that a selector found so far."""
        return list(self._ask("series", **{"match[]": selector}))

    def states(self) -> dict[str, str]:
        """The alerts that are pending or firing."""
        return {each["labels"]["alertname"]: each["state"] for each in self._ask("alerts")["alerts"]}

    def raised(self) -> set[str]:
        """The alerts that were pending or firing at some time."""
        return {series["alertname"] for series in self.series("ALERTS")}

    def silenced(self) -> set[str]:
        """The alerts that another inhibits, as Alertmanager says."""
        with urllib.request.urlopen(f"{self.alertmanager}/api/v2/alerts?active=false&silenced=false") as answer:
            return {each["labels"]["alertname"] for each in json.load(answer)}

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"{self.prometheus}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)["data"]


@contextmanager
def watching(observability: Path, job: str, target: str, folder: Path) -> Iterator[Watch]:
    """Watch a server by its rendered rules and routes, quickened, and listen to what its receivers are told."""
    prometheus, alertmanager = find_tool("prometheus"), find_tool("prometheus-alertmanager")
    ports = free_port(), free_port()
    addresses = folder / "addresses"
    addresses.mkdir()
    (folder / "rules.yaml").write_text(quicken_rules((observability / "rules.yaml").read_text()))
    (folder / "alertmanager.yaml").write_text(
        quicken_routes((observability / "alertmanager.yaml").read_text(), addresses)
    )
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports[1]}"]}]}]},
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(configuration))
    with ExitStack() as stack:
        told = stack.enter_context(_listening(addresses))
        command = [
            alertmanager,
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports[1]}",
            "--cluster.listen-address=",
        ]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        stack.enter_context(started(command, f"{urls[1]}/-/ready", folder / "alertmanager.log"))
        command = [
            prometheus,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
        ]
        stack.enter_context(started(command, f"{urls[0]}/-/ready", folder / "prometheus.log"))
        yield Watch(urls[0], urls[1], told)


@contextmanager
def _listening(addresses: Path) -> Iterator[Told]:
    told = Told()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.by.setdefault(self.path.strip("/"), []).append(json.dumps(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    for name in ("page", "ticket", "escalation"):
        (addresses / f"{name}-url").write_text(f"http://127.0.0.1:{server.server_port}/{name}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def run_jq(block: str, log: Path) -> list[str]:
    """Run the lines of a runbook that filter a log, and give what they print."""
    seen = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{block}"],
        env=os.environ | {"LOG": str(log)},
        capture_output=True,
        text=True,
        check=False,
    )
    # Whoever writes to `head` may be cut off by it.
    assert seen.returncode in (0, 128 + signal.SIGPIPE), seen.stderr
    return seen.stdout.splitlines()
