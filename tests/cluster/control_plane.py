"""Real control planes on loopback, one a region, as cluster.sh starts them: their nodes and pods are simulated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

Done: TypeAlias = subprocess.CompletedProcess[str]

SCRIPT = str(Path(__file__).with_name("cluster.sh"))
BUILD_SECONDS = 3600


def find_kubectl() -> str:
    """The kubectl of the built control plane; builds both once, and skips the test where Go is missing."""
    if shutil.which("go") is None and not Path("/usr/local/go/bin/go").exists():
        pytest.skip("building a control plane needs Go, which is missing")
    done = subprocess.run([SCRIPT, "build"], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[1]


@dataclass(frozen=True)
class ControlPlane:
    """One region's cluster."""

    region: str
    folder: Path
    kubectl: str
    audience: str

    def run(self, *arguments: str, given: str | None = None) -> Done:
        """Call kubectl as the administrator."""
        command = [self.kubectl, "--kubeconfig", str(self.folder / "admin.kubeconfig"), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=False)

    def do(self, *arguments: str, given: str | None = None) -> str:
        """Call kubectl as the administrator, who must succeed."""
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object, or a list of them, as the server has it."""
        found: dict[str, Any] = json.loads(self.do("get", *arguments, "--output", "json"))
        return found

    def learn_kinds(self, manifests: Path) -> None:
        """Define each kind in a file that the server does not know."""
        subprocess.run([SCRIPT, "crds", str(self.folder), str(manifests)], capture_output=True, timeout=300, check=True)

    def token(self, subject: str, seconds: int = 300) -> str:
        """A token of the forge's issuer, as a job of CI gets it."""
        command = self.token_command(subject, seconds)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def token_command(self, subject: str, seconds: int) -> list[str]:
        """What prints such a token."""
        return [SCRIPT, "token", str(self.folder), subject, str(seconds), self.audience]

    def use_cpu(self, millicores: int) -> None:
        """Let every pod use as much, for the autoscaler."""
        (self.folder / "cpu").write_text(f"{millicores}\n")


@contextmanager
def running_control_planes(regions: Sequence[str], folder: Path, audience: str) -> Iterator[list[ControlPlane]]:
    """A cluster of two nodes for each region; all trust one issuer of CI."""
    kubectl = find_kubectl()
    key = folder / "ci.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], capture_output=True, check=True)
    with ExitStack() as stack:
        planes = []
        for region in regions:
            place = folder / region
            nodes = " ".join(f"node-{zone},{region},{region}-{zone}" for zone in "ab")
            environment = os.environ | {"NODES": nodes, "CI_KEY": str(key), "AUDIENCE": audience, "KUBECTL": kubectl}
            stack.callback(subprocess.run, [SCRIPT, "down", str(place)], capture_output=True, check=False)
            started = subprocess.run(
                [SCRIPT, "up", str(place)], env=environment, capture_output=True, text=True, timeout=600, check=False
            )
            assert started.returncode == 0, started.stderr
            planes.append(ControlPlane(region, place, kubectl, audience))
        yield planes


def write_kubeconfig(planes: Sequence[ControlPlane], *, token_file: str | None = None) -> str:
    """A kubeconfig with a context for each region: of its administrator, or of whoever has the token in that file."""
    clusters, users, contexts = [], [], []
    for plane in planes:
        own = yaml.safe_load((plane.folder / "admin.kubeconfig").read_text())
        clusters.append({"name": plane.region, "cluster": own["clusters"][0]["cluster"]})
        user = {"tokenFile": token_file} if token_file else own["users"][0]["user"]
        users.append({"name": plane.region, "user": user})
        contexts.append({"name": plane.region, "context": {"cluster": plane.region, "user": plane.region}})
    document = {"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": contexts}
    return json.dumps(document)


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Ask again until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.5)
