"""What an operator and CI do with a rendered repository in running control planes.

Times are divided by ten: the Deployment's deadline of progress, and how long a token of CI lives.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane, Done, write_kubeconfig

NAME = "bob-server"
TIME_SCALE = 10
TOKEN_SECONDS = 300 // TIME_SCALE
IMAGE = f"registry.example.com/team/{NAME}"


def digest(start: str) -> str:
    """A digest that begins so; pods whose image's begins with `bad` never become ready."""
    return "sha256:" + start.ljust(64, "0")


FIRST, SECOND, THIRD, BAD = digest("a"), digest("b"), digest("c"), digest("bad")


@dataclass(frozen=True)
class Cluster:
    """A rendered repository, its regions, which overlay is applied there, and who works with them."""

    repository: Path
    planes: list[ControlPlane]
    overlay: str

    @property
    def folder(self) -> Path:
        """Where the deployment's files are."""
        return self.repository / "deploy/kubernetes"

    @property
    def first(self) -> ControlPlane:
        """The region that is deployed to first."""
        return self.planes[0]

    @property
    def subject(self) -> str:
        """Who CI is, as the binding of its role names it."""
        text = (self.folder / "base/ci.yaml").read_text()
        return str(re.findall(r"name: ci:(\S+)", text)[0])

    def apply(self, plane: ControlPlane) -> Done:
        """Run apply.sh as the README does."""
        if self.overlay == "region":
            region = self.folder / "overlays/region/region.env"
            region.write_text(f"OTEL_RESOURCE_ATTRIBUTES=cloud.region={plane.region}\n")
        return self._run(
            [str(self.folder / "apply.sh"), self.overlay], KUBECONFIG=str(plane.folder / "admin.kubeconfig")
        )

    def deploy(
        self, image_digest: str, *, subject: str | None = None, seconds: int = TOKEN_SECONDS, command: str = ""
    ) -> Done:
        """Run deploy.sh as a job of CI does, with a token that lives so long, or a command that prints one."""
        job = self.repository.parent / "job"
        job.mkdir(exist_ok=True)
        (job / "token").write_text(self.first.token(subject or self.subject, seconds))
        clusters = write_kubeconfig(self.planes, token_file="token")
        given = {"CLUSTERS": clusters, "ID_TOKEN_FILE": str(job / "token"), "ID_TOKEN_COMMAND": command}
        return self._run(["sh", str(self.folder / "deploy.sh"), image_digest], **given)

    def as_ci(self, plane: ControlPlane, *arguments: str) -> Done:
        """Call kubectl as CI's user."""
        file = self.repository.parent / "ci.kubeconfig"
        file.with_name("token").write_text(plane.token(self.subject))
        file.write_text(write_kubeconfig([plane], token_file="token"))
        command = [plane.kubectl, "--kubeconfig", str(file), "--context", plane.region, "--namespace", NAME]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)

    def _run(self, command: list[str], **environment: str) -> Done:
        tools = Path(self.first.kubectl).parent
        given = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"} | environment
        return subprocess.run(command, env=given, capture_output=True, text=True, timeout=600, check=False)


def deployment(plane: ControlPlane) -> dict[str, Any]:
    """The server's Deployment, as the cluster has it."""
    return plane.get("deployment", NAME, "--namespace", NAME)


def image(plane: ControlPlane) -> str:
    """The digest that the Deployment asks for."""
    [container] = deployment(plane)["spec"]["template"]["spec"]["containers"]
    return str(container["image"]).partition("@")[2]


def release_first(cluster: Cluster) -> None:
    """Write the first image's digest into the overlay, as `kustomize edit set image` does."""
    file = cluster.folder / "overlays/production/kustomization.yaml"
    if "images:" not in file.read_text():
        file.write_text(f"{file.read_text()}images:\n  - name: {IMAGE}\n    digest: {FIRST}\n")


def make_secret(cluster: Cluster, plane: ControlPlane) -> None:
    """Make the secret with each key that apply.sh looks for."""
    [keys] = re.findall("^for key in (.*); do", (cluster.folder / "apply.sh").read_text(), re.MULTILINE)
    values = [f"--from-literal={key}=of-the-first-hour" for key in keys.split()]
    plane.do("create", "secret", "generic", NAME, "--namespace", NAME, *values)


def set_deadline(cluster: Cluster) -> None:
    """Let a rollout without progress end sooner."""
    for plane in cluster.planes:
        seconds = deployment(plane)["spec"]["progressDeadlineSeconds"] // TIME_SCALE
        patch = json.dumps({"spec": {"progressDeadlineSeconds": seconds}})
        plane.do("patch", "deployment", NAME, "--namespace", NAME, "--patch", patch)
