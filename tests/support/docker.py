"""A Docker daemon to build and run images with: the machine's, or a private one with stand-ins for the base images."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uv

HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Docker:
    """The client of one daemon. `offline`: its base images are stand-ins, which have no digest."""

    program: str
    environment: dict[str, str] = field(default_factory=dict)
    offline: bool = False

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        """Run a docker command and give its output.

        Raises:
            AssertionError: with everything it said, when it fails.
        """
        done = self.run(*arguments, text=text)
        assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a docker command, however it ends."""
        environment = os.environ | {"DOCKER_BUILDKIT": "1"} | self.environment
        command = [self.program, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False)

    def build(self, repository: Path, tag: str, *options: str) -> str:
        """Build a repository's image and give its tag."""
        dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
        if self.offline:
            dockerfile = re.sub(r"@sha256:[0-9a-f]{64}", "", dockerfile)
        self("build", "--network", "host", "--tag", tag, *options, "--file", "-", str(repository), text=dockerfile)
        return tag


@contextmanager
def open_docker(folder: Path, bases: list[str]) -> Iterator[Docker]:
    """The machine's daemon where one answers, else a private one; where neither can be, tests are skipped."""
    path = f"/usr/bin{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which("docker", path=path) or pytest.skip("docker is not installed")
    machine = Docker(program)
    if machine.run("info").returncode == 0:
        yield machine
        return
    if os.geteuid() != 0:
        pytest.skip("no Docker daemon answers, and only root can start one")
    for needed in ("dockerd", "debootstrap"):
        if shutil.which(needed) is None:
            pytest.skip(f"no Docker daemon answers, and there is no {needed} to start one with")
    with _start_daemon(folder) as host:
        docker = Docker(program, {"DOCKER_HOST": host}, offline=True)
        _import_bases(docker, folder, bases)
        yield docker


@contextmanager
def _start_daemon(folder: Path) -> Iterator[str]:
    host = f"unix://{folder}/docker.sock"
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid"]
    with (folder / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", *places, f"--host={host}", "--bridge=none", "--iptables=false"], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while not (folder / "docker.sock").exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"dockerd does not start: {(folder / 'dockerd.log').read_text()[-500:]}")
            time.sleep(0.2)
        yield host
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)
        _remove_mounted(folder)


def _remove_mounted(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=False)
    shutil.rmtree(folder)


def _import_bases(docker: Docker, folder: Path, bases: list[str]) -> None:
    """Import a stand-in for each base image: the same Debian, with the same Python in the same place."""
    debian, binary = folder / "debian", folder / "uv"
    command = ["debootstrap", "--variant=minbase", "--include=python3,ca-certificates", "trixie", str(debian)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"debootstrap fails: {made.stdout[-300:]}")
    _trust_this_machine(debian)
    binary.mkdir()
    shutil.copy(uv.find_uv_bin(), binary)
    named = {re.split(r"[/:]", base.partition("@")[0])[-2]: base.partition("@")[0] for base in bases}
    _import_folder(docker, binary, named["uv"])
    _import_folder(docker, debian, named["python3-debian13"])
    _move_python(debian)
    _import_folder(docker, debian, named["python"])
    shutil.rmtree(debian)


def _import_folder(docker: Docker, folder: Path, name: str) -> None:
    archive = f"{folder}.tar"
    left_out = [f"--exclude=./{path}" for path in ("dev", "usr/share", "var")]
    subprocess.run(["tar", "--create", f"--file={archive}", *left_out, f"--directory={folder}", "."], check=True)
    docker("import", archive, name)
    Path(archive).unlink()


def _trust_this_machine(root: Path) -> None:
    shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
    (root / "etc/uv").mkdir(exist_ok=True)
    (root / "etc/uv/uv.toml").write_text("system-certs = true\n")


def _move_python(root: Path) -> None:
    """Put Python where the official image has it."""
    [version] = [path.name for path in (root / "usr/lib").glob("python3.*")]
    shutil.rmtree(root / "usr/local/lib" / version, ignore_errors=True)
    shutil.move(root / "usr/lib" / version, root / "usr/local/lib" / version)
    shutil.move(root / "usr/bin" / version, root / "usr/local/bin" / version)
    (root / "usr/bin/python3").unlink()
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to(version)
