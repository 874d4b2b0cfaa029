"""Puts a proof together: install, start, ask every probe, end everything, report."""

from __future__ import annotations

import copy
import datetime
import importlib.metadata
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaffold.errors import RefusedError
from scaffold.proof import conversation, rows
from scaffold.proof.boot import (
    BIND_ATTEMPTS,
    Installation,
    Launcher,
    NotStarted,
    Server,
    install,
    production_settings,
)
from scaffold.proof.conversation import Conversation
from scaffold.proof.issuer import Authority, Issuer, running_issuer
from scaffold.proof.probe import Deviation, Need, Probe, Result, Skip, Status
from scaffold.proof.probes import ALL
from scaffold.proof.report import ProofReport
from scaffold.proof.repository import Repository
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Endpoint, Era, WireError

Progress = Callable[[str], None]

TOLD_VERSIONS = ("mcp", "pydantic", "starlette", "uvicorn", "pyjwt")


def prove_repository(
    path: Path, *, full: bool = False, environment: Path | None = None, progress: Progress = lambda _: None
) -> ProofReport:
    """Install, start and question a rendered repository; its tree is only read.

    With `environment` the installation and the logs stay in that folder; else they are gone afterwards.

    Raises:
        NotRenderedError: the path holds no rendered repository.
        CannotProve: uv, Python or the network is missing.
    """
    repository = Repository.read(path)
    clock = _Clock()
    with _workplace(environment) as folder, ExitStack() as stack:
        progress("installing from the lock")
        subject, log = _prepared(repository, folder, stack, progress)
        progress("asking the server")
        results = [_asked(probe, subject) for probe in ALL if full or probe.core]
        log = log or _telling_log(results, subject)
    return ProofReport(
        subject=repository.slug,
        tier="full" if full else "core",
        results=results,
        versions=_versions() | repository.locked_versions(TOLD_VERSIONS),
        template=repository.template_version,
        answers={key: value for key, value in repository.answers.items() if not key.startswith("_")},
        started=clock.started,
        seconds=clock.seconds,
        log=log,
    )


def prove_url(
    url: str, *, token: str | None = None, allow_load: bool = False, progress: Progress = lambda _: None
) -> ProofReport:
    """Question any MCP server over http: harmlessly, unless it is on loopback or load is allowed.

    Raises:
        RefusedError: the text is no URL of an endpoint.
        WireError: nothing answers there.
    """
    try:
        endpoint = Endpoint.at(url)
    except ValueError as error:
        raise RefusedError(f"The URL cannot be used: {error}.") from error
    clock = _Clock()
    subject = Subject(endpoint, public_url=url, bearer=token, may_load=allow_load or endpoint.on_loopback)
    progress("asking the server")
    _ = subject.unauthenticated
    results = [_asked(probe, subject) for probe in ALL if Need.PROCESS not in probe.needs and _is_remote(probe)]
    return ProofReport(url, "url", results, _versions(), started=clock.started, seconds=clock.seconds)


def _is_remote(probe: Probe) -> bool:
    return Need.ENDPOINT in probe.needs


class _Clock:
    def __init__(self) -> None:
        self.started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 2)


@contextmanager
def _workplace(environment: Path | None) -> Iterator[Path]:
    if environment is not None:
        environment.mkdir(parents=True, exist_ok=True)
        yield environment.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="mcp-scaffold-proof-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def _prepared(
    repository: Repository, folder: Path, stack: ExitStack, progress: Progress
) -> tuple[Subject, str]:
    """The started servers as one subject, and the log of whatever did not start."""
    try:
        installation = install(repository, folder)
    except NotStarted as failure:
        failed = {"install": str(failure)}
        return Subject(starts=failed, lacking=dict.fromkeys(Need, str(failure))), failure.log
    progress("starting the server")
    return _Stage(installation, stack).subject()


class _Stage:
    """Everything that runs while a repository is proven."""

    def __init__(self, installation: Installation, stack: ExitStack) -> None:
        self._repository = installation.repository
        self._stack = stack
        self._issuer: Issuer | None = None
        settings: dict[str, str] = {}
        if self._repository.provider != "none":
            self._issuer, settings = self._start_issuer(installation.folder)
        self._production = Launcher(installation, production_settings(self._repository) | settings)
        stack.callback(self._production.end_all)

    def _start_issuer(self, folder: Path) -> tuple[Issuer, dict[str, str]]:
        repository = self._repository
        authority = Authority(folder)
        shape = rows.token_shape(repository)
        issuer = self._stack.enter_context(
            running_issuer(authority, repository.issuer_path, repository.audience, shape)
        )
        settings = {
            "SSL_CERT_FILE": str(authority.certificate_file),
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_AUTH_AUDIENCE": repository.audience,
        }
        return issuer, settings

    def subject(self) -> tuple[Subject, str]:
        repository = self._repository
        subject = Subject(issuer=None, public_url=repository.public_url, roles=repository.roles)
        subject.starts["install"] = ""
        log = ""
        if repository.serves_stdio:
            subject.converse = self._conversations()
        if repository.serves_http:
            log = self._start_servers(subject)
        else:
            subject.lacking[Need.ENDPOINT] = "the server serves stdio only"
        return subject, log

    def _conversations(self) -> Callable[[Era], Conversation]:
        """Both conversations at once, while the servers over http start."""
        launcher = self._production.with_settings(dict.fromkeys(self._production.settings, ""))
        pool = ThreadPoolExecutor(len(Era))
        self._stack.callback(pool.shutdown)
        self._stack.callback(launcher.end_all)
        held: dict[Era, Future[Conversation]] = {era: pool.submit(conversation.hold, launcher, era) for era in Era}
        return lambda era: held[era].result()

    def _start_servers(self, subject: Subject) -> str:
        subject.boot = self._boot
        hosts = {"production": self._repository.public_host, "development": ""}
        launchers = {"production": self._production, "development": self._development()}
        started, failures = start_ready(self._stack, launchers, hosts)
        subject.starts |= dict.fromkeys(launchers, "") | {name: str(failure) for name, failure in failures.items()}
        if "production" in started:
            self._attach(subject, started["production"], subject.public_url)
        else:
            subject.lacking |= {need: "the server did not start" for need in (Need.ENDPOINT, Need.ISSUER)}
        if "development" in started:
            server = started["development"]
            subject.development = Subject(roles=subject.roles)
            self._attach(subject.development, server, server.endpoint.url)
        return "\n".join(failure.log for failure in failures.values() if failure.log)

    def _attach(self, subject: Subject, server: Server, public_url: str) -> None:
        subject.server, subject.endpoint, subject.issuer = server, server.endpoint, self._issuer
        subject.public_url = public_url

    def _development(self) -> Launcher:
        production_only = ("MCP_PUBLIC_URL", "MCP_ALLOWED_ORIGINS", "MCP_REQUEST_STATE_KEYS")
        return self._production.with_settings({"MCP_ENVIRONMENT": "development", **dict.fromkeys(production_only, "")})

    @contextmanager
    def _boot(self, changes: Mapping[str, str]) -> Iterator[Subject]:
        """One more production server with other settings; the caller waits for what it wants to see."""
        with self._production.with_settings(changes).started(self._repository.public_host) as server:
            subject = Subject(roles=self._repository.roles)
            self._attach(subject, server, self._repository.public_url)
            subject.issuer = copy.copy(self._issuer)
            yield subject


def start_ready(
    stack: ExitStack, launchers: Mapping[str, Launcher], hosts: Mapping[str, str]
) -> tuple[dict[str, Server], dict[str, NotStarted]]:
    """Start servers side by side and wait until each is ready or has failed; a port taken by somebody is tried again."""
    for attempt in range(BIND_ATTEMPTS):
        servers: dict[str, Server] = {}
        failures: dict[str, NotStarted] = {}
        running = stack.enter_context(ExitStack())
        for name, launcher in launchers.items():
            try:
                servers[name] = running.enter_context(launcher.started(hosts[name]))
            except NotStarted as failure:
                failures[name] = failure
        for name, server in servers.items():
            try:
                server.wait_until_ready()
            except NotStarted as failure:
                failures[name] = failure
        if attempt + 1 == BIND_ATTEMPTS or not any(server.lost_its_port for server in servers.values()):
            break
        running.close()
    return {name: server for name, server in servers.items() if name not in failures}, failures


def _asked(probe: Probe, subject: Subject) -> Result:
    """Ask one probe, as a principal of its own."""
    subject.principal = f"prover-{probe.id}"
    began = time.monotonic()
    try:
        if (reason := subject.missing(probe.needs)) is not None:
            raise Skip(reason)
        status, seen = Status.PASSED, probe.ask(subject)
    except Skip as skipped:
        status, seen = Status.SKIPPED, str(skipped)
    except (Deviation, WireError, NotStarted) as deviation:
        status, seen = Status.FAILED, str(deviation)
    return Result(probe, status, seen, round(time.monotonic() - began, 3))


def _telling_log(results: Sequence[Result], subject: Subject) -> str:
    """The server's last lines, when a probe failed: over http, else over stdio."""
    if all(result.status is not Status.FAILED for result in results):
        return ""
    if subject.server is not None:
        return subject.server.log
    return subject.conversation(Era.MODERN).log if subject.converse else ""


def _versions() -> dict[str, str]:
    try:
        version = importlib.metadata.version("mcp-scaffold")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    return {"mcp-scaffold": version}
