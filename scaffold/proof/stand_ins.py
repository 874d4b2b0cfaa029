"""Starts what stands in for the services that a server calls, and ends it however the proof ends."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

from scaffold.endpoint import Endpoint
from scaffold.errors import StandInError, UnavailableError
from scaffold.proof.outcomes import WireError
from scaffold.proof.servers import READY_SECONDS
from scaffold.proof.wire import exchange
from scaffold.rendered.proof_settings import Address, Service
from scaffold.toolchain.processes import ask_group_to_end, last_lines, read_log, started_group

PAUSE_SECONDS = 0.05
CONNECT_SECONDS = 1.0


@contextmanager
def running(
    services: Sequence[Service], repository: Path, environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    """Start the services in the repository, wait for each, and end them all with the block; logs stay in `folder`.

    Raises:
        UnavailableError: A program is not installed.
        StandInError: One ends, or is not ready in time, or its address is in use.
    """
    with ExitStack() as stack:
        for number, service in enumerate(services):
            log = folder / f"service-{number}.log"
            process = stack.enter_context(_started(service, repository, environment, log))
            _wait(service, process, log)
        yield


@contextmanager
def _started(
    service: Service, repository: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which(service.command[0], path=environment.get("PATH")) or _beside(repository, service)
    if program is None:
        raise UnavailableError(f"proof.yaml starts {service}, but {service.command[0]} is not installed: install it.")
    if _answers(service.address):
        raise StandInError(f"proof.yaml starts {service}, but something answers there already: end that first.")
    with log.open("wb") as output, ExitStack() as stack:
        group = started_group([program, *service.command[1:]], repository, environment, output, subprocess.DEVNULL)
        try:
            process = stack.enter_context(group)
        except (OSError, ValueError) as error:
            raise StandInError(f"proof.yaml starts {service}, which cannot be run: {error}.") from error
        try:
            yield process
        finally:
            ask_group_to_end(process)


def _beside(repository: Path, service: Service) -> str | None:
    """A program of the repository itself, such as `./stand-in.sh`."""
    return shutil.which(repository / service.command[0])


def _wait(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(service.address):
        if status := process.poll():
            raise StandInError(_sentence(service, f"ended with status {status} before it was ready", log))
        if time.monotonic() > deadline:
            raise StandInError(_sentence(service, f"was not ready within {READY_SECONDS:.0f} seconds", log))
        time.sleep(PAUSE_SECONDS)


def _sentence(service: Service, what: str, log: Path) -> str:
    lines = last_lines(read_log(log))
    return f"{service}, which proof.yaml starts, {what}." + (f"\n{lines}" if lines else "")


def _answers(address: Address) -> bool:
    if isinstance(address, Endpoint):
        try:
            return exchange(address, "GET").status < HTTPStatus.INTERNAL_SERVER_ERROR
        except WireError:
            return False
    try:
        with socket.create_connection(address, timeout=CONNECT_SECONDS):
            return True
    except (OSError, UnicodeError):
        return False
