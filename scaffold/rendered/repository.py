"""A rendered repository: the one reader of what it records and of what it says of itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from scaffold import documents
from scaffold.controls import Control, read_catalogue
from scaffold.errors import NotRendered, RefusedError
from scaffold.rendered.answers import ANSWERS_FILE, Answers, RecordedAnswers
from scaffold.rendered.proof_settings import ProofSettings

LOCK_FILE = "uv.lock"
NEEDED_ANSWERS = ("project_slug", "package_name", "transport")


@dataclass(frozen=True)
class RenderedRepository:
    """A folder that mcp-scaffold rendered; each part is read when it is asked for, and then kept."""

    path: Path

    @cached_property
    def recorded(self) -> RecordedAnswers:
        """What its answers file records; raises `NotRendered` where there is none that can be used."""
        return RecordedAnswers.read(self.path)

    @cached_property
    def controls(self) -> list[Control]:
        """What it claims about its security.

        Raises:
            NotRendered: It claims nothing.
            RefusedError: A claim cannot be read.
        """
        return read_catalogue(self.path)

    @cached_property
    def proof_settings(self) -> ProofSettings:
        """Its `proof.yaml`; raises `RefusedError` for one that cannot be used."""
        return ProofSettings.read(self.path)

    def require_installable(self) -> None:
        """Return if the repository can be installed and its program started.

        Raises:
            NotRendered: `pyproject.toml` is missing, or an answer that names the program.
            RefusedError: There is no lock to install from.
        """
        missing = [key for key in NEEDED_ANSWERS if not isinstance(self.answers.get(key), str)]
        if missing:
            raise NotRendered(self.path, f"{ANSWERS_FILE} has no {' and no '.join(missing)}")
        if not (self.path / "pyproject.toml").is_file():
            raise NotRendered(self.path, "it has no pyproject.toml")
        if not (self.path / LOCK_FILE).is_file():
            raise RefusedError(f"{self.path} has no {LOCK_FILE} to install from: run uv lock, and commit it.")

    @property
    def answers(self) -> Answers:
        """The answers by their keys."""
        return self.recorded.answers

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
        """The authorization provider, by its name in `data/providers.yml`; `none` without authorization."""
        return self.answer("auth_provider", "none") if self.serves_http else "none"

    @property
    def public_url(self) -> str:
        """The address under which clients know it."""
        return self.answer("public_url", "https://mcp.example.com/mcp")

    @property
    def public_host(self) -> str:
        """The Host header that its gateway forwards."""
        return urlsplit(self.public_url).netloc

    @property
    def issuer_path(self) -> str:
        """The path of the real issuer, which a local one repeats because it decides where discovery looks."""
        return urlsplit(self.answer("auth_issuer")).path

    @property
    def audience(self) -> str:
        """The audience that a token must name."""
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
            policy = documents.parse((self.path / "policy.yaml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ()
        roles = policy.get("roles") if isinstance(policy, dict) else None
        return tuple(roles) if isinstance(roles, dict) else ()

    @property
    def template_version(self) -> str:
        """The version of the template that it was rendered or updated with."""
        return self.recorded.version or "unknown"

    def locked_versions(self, names: tuple[str, ...]) -> dict[str, str]:
        """The locked versions of the named packages, of those that the lock holds."""
        try:
            lock = tomllib.loads((self.path / LOCK_FILE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return {}
        packages = lock.get("package")
        found = packages if isinstance(packages, list) else []
        return {p["name"]: p["version"] for p in found if p.get("name") in names and "version" in p}
