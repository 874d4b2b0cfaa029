"""What of an environment reaches git, uv and a server, and that none of it breaks a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scaffold import environment
from tests.support.living import IDENTITY, git, program
from tests.support.template import CHECKOUT

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="programs and streams as POSIX has them")
SETTINGS_OF_A_CALL = {"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"}


def new(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*program("new", str(folder), "--defaults", "--no-lock", "--no-prove"), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    surroundings = {**clean, **IDENTITY, "PYTHONPATH": str(CHECKOUT), **variables}
    return subprocess.run(command, env=surroundings, cwd=folder.parent, capture_output=True, text=True, check=False)


def configured(**settings: str) -> dict[str, str]:
    """The variables by which git takes settings; two underscores stand for the dot."""
    pairs = [(name.replace("__", "."), value) for name, value in settings.items()]
    numbered = {
        f"GIT_CONFIG_{part}_{n}": pair[i] for n, pair in enumerate(pairs) for i, part in enumerate(("KEY", "VALUE"))
    }
    return {"GIT_CONFIG_COUNT": str(len(pairs)), **numbered}


def test_git_gets_no_variable_that_it_calls_local_to_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    told = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    local = set(told.stdout.split())
    assert len(local) > 10
    for name in local:
        monkeypatch.setenv(name, "0")
    assert local & environment.for_git().keys() == SETTINGS_OF_A_CALL


def test_another_repository_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet", "--template=")
    git(other, "commit", "--quiet", "--allow-empty", "--message=mine")
    before = {path: path.stat().st_mtime_ns for path in other.rglob("*")}
    places = dict.fromkeys(("GIT_DIR", "GIT_COMMON_DIR"), str(other / ".git"))
    places |= {"GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": str(other / ".git/index"), "GIT_NAMESPACE": "theirs"}
    places |= {"GIT_OBJECT_DIRECTORY": str(other / ".git/objects"), "GIT_LITERAL_PATHSPECS": "1"}
    done = new(tmp_path / "repository", **places)
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "repository", "log", "--format=%s").startswith("Render")
    assert {path: path.stat().st_mtime_ns for path in other.rglob("*")} == before


@POSIX
def test_programs_of_a_persons_git_do_not_run(tmp_path: Path) -> None:
    hooks = tmp_path / "templates" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\nexit 2\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    trapped = configured(
        core__hooksPath=str(hooks),
        core__fsmonitor=str(hooks / "pre-commit"),
        init__templateDir=str(hooks.parent),
        safe__bareRepository="explicit",
    )
    repository = tmp_path / "repository"
    done = new(repository, "-d", "transport=http", **trapped, GIT_TEMPLATE_DIR=str(hooks.parent))
    assert done.returncode == 0, done.stderr
    changed = subprocess.run(
        program("set", "telemetry=both", "--no-verify", "--path", str(repository)),
        env={**os.environ, **IDENTITY, "PYTHONPATH": str(CHECKOUT), **trapped},
        capture_output=True,
        text=True,
        check=False,
    )
    assert changed.returncode == 0, changed.stderr
    assert not (tmp_path / "ran").exists()
    assert not (repository / ".git" / "hooks").exists()


def test_uv_gets_what_says_where_packages_are_and_not_what_selects_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"UV_INDEX_URL", "UV_CACHE_DIR", "UV_OFFLINE", "UV_PYTHON_INSTALL_DIR", "HTTPS_PROXY", "SSL_CERT_FILE"}
    dropped = {"UV_LOCKED", "UV_RESOLUTION", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "VIRTUAL_ENV", "PYTHONHOME"}
    for name in kept | dropped:
        monkeypatch.setenv(name, "1")
    assert (kept | dropped) & environment.for_uv().keys() == kept


def test_a_server_under_proof_gets_no_settings_proxies_or_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = {"https_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_DIR", "MCP_PORT", "OTEL_PROPAGATORS", "PYTHONWARNINGS"}
    for name in {"HOME", *dropped}:
        monkeypatch.setenv(name, "1")
    assert {"HOME", *dropped} & environment.for_server().keys() == {"HOME"}


@POSIX
def test_closed_standard_streams_cost_nothing(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    command = [*program("new", str(repository), "--defaults", "--no-lock", "--no-prove")]
    surroundings = {**os.environ, **IDENTITY, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], env=surroundings, cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    assert git(repository, "log", "--format=%s").startswith("Render")
    other = tmp_path / "other" / "repository"
    other.parent.mkdir()
    open_one = new(other)
    assert open_one.returncode == 0
    for file in (path for path in repository.rglob("*") if path.is_file() and ".git" not in path.parts):
        assert file.read_bytes() == (other / file.relative_to(repository)).read_bytes()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
@pytest.mark.parametrize("swapped", [False, True])
def test_temporary_files_may_lie_on_another_file_system(tmp_path: Path, *, swapped: bool) -> None:
    with TemporaryDirectory(dir="/dev/shm") as other:
        places = [tmp_path, Path(other)]
        destination, temporary = reversed(places) if swapped else places
        done = new(destination / "repository", "--no-git", TMPDIR=str(temporary))
        assert done.returncode == 0, done.stderr
        assert [path.name for path in destination.iterdir()] == ["repository"]
        assert not list(temporary.iterdir())
