"""Puts a proof together: install, start, ask every probe, end everything, report."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scaffold.endpoint import Endpoint
from scaffold.errors import InstallError, RefusedError
from scaffold.proof import conversation, provider, stand_ins
from scaffold.proof.collector import running_collector
from scaffold.proof.conversation import Conversation
from scaffold.proof.issuer import Authority, Issuer, running_issuer
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation, NotStarted, Skip, WireError
from scaffold.proof.probe import Probe, Result, Status
from scaffold.proof.probes import ALL
from scaffold.proof.report import ProofReport
from scaffold.proof.servers import COLLECTOR_VARIABLE, Launcher, Server, production_settings
from scaffold.proof.store import running_store
from scaffold.proof.subject import Subject
from scaffold.proof.wire import Era
from scaffold.rendered.proof_settings import ProofSettings
from scaffold.rendered.repository import RenderedRepository
from scaffold.rendered.revision import Revision
from scaffold.toolchain.installation import Installation, install

Progress = Callable[[str], None]

LONGEST_OBSERVATION = 400
UNREADABLE = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
TOLD_VERSIONS = ("mcp", "pydantic", "starlette", "uvicorn", "pyjwt")


def prove_repository(
    path: Path,
    *,
    full: bool = False,
    environment: Path | None = None,
    proof_settings: ProofSettings | None = None,
    progress: Progress = lambda _: None,
) -> ProofReport:
    """Install, start and question a rendered repository; its tree is only read.

    With `environment` the installation and the logs stay in that folder; else they are gone afterwards. Without
    `proof_settings` they are those of its `proof.yaml`.

    Raises:
        NotRendered: the path holds no rendered repository.
        RefusedError: `proof.yaml` does not say what it has to say.
        UnavailableError: uv, Python, a stand-in's program or the network is missing.
        StandInError: a stand-in does not start.
    """
    repository = RenderedRepository(path.resolve())
    repository.require_installable()
    proof_settings = proof_settings or repository.proof_settings
    clock, revision = _Clock(), Revision.read(repository.path)
    with _workplace(environment) as folder, ExitStack() as stack:
        progress("installing from the lock")
        subject = _prepared(repository, proof_settings, folder, stack, progress)
        progress("asking the server")
        results = [_asked(probe, subject) for probe in ALL if full or probe.core]
        log = _explaining_log(results, subject)
    return ProofReport(
        subject=repository.slug,
        tier="full" if full else "core",
        results=results,
        versions=_versions() | subject.versions | repository.locked_versions(TOLD_VERSIONS),
        template=repository.template_version,
        answers=repository.answers,
        commit=revision.commit,
        uncommitted=revision.uncommitted,
        started=clock.started,
        seconds=clock.seconds,
        log=log,
    )


def prove_url(
    url: str, *, token: str | None = None, allow_load: bool = False, progress: Progress = lambda _: None
) -> ProofReport:
    """Question any MCP server over http: harmlessly, unless it is on loopback or load is allowed.

    Raises:
        RefusedError: the text is no URL of an endpoint, or a token would be sent without TLS.
        WireError: nothing answers there.
    """
    try:
        endpoint = Endpoint.at(url)
    except ValueError as error:
        raise RefusedError(f"The URL cannot be used: {error}.") from error
    if token and not endpoint.secure and not endpoint.on_loopback:
        raise RefusedError(f"{url} is no https URL: the token would be readable on its way.")
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
        self.started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
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
    repository: RenderedRepository, proof_settings: ProofSettings, folder: Path, stack: ExitStack, progress: Progress
) -> Subject:
    """The started server as the subject of the probes; what failed is in its `starts`."""
    try:
        installation = install(repository, folder)
    except InstallError as error:
        failure = NotStarted("the lock does not install", error.log)
        return Subject(starts={"install": failure}, lacking=dict.fromkeys(Need, str(failure)))
    progress("starting the server")
    return _Stage(installation, proof_settings, stack).subject()


class _Stage:
    """Everything that runs while a repository is proven."""

    def __init__(self, installation: Installation, proof_settings: ProofSettings, stack: ExitStack) -> None:
        self._repository = installation.repository
        self._proof_settings = proof_settings
        self._stack = stack
        self._python_version = installation.python_version
        self._issuer: Issuer | None = None
        settings: dict[str, str] = {}
        if self._repository.provider != "none":
            self._issuer, settings = self._start_issuer(installation.folder)
        if self._repository.shares_state:
            settings["MCP_REDIS_URL"] = stack.enter_context(running_store(installation))
        self._telemetry: dict[str, str] = {}
        if self._repository.exports_telemetry:
            self._telemetry[COLLECTOR_VARIABLE] = stack.enter_context(running_collector())
            settings |= self._telemetry
        self._own = dict(proof_settings.env)
        self._production = Launcher(installation, production_settings(self._repository) | self._own | settings)
        stack.enter_context(
            stand_ins.running(
                proof_settings.services,
                self._repository.path,
                installation.environment(self._own),
                installation.folder,
            )
        )
        self._pool = ThreadPoolExecutor()
        stack.callback(self._pool.shutdown, cancel_futures=True)
        stack.callback(self._production.running.end)

    def _start_issuer(self, folder: Path) -> tuple[Issuer, dict[str, str]]:
        repository = self._repository
        authority = Authority(folder)
        shape = provider.token_shape(repository)
        issuer = self._stack.enter_context(
            running_issuer(authority, repository.issuer_path, repository.audience, shape)
        )
        settings = {
            "SSL_CERT_FILE": str(authority.certificate_file),
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_AUTH_AUDIENCE": repository.audience,
        }
        return issuer, settings

    def subject(self) -> Subject:
        """Start the production server; the others start beside it, and whoever asks for them waits."""
        repository = self._repository
        subject = self._new_subject()
        subject.public_url, subject.starts = repository.public_url, {"install": None}
        subject.versions["python"] = self._python_version
        if repository.serves_http:
            self._start_production(subject)
            subject.boot = self._boot
            subject.run_python = self._production.run_python
            subject.shares_state = repository.shares_state
            subject.exports_telemetry = repository.exports_telemetry
            subject.development = self._development()
        else:
            subject.lacking[Need.ENDPOINT] = "the server serves stdio only"
        if repository.serves_stdio:
            subject.converse = self._conversations()
        return subject

    def _new_subject(self) -> Subject:
        return Subject(roles=self._repository.roles, given_call=self._proof_settings.call)

    def _start_production(self, subject: Subject) -> None:
        """Start the production server before all others, because the first start also writes the byte code."""
        subject.starts["production"] = None
        try:
            server = self._stack.enter_context(self._production.ready(self._repository.public_host))
        except NotStarted as failure:
            subject.starts["production"] = failure
            subject.lacking |= dict.fromkeys((Need.ENDPOINT, Need.ISSUER), "the server did not start")
        else:
            self._attach(subject, server, subject.public_url)

    def _development(self) -> Callable[[], Subject]:
        production_only = ("MCP_PUBLIC_URL", "MCP_ALLOWED_ORIGINS", "MCP_REQUEST_STATE_KEYS")
        changes = {"MCP_ENVIRONMENT": "development", "MCP_REPLICAS": "1", **dict.fromkeys(production_only, "")}
        launcher = self._production.with_settings(changes)
        early = self._stack.enter_context(launcher.started())

        def wait() -> Subject:
            server = early
            try:
                server.wait_until_ready()
            except NotStarted:
                if not server.lost_its_port:
                    raise
                server = self._stack.enter_context(launcher.ready())
            subject = self._new_subject()
            self._attach(subject, server, server.endpoint.url)
            return subject

        return wait

    def _conversations(self) -> Callable[[Era], Conversation]:
        """Both conversations at once, in the background."""
        nothing = dict.fromkeys(self._production.settings, "")
        launcher = self._production.with_settings(nothing | self._own | self._telemetry)
        given = self._proof_settings.call
        held = {era: self._pool.submit(conversation.hold, launcher, era, given) for era in Era}
        return lambda era: held[era].result()

    def _attach(self, subject: Subject, server: Server, public_url: str) -> None:
        subject.server, subject.endpoint, subject.issuer = server, server.endpoint, self._issuer
        subject.public_url = public_url

    @contextmanager
    def _boot(self, changes: Mapping[str, str]) -> Iterator[tuple[Subject, Server]]:
        """One more production server with other settings; the caller waits for what it wants to see."""
        with self._production.with_settings(changes).started(self._repository.public_host) as server:
            subject = self._new_subject()
            self._attach(subject, server, self._repository.public_url)
            try:
                yield subject, server
            except Deviation as deviation:
                deviation.log = server.log
                raise


def _asked(probe: Probe, subject: Subject) -> Result:
    """Ask one probe, as a principal of its own."""
    subject.principal = f"prover-{probe.id}"
    began = time.monotonic()
    log = ""
    try:
        subject.provide(probe.needs)
        status, seen = Status.PASSED, probe.ask(subject)
    except Skip as skipped:
        status, seen = Status.SKIPPED, str(skipped)
    except Deviation as deviation:
        status, seen, log = Status.FAILED, str(deviation), deviation.log
    except WireError as error:
        status, seen = Status.FAILED, str(error)
    except UNREADABLE as error:
        status, seen = Status.FAILED, f"an answer of a shape that nobody expects ({type(error).__name__})"
    except NotStarted as failure:
        status, seen, log = Status.FAILED, str(failure), failure.log
    return Result(probe, status, printable(seen), round(time.monotonic() - began, 3), log)


def printable(text: str) -> str:
    """A text of somebody else's, short and without what a terminal would obey."""
    visible = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return visible if len(visible) <= LONGEST_OBSERVATION else f"{visible[:LONGEST_OBSERVATION]}…"


def _explaining_log(results: Sequence[Result], subject: Subject) -> str:
    """The last lines of the log that explains a failure, empty without a failure.

    The log of a server that did not start comes first, then that of the running server, then that of a conversation.
    """
    failures = [result for result in results if result.status is Status.FAILED]
    if not failures:
        return ""
    if log := next((result.log for result in failures if result.log), ""):
        return log
    if subject.server is not None:
        return subject.server.log
    return subject.conversation(Era.MODERN).log if subject.converse else ""


def _versions() -> dict[str, str]:
    try:
        version = importlib.metadata.version("mcp-scaffold")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    return {"mcp-scaffold": version}
