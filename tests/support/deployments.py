"""Rendered repositories that between them hold every deployment file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from copier import run_copy
from ruamel.yaml import YAML

from tests.support.template import copy_template

TEXTS = {
    "project_name": 'Bob\'s "MCP" \\ $HOME {{ 7*7 }} Server',
    "project_slug": "bob-server",
    "package_name": "bob_server",
    "license": "apache-2.0",
    "description": "Notes: # <b>not</b> ${CI} 'really' `here`",
}
HTTP = {
    "transport": "http",
    "public_url": "https://mcp.example.com/mcp",
    "auth_provider": "oidc",
    "auth_issuer": "https://id.example.com",
}
REGISTRY = {"image_repository": "registry.example.com/team/bob-server"}
ANSWERS: dict[str, dict[str, Any]] = {
    "stdio": {"transport": "stdio", "ci": "github"},
    "stdio-gitlab": {"transport": "stdio", "ci": "gitlab"},
    "compose-redis": HTTP
    | REGISTRY
    | {"transport": "both", "deployment": "compose", "replica_state": "redis", "telemetry": "both", "ci": "github"},
    "compose-open": HTTP
    | REGISTRY
    | {
        "auth_provider": "none",
        "deployment": "compose",
        "replica_state": "memory",
        "telemetry": "none",
        "ci": "gitlab",
    },
    "kubernetes-redis": HTTP
    | {"image_repository": "ghcr.io/team/bob-server", "deployment": "kubernetes"}
    | {"gateway_controller": "envoy-gateway", "service_mesh": "linkerd"}
    | {"replica_state": "redis", "telemetry": "both", "ci": "github"},
    "kubernetes-istio": HTTP
    | REGISTRY
    | {"deployment": "kubernetes", "gateway_controller": "istio", "service_mesh": "istio"}
    | {"regions": "eu-west-1,us-east-1", "replica_state": "redis", "telemetry": "prometheus", "ci": "gitlab"},
    "kubernetes-memory": HTTP
    | REGISTRY
    | {"deployment": "kubernetes", "replica_state": "memory", "telemetry": "otlp", "ci": "gitlab"}
    | {"compliance": ["hipaa"]},
}

Repositories: TypeAlias = Callable[[str], Path]
Edited: TypeAlias = Callable[[str, str, str, str], Path]

DEPLOYMENT = "deploy/kubernetes/base/deployment.yaml"


def render(name: str, destination: Path) -> Path:
    """Render the answers of that name into a folder."""
    answers = TEXTS | ANSWERS[name]
    if answers.get("auth_provider") == "none":
        answers = {key: value for key, value in answers.items() if key != "auth_issuer"}
    return render_answers(answers, destination)


def render_answers(answers: dict[str, Any], destination: Path) -> Path:
    """Render the template as it lies in the checkout, into a folder."""
    source = copy_template(destination.with_name(f"{destination.name}-source"))
    run_copy(str(source), destination, data=answers, defaults=True, quiet=True)
    return destination


def code_of_settings(repository: Path) -> str:
    """The code of all settings of a rendered server."""
    return "".join(file.read_text() for file in sorted(repository.glob("src/*/runtime/settings/*.py")))


def parse_documents(text: str) -> list[Any]:
    """The documents of a YAML text."""
    return [document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None]


def find_tool(name: str) -> str:
    """Where a scanner is; the test is skipped, and says so, where there is none."""
    return _beside_python(name) or pytest.skip(f"{name} is not installed")


def is_installed(name: str) -> bool:
    """Whether there is such a scanner."""
    return _beside_python(name) is not None


def _beside_python(name: str) -> str | None:
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def run_tool(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a scanner in a folder; its status is for the caller to judge."""
    return subprocess.run([find_tool(name), *arguments], cwd=folder, capture_output=True, text=True, check=False)


def build_overlays(repository: Path) -> Iterator[tuple[str, str]]:
    """The name and the manifests of each kustomize overlay."""
    for overlay in sorted((repository / "deploy/kubernetes/overlays").iterdir()):
        yield overlay.name, build_overlay(overlay)


def build_overlay(folder: Path) -> str:
    """The manifests of a kustomize overlay."""
    built = run_tool("kubectl", "kustomize", str(folder), folder=folder)
    assert built.returncode == 0, built.stderr
    return built.stdout
