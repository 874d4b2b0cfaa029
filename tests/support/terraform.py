"""Reads rendered Terraform: what a folder declares, what it refers to, and what a provider would say of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hcl2
import pytest

REFERENCE = re.compile(
    r'(?<![\w."-])(?:(var|local|module)\.(\w+)|(data\.)?((?:aws|google|azurerm)_\w+)\.(\w+))(?![\w"]*" ?\{)'
)
MIRRORS = ("/opt/*/registry.terraform.io", "/usr/share/terraform/*/registry.terraform.io")
"""Where a machine's image may keep providers, for Terraform to install without a registry."""


@dataclass(frozen=True)
class Folder:
    """One Terraform module: a folder of files."""

    path: Path

    @cached_property
    def text(self) -> str:
        """All files, without comments."""
        text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(self.path.glob("*.tf")))
        return re.sub(r"(?m)(^|\s)#.*$", "", text)

    @cached_property
    def blocks(self) -> dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]]:
        """The labels and the body of each block, by kind."""
        found: dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]] = {}
        for kind, bodies in hcl2.loads(self.text).items():
            depth = {"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}.get(kind, 0)
            for body in bodies if isinstance(bodies, list) else []:
                found.setdefault(kind, []).append(_labelled(body, depth))
        return found

    @property
    def declared(self) -> set[str]:
        """The address of everything that may be referred to."""
        prefixes = {"variable": "var.", "module": "module.", "data": "data.", "resource": ""}
        addresses = {
            prefix + ".".join(labels) for kind, prefix in prefixes.items() for labels, _ in self.blocks.get(kind, [])
        }
        return addresses | {f"local.{name}" for _, body in self.blocks.get("locals", []) for name in _names(body)}

    @property
    def referred(self) -> set[str]:
        """The address of everything that is referred to."""
        return {
            f"{own}.{name}" if own else f"{data}{kind}.{label}"
            for own, name, data, kind, label in REFERENCE.findall(self.text)
        }


def _labelled(body: dict[str, Any], depth: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    labels = []
    for _ in range(depth):
        [name] = [key for key in body if not key.startswith("__")]
        labels.append(name.strip('"'))
        body = body[name]
    return tuple(labels), body


def _names(body: dict[str, Any]) -> list[str]:
    return [key for key in body if not key.startswith("__")]


@cache
def folders(root: Path) -> list[Folder]:
    """The main module, and those below it; each is read once."""
    return [Folder(path) for path in sorted({file.parent for file in root.rglob("*.tf")})]


def whole(root: Path) -> str:
    """The text of all modules."""
    return "".join(folder.text for folder in folders(root))


def passed_to(call: dict[str, Any]) -> set[str]:
    """The variables that a call of a module sets."""
    return {*_names(call)} - {"source", "providers", "for_each", "depends_on"}


def run_terraform(
    *arguments: str, folder: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """Run Terraform without a registry; the test is skipped, and says so, where there is none."""
    program = shutil.which("terraform") or pytest.skip("terraform is not installed")
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1", **environment}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def find_provider(name: str) -> Path:
    """The folder of providers from which Terraform can install one; the test is skipped where there is none."""
    for pattern in MIRRORS:
        for mirror in Path("/").glob(pattern.lstrip("/")):
            if (mirror / name).is_dir():
                return mirror.parent
    pytest.skip(f"no copy of the provider {name} is installed")
