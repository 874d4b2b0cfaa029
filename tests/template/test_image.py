"""The image: built, and run with everything taken from it that it does not need."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uv

from tests.support.deployments import REGISTRY, TEXTS, find_tool, parse_documents, render
from tests.support.docker import HARDENED, Docker, open_docker

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("docker")]

PYTHON = "/app/.venv/bin/python"
LIST = "import json, os; print(json.dumps(os.listdir('/app')))"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
DISCOVER = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "server/discover",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    },
}


def lock(name: str, folder: Path) -> Path:
    """A rendered repository with its lock."""
    repository = render(name, folder)
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=repository, check=True)
    return repository


@pytest.fixture(scope="module")
def stdio_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a stdio server's image is built from, and files that must stay out of it."""
    repository = lock("stdio", tmp_path_factory.mktemp("image") / "stdio")
    (repository / ".env").write_text("TOKEN=secret\n")
    (repository / "notes.txt").write_text("private\n")
    return repository


@pytest.fixture(scope="module")
def docker(stdio_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A daemon that has, or can pull, the base images of the Dockerfile."""
    named = re.findall(r"^FROM (\S+)", (stdio_repository / "Dockerfile").read_text(), re.MULTILINE)
    with open_docker(tmp_path_factory.mktemp("docker"), named) as opened:
        yield opened


@pytest.fixture(scope="module")
def stdio_image(docker: Docker, stdio_repository: Path) -> str:
    """The image of a stdio server."""
    return docker.build(stdio_repository, "stdio:test")


@pytest.fixture(scope="module")
def http_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An http server that compose runs."""
    return lock("compose-open", tmp_path_factory.mktemp("image") / "http")


@pytest.fixture(scope="module")
def http_image(docker: Docker, http_repository: Path) -> str:
    """The image of an http server, under the name that its compose.yaml has for it."""
    return docker.build(http_repository, f"{REGISTRY['image_repository']}:local")


def run_python(docker: Docker, image: str, code: str) -> Any:
    """Run code in the image's environment, and read the JSON that it prints."""
    return json.loads(docker("run", "--rm", "--network", "none", *HARDENED, "--entrypoint", PYTHON, image, "-c", code))


@pytest.mark.parametrize("message", [INITIALIZE, DISCOVER], ids=["2025-11-25", "2026-07-28"])
def test_a_stdio_server_answers_in_both_eras(message: dict[str, Any], docker: Docker, stdio_image: str) -> None:
    command = ["run", "--rm", "--interactive", "--network", "none", *HARDENED, stdio_image]
    answers = docker(*command, text=json.dumps(message) + "\n")
    [answer] = [json.loads(line) for line in answers.splitlines()]
    assert answer["id"] == 1
    assert "tools" in answer["result"]["capabilities"]


def test_the_server_has_no_rights(docker: Docker, stdio_image: str) -> None:
    code = """if True:
        import json
        print(json.dumps(dict(line.strip().partition(":\\t")[::2] for line in open("/proc/self/status"))))
    """
    status = run_python(docker, stdio_image, code)
    assert {*status["Uid"].split(), *status["Gid"].split()} == {"10001"}
    assert {key: status[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")} == {
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }


def test_the_root_is_read_only_and_nothing_in_it_is_the_servers(docker: Docker, stdio_image: str) -> None:
    code = """if True:
        import json, os
        def is_refused(path):
            try:
                open(path, "w")
            except OSError:
                return True
        owned = [entry.path for entry in os.scandir("/app") if entry.stat().st_uid != 0]
        print(json.dumps([is_refused("/app/x"), is_refused("/tmp/x"), owned]))
    """
    assert run_python(docker, stdio_image, code) == [True, True, []]


def test_the_image_holds_the_environment_and_the_policy(docker: Docker, stdio_image: str) -> None:
    assert sorted(run_python(docker, stdio_image, LIST)) == [".venv", "policy.yaml"]


def test_the_environment_holds_no_tool_of_development(docker: Docker, stdio_image: str) -> None:
    code = """if True:
        import importlib.metadata, json
        print(json.dumps([item.name for item in importlib.metadata.distributions()]))
    """
    installed = {*run_python(docker, stdio_image, code)}
    assert TEXTS["project_slug"] in installed
    assert installed.isdisjoint({"hatchling", "mypy", "pip", "pytest", "ruff", "uv"})


def test_the_build_sees_only_what_it_needs(docker: Docker, stdio_repository: Path) -> None:
    builder = docker.build(stdio_repository, "builder:test", "--target", "builder")
    seen = docker("run", "--rm", "--network", "none", "--entrypoint", "ls", builder, "-A", "/app").split()
    needed = {".venv", "LICENSE", "README.md", "build_policy.py", "policy.yaml", "pyproject.toml", "src", "uv.lock"}
    assert set(seen) - {"__pycache__"} == needed


def test_every_module_is_compiled(docker: Docker, stdio_image: str) -> None:
    code = """if True:
        import importlib.util, json, os, pathlib
        modules = [str(path) for path in pathlib.Path("/app/.venv/lib").rglob("*.py")]
        print(json.dumps([path for path in modules if not os.path.exists(importlib.util.cache_from_source(path))]))
    """
    assert run_python(docker, stdio_image, code) == []


def test_labels_say_what_it_is(docker: Docker, stdio_image: str) -> None:
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", stdio_image))
    said = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert said["title"] == TEXTS["project_name"]
    assert said["description"] == TEXTS["description"]
    assert said["licenses"] == "Apache-2.0"


def test_the_image_needs_no_policy(docker: Docker, tmp_path: Path) -> None:
    repository = lock("stdio", tmp_path / "repository")
    (repository / "policy.yaml").unlink()
    project = repository / "pyproject.toml"
    project.write_text(re.sub(r'^"policy.yaml" = .*\n', "", project.read_text(), flags=re.MULTILINE))
    image = docker.build(repository, "no-policy:test")
    assert run_python(docker, image, LIST) == [".venv"]


@pytest.fixture
def http_server(docker: Docker, http_image: str) -> Iterator[tuple[str, int]]:
    """A running http server: its container and its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {"MCP_ENVIRONMENT": "development", "MCP_ALLOW_UNAUTHENTICATED": "true", "MCP_PORT": str(port)}
    options = [option for key, value in settings.items() for option in ("--env", f"{key}={value}")]
    container = docker(
        "run", "--detach", "--network", "host", "--health-interval", "1s", *HARDENED, *options, http_image
    )
    yield container, port
    docker("rm", "--force", container)


def wait_until_healthy(docker: Docker, container: str) -> None:
    """Wait for the image's own health check."""
    deadline = time.monotonic() + 30
    while docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy":
        assert time.monotonic() < deadline, docker.run("logs", container)
        time.sleep(0.2)


def test_an_http_server_is_healthy_and_serves(docker: Docker, http_server: tuple[str, int]) -> None:
    container, port = http_server
    wait_until_healthy(docker, container)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/mcp",
        data=json.dumps(INITIALIZE).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b'"serverInfo"' in answer.read()


def test_an_http_server_that_does_not_answer_is_unhealthy(docker: Docker, http_image: str) -> None:
    check = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", http_image))
    assert check[0] == "CMD"
    checked = docker.run(
        "run", "--rm", "--network", "none", *HARDENED, "--entrypoint", check[1], http_image, *check[2:]
    )
    assert checked.returncode != 0


def test_an_http_server_ends_when_it_is_asked(docker: Docker, http_server: tuple[str, int]) -> None:
    container, _ = http_server
    wait_until_healthy(docker, container)
    docker("stop", "--time", "20", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"


def test_compose_runs_it(docker: Docker, http_repository: Path, http_image: str) -> None:
    compose = replace(docker, program=find_tool("docker-compose"))
    project = ("--file", str(http_repository / "compose.yaml"))
    try:
        compose(*project, "up", "--detach", "--no-build", "--pull", "never", "--wait", "--wait-timeout", "60")
        with urllib.request.urlopen("http://127.0.0.1:8000/readyz", timeout=10) as answer:
            assert json.load(answer) == {"status": "ready"}
    finally:
        compose(*project, "down", "--timeout", "20")


@pytest.mark.parametrize("name", ["stdio", "compose-redis"])
def test_ci_accepts_the_image(name: str, docker: Docker, tmp_path: Path) -> None:
    repository = lock(name, tmp_path / "repository")
    docker.build(repository, f"{TEXTS['project_slug']}:ci")
    seen = run_script(docker, find_smoke_test(repository))
    assert seen.returncode == 0, seen.stdout + seen.stderr


def test_ci_refuses_an_image_that_does_not_answer(docker: Docker, stdio_image: str, tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text(f'FROM {stdio_image}\nENTRYPOINT ["{PYTHON}", "-c", "raise SystemExit"]\n')
    docker("build", "--tag", f"{TEXTS['project_slug']}:ci", str(tmp_path))
    assert run_script(docker, find_smoke_test(render("stdio", tmp_path / "repository"))).returncode != 0


def find_smoke_test(repository: Path) -> str:
    """The step of the rendered workflow that runs the image."""
    [workflow] = parse_documents((repository / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    [script] = [step["run"] for step in workflow["jobs"]["image"]["steps"] if "docker run" in step.get("run", "")]
    return str(script)


def run_script(docker: Docker, script: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does."""
    environment = os.environ | docker.environment | {"PATH": f"/usr/bin{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
