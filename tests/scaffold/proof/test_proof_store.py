"""A Redis for a proof on a machine that has none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uv

from scaffold.proof.store import PROGRAMS, running_store
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import Installation
from tests.support.deployments import Repositories

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="no package brings a Valkey for it"),
]


def test_the_lock_brings_a_store_where_none_is_installed(
    repositories: Repositories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = tomllib.loads((repositories("kubernetes-redis") / "pyproject.toml").read_text(encoding="utf-8"))
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'small'\nversion = '0'\nrequires-python = '>=3.11'\n"
        f"[dependency-groups]\nstore = {rendered['dependency-groups']['store']}\n",
        encoding="utf-8",
    )
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=tmp_path, check=True)
    found = shutil.which
    monkeypatch.setattr("shutil.which", lambda name: None if name in PROGRAMS else found(name))
    with running_store(Installation(RenderedRepository(tmp_path), tmp_path)) as url:
        place = urlsplit(url)
        assert ask(place.hostname or "", place.port or 0) == b"+PONG\r\n"


def ask(host: str, port: int) -> bytes:
    for _ in range(200):
        try:
            with socket.create_connection((host, port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16)
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError("nothing listens")
