"""Servers to be measured side by side: each in an environment of its own, with the same tool, started on loopback."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from load import Caller, CallFailedError, open_session, send_calls, written_call
from scaffolders import CREATE_MCP_OAUTH

from scaffold.endpoint import Endpoint
from scaffold.proof.collector import running_collector
from scaffold.proof.issuer import Authority, Issuer, TokenShape, running_issuer
from scaffold.proof.servers import production_settings
from scaffold.proof.wire import Era
from scaffold.rendered.repository import RenderedRepository
from scaffold.toolchain.installation import install
from scaffold.toolchain.processes import free_ports, started_group
from scaffold.toolchain.uv import find_uv

HERE = Path(__file__).parent
ANSWERS = ("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com")
POLICY = "scopes: {{mcp:read: [], mcp:admin: []}}\ntools: {{{rules}}}\n"
MOST_TOOLS = 500
START_SECONDS = 30.0
TOKEN_SECONDS = 6 * 3600
TICKS = os.sysconf("SC_CLK_TCK")
SOME_TRACED = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
ALL_TRACED = {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
LISTENS = "PORT"
"""Stands for the port in a command and in settings."""
METRICS = "METRICS_PORT"


@dataclass(frozen=True, eq=False)
class Server:
    """A started server, as its process shows itself."""

    subject: Subject
    process: subprocess.Popen[bytes]
    endpoint: Endpoint
    started_in: float = 0.0
    """Seconds until it answered its first call."""
    sessions: dict[str, str] = field(default_factory=dict)
    """The session of each token, where the server keeps some."""

    @property
    def name(self) -> str:
        """The subject's."""
        return self.subject.name

    def caller(self, token: str) -> Caller:
        """Who calls with that token, in a session where the server keeps some."""
        if self.subject.keeps_sessions and token not in self.sessions:
            self.sessions[token] = open_session(self.endpoint, token)
        return Caller(token, self.sessions.get(token, ""))

    @property
    def cpu_seconds(self) -> float:
        """What its process has used since it started, in user and in system mode, all threads together."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def resident_megabytes(self) -> float:
        """The memory that it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True)
class Subject:
    """How a server is started and addressed, and its tool that adds two numbers."""

    name: str
    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    eras: Sequence[Era] = tuple(Era)
    keeps_sessions: bool = False
    tool: str = "add_0"
    parameters: tuple[str, str] = ("first", "second")

    @property
    def python(self) -> str:
        """The interpreter of its environment, where its program is too."""
        return str(Path(self.command[0]).with_name("python"))

    @contextmanager
    def started(self, workshop: Workshop) -> Iterator[Server]:
        """Start it, wait until it answers a call, and end it with the block.

        Raises:
            CallFailedError: it answers none, or ended.
        """
        port, metrics_port = map(str, free_ports(2))
        ports = {LISTENS: port, METRICS: metrics_port}
        command = [ports.get(word, word) for word in self.command]
        settings = {name: ports.get(value, value) for name, value in self.settings.items()}
        endpoint = replace(Endpoint.at(f"http://127.0.0.1:{port}/mcp"), host=self.host or f"127.0.0.1:{port}")
        environment = {**workshop.environment, **settings}
        log_file = workshop.folder / f"{self.name}.log"
        begin = time.perf_counter()
        with (
            log_file.open("wb") as log,
            started_group(command, workshop.folder, environment, log, subprocess.DEVNULL) as process,
        ):
            server = Server(self, process, endpoint)
            try:
                _await_first_answer(server, workshop)
            except CallFailedError as error:
                last = log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise CallFailedError(f"{self.name} does not answer: {error}\n{last}") from error
            yield replace(server, started_in=time.perf_counter() - begin)


def _await_first_answer(server: Server, workshop: Workshop) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            send_calls(server.endpoint, [workshop.call(server, server.subject.eras[-1], 0)], 1)
        except (CallFailedError, OSError, EOFError) as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise CallFailedError(str(error)) from error
            time.sleep(0.02)
        else:
            return


@dataclass(frozen=True)
class Workshop:
    """A folder for environments, an issuer that all servers trust, and a collector that takes their telemetry."""

    folder: Path
    issuer: Issuer
    environment: Mapping[str, str]
    tokens: list[str] = field(default_factory=list)

    def call(self, server: Server, era: Era, number: int) -> bytes:
        """The call of that number, written: principals take turns."""
        caller = server.caller(self.tokens[number % len(self.tokens)])
        first, second = server.subject.parameters
        return written_call(server.endpoint, era, caller, server.subject.tool, {first: number, second: 1})

    def sign_tokens(self, principals: int) -> None:
        """Give each principal a token."""
        now = int(time.time())
        for number in range(len(self.tokens), principals):
            claims = self.issuer.claims(f"principal-{number}", ["mcp:read"])
            self.tokens.append(self.issuer.sign({**claims, "exp": now + TOKEN_SECONDS}))

    def install_ours(self, instead: str | None = None) -> tuple[Subject, str]:
        """Render a repository with everything on, and give it the tools; it comes with its Python.

        A command that is to be measured instead gets the port as its last argument; then nothing is rendered.
        """
        if instead:
            return Subject("rendered", [*shlex.split(instead), LISTENS]), sys.executable
        return self._install_rendered("rendered", telemetry="both")

    def install_silent(self) -> Subject:
        """The same without telemetry."""
        return self._install_rendered("silent", telemetry="none")[0]

    def _install_rendered(self, name: str, telemetry: str) -> tuple[Subject, str]:
        place = self.folder / name
        answers = [f"--data={answer}" for answer in (*ANSWERS, f"telemetry={telemetry}")]
        command = [sys.executable, "-m", "scaffold", "new", str(place), "--defaults", "--no-git", "--no-prove"]
        subprocess.run([*command, *answers], check=True, capture_output=True)
        repository = RenderedRepository(place)
        _replace_features(place / "src" / repository.answer("package_name"))
        rules = ", ".join(f"add_{number}: [mcp:read]" for number in range(MOST_TOOLS))
        (place / "policy.yaml").write_text(POLICY.format(rules=rules), encoding="utf-8")
        installation = install(repository, _made(self.folder / f"environment-{name}"))
        settings = {
            **production_settings(repository),
            "MCP_AUTH_ISSUER": self.issuer.url,
            "MCP_AUTH_AUDIENCE": self.issuer.audience,
            "MCP_RATE_LIMIT": "100000000/hour",
            **SOME_TRACED,
            "MCP_PORT": LISTENS,
            "MCP_METRICS_PORT": METRICS,
        }
        program = str(installation.executable(repository.slug))
        python = str(installation.executable("python"))
        return Subject(name, [program], settings, repository.public_host), python

    def install_bare_sdk(self, version: str) -> Subject:
        """The SDK with nothing but what it depends on, so with a parser of HTTP in Python."""
        return bare_sdk(self._install_in_environment("bare", f"mcp=={version}"))

    def install_fastmcp(self) -> Subject:
        """The newest fastmcp 4, in an environment of its own."""
        python = self._install_in_environment("fastmcp", "fastmcp>=4,<5")
        script = str(HERE / "peers" / "fastmcp_server.py")
        return Subject("fastmcp", [python, script, LISTENS, self.issuer.url, self.issuer.audience])

    def _install_in_environment(self, name: str, requirement: str) -> str:
        """The interpreter of a new environment that has what is required."""
        place = self.folder / name
        subprocess.run([find_uv(), "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        python = str(place / "bin" / "python")
        subprocess.run([find_uv(), "pip", "install", "--quiet", "--python", python, requirement], check=True)
        return python

    def install_create_mcp(self) -> Subject:
        """What create-mcp renders with its OAuth, as it renders it: the older era alone, in sessions."""
        place = self.folder / "notes"
        subprocess.run(CREATE_MCP_OAUTH.render, cwd=self.folder, check=True, capture_output=True)
        about = {
            "url": self.issuer.audience,
            "issuer": self.issuer.url,
            "keys": str(self.issuer.metadata()["jwks_uri"]),
        }
        words = {"port": LISTENS, "base": self.issuer.audience.removesuffix("/mcp"), **about}
        return Subject(
            "create-mcp",
            [str(place / ".venv" / "bin" / "notes")],
            {name: value.format(**words) for name, value in CREATE_MCP_OAUTH.environment.items()},
            eras=(Era.LEGACY,),
            keeps_sessions=True,
            tool="add",
            parameters=("a", "b"),
        )


def bare_sdk(python: str, name: str = "bare SDK", *options: str) -> Subject:
    """The SDK's own server, run by an interpreter that has the SDK."""
    return Subject(name, [python, str(HERE / "peers" / "bare_sdk.py"), LISTENS, *options])


def version_in(python: str, distribution: str) -> str:
    """The version of what an environment holds."""
    program = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    return subprocess.run([python, "-c", program, distribution], check=True, capture_output=True, text=True).stdout[:-1]


@contextmanager
def open_workshop(principals: int) -> Iterator[Workshop]:
    """A workshop with so many tokens; all of it is gone when the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
        authority = Authority(folder)
        shape = TokenShape()
        issuer = stack.enter_context(running_issuer(authority, "", "https://mcp.example.com/mcp", shape))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MCP_", "OTEL_", "PYTHON"))},
            "SSL_CERT_FILE": str(authority.certificate_file),
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.enter_context(running_collector()),
        }
        workshop = Workshop(folder, issuer, environment)
        workshop.sign_tokens(principals)
        yield workshop


def _replace_features(package: Path) -> None:
    """The tools under measurement in place of the examples."""
    (package / "notes.py").unlink()
    for part in ("tools", "resources", "prompts"):
        (package / part / "notes.py").unlink()
    shutil.copy(HERE / "tools.py", package / "tools" / "measured.py")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
