"""`mcp-scaffold prove`: question a rendered repository, or any server by its URL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scaffold import console
from scaffold.errors import ExitStatus, RefusedError, UnavailableError
from scaffold.proof import ProofReport, prove_repository, prove_url
from scaffold.proof.outcomes import WireError
from scaffold.workspace import signals_interrupt

TOKEN_VARIABLE = "MCP_PROVE_TOKEN"  # noqa: S105 -- the variable's name


@dataclass(frozen=True)
class Request:
    """What the command line asks for: the proof of a repository, or with `url` that of a server."""

    path: Path | None
    full: bool
    url: str | None
    token_file: str | None
    may_load: bool
    json: bool


def prove(request: Request) -> ExitStatus:
    """Prove a repository and write its `proof.json`, or prove a server; print the report.

    Returns:
        The exit status: 0, or 4 when a probe failed.

    Raises:
        RefusedError: The options do not go together, or the path, the URL or the token cannot be used.
        UnavailableError: uv, Python, the network or the server is missing.
        Interrupted: A signal ended the proof; nothing that it started goes on.
    """
    with signals_interrupt(), console.PROGRESS.step("Proving"):
        report = _prove_repository(request) if request.url is None else _prove_server(request, request.url)
    console.conclude(report.to_json(), report.table(), json=request.json)
    return ExitStatus.DONE if report.passed else ExitStatus.UNPROVEN


def _prove_repository(request: Request) -> ProofReport:
    if request.token_file or request.may_load:
        raise RefusedError("--token-file and --yes go with --url: a repository's proof signs its own tokens.")
    path = request.path or Path()
    report = prove_repository(path, full=request.full, progress=console.PROGRESS.part)
    try:
        report.write(path)
    except OSError as error:
        console.note(f"proof.json was not written: {error.strerror}.")
    return report


def _prove_server(request: Request, url: str) -> ProofReport:
    if request.path or request.full:
        raise RefusedError("A PATH and --full go with a repository: with --url every probe is asked that can be.")
    token = read_token(request.token_file)
    try:
        return prove_url(url, token=token, allow_load=request.may_load, progress=console.PROGRESS.part)
    except WireError as error:
        raise UnavailableError(f"{url} cannot be proven: {error}.") from error


def read_token(file: str | None) -> str | None:
    """Read the token from a file, from standard input for `-`, or else from `MCP_PROVE_TOKEN`.

    Raises:
        RefusedError: The file cannot be read, or what was read is no token.
    """
    if file is None:
        return _checked(os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE) or None
    read: Callable[[], str] = sys.stdin.read if file == "-" else Path(file).read_text
    try:
        token = _checked(read(), "standard input" if file == "-" else file)
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The token file {file} cannot be read: name a text file that you may read.") from error
    if not token:
        raise RefusedError("The token is empty: give the bearer token that the server is to accept.")
    return token


def _checked(text: str, origin: str) -> str:
    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise RefusedError(f"What {origin} holds is no bearer token: it is one word of ASCII characters.")
    return token
