"""A rendered repository as its proof sees it: the answers that it was rendered from, and the files that it needs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scaffold import documents
from scaffold.errors import NotRendered, RefusedError

ANSWERS_FILE = ".copier-answers.yml"
NEEDED_ANSWERS = ("project_slug", "package_name", "transport")


@dataclass(frozen=True)
class Repository:
    """The folder and the answers of a rendered repository."""

    path: Path
    answers: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Repository:
        """Read the answers file; raises `NotRendered` when the folder is no rendered repository."""
        path = path.resolve()
        file = path / ANSWERS_FILE
        try:
            answers = _load(file)
        except FileNotFoundError:
            raise NotRendered(path, f"it has no {ANSWERS_FILE}") from None
        except (OSError, ValueError) as error:
            raise NotRendered(path, f"{ANSWERS_FILE} cannot be read: {_first_line(error)}") from error
        if not isinstance(answers, dict):
            raise NotRendered(path, f"{ANSWERS_FILE} holds no answers")
        missing = [key for key in NEEDED_ANSWERS if not isinstance(answers.get(key), str)]
        if missing:
            raise NotRendered(path, f"{ANSWERS_FILE} has no {' and no '.join(missing)}")
        if not (path / "pyproject.toml").is_file():
            raise NotRendered(path, "it has no pyproject.toml")
        if not (path / "uv.lock").is_file():
            raise RefusedError(f"{path} has no uv.lock to install from: run uv lock, and commit it.")
        return cls(path, answers)

    def answer(self, key: str, otherwise: str = "") -> str:
        """An answer as text."""
        value = self.answers.get(key)
        return otherwise if value is None else str(value)

    @property
    def slug(self) -> str:
        """The name of the distribution and of its program."""
        return self.answer("project_slug")

    @property
    def serves_http(self) -> bool:
        """Whether it serves Streamable HTTP."""
        return self.answer("transport") != "stdio"

    @property
    def serves_stdio(self) -> bool:
        """Whether it serves stdio."""
        return self.answer("transport") != "http"

    @property
    def provider(self) -> str:
        """The row of providers.yml that the repository was rendered with."""
        return self.answer("auth_provider", "none") if self.serves_http else "none"

    @property
    def public_url(self) -> str:
        """The address under which clients know it."""
        return self.answer("public_url", "https://mcp.example.com/mcp")

    @property
    def public_host(self) -> str:
        """The Host that its gateway passes on."""
        return urlsplit(self.public_url).netloc

    @property
    def issuer_path(self) -> str:
        """The path of the real issuer, which a local one repeats because it decides where discovery looks."""
        return urlsplit(self.answer("auth_issuer")).path

    @property
    def audience(self) -> str:
        """What a token must be meant for."""
        return self.answer("auth_audience", self.public_url)

    @property
    def shares_state(self) -> bool:
        """Whether its replicas need a Redis."""
        return self.serves_http and self.answer("replica_state") == "redis"

    @property
    def exports_telemetry(self) -> bool:
        """Whether it sends its telemetry to a collector."""
        return self.answer("telemetry") in ("otlp", "both")

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that policy.yaml gives scopes to, for providers that cannot grant a server's own scopes."""
        try:
            policy = _load(self.path / "policy.yaml")
        except (OSError, ValueError):
            return ()
        roles = policy.get("roles") if isinstance(policy, dict) else None
        return tuple(roles) if isinstance(roles, dict) else ()

    @property
    def template_version(self) -> str:
        """The version of the template that it was rendered or updated with."""
        return self.answer("_commit", "unknown")

    def locked_versions(self, names: tuple[str, ...]) -> dict[str, str]:
        """The locked versions of the named packages, of those that the lock holds."""
        try:
            lock = tomllib.loads((self.path / "uv.lock").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return {}
        packages = lock.get("package")
        found = packages if isinstance(packages, list) else []
        return {p["name"]: p["version"] for p in found if p.get("name") in names and "version" in p}


def _load(file: Path) -> object:
    return documents.parse(file.read_text(encoding="utf-8"))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
