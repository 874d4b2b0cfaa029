"""The environments of the programs that are started: git, uv, and a server under proof.

Each gets what says how this machine reaches the world, and nothing that belongs to another repository, another Python
environment or another server. docs/environment.md says the same to people.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

GIT_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "gc.auto=0",
    "init.templateDir=",
    "maintenance.auto=false",
    "safe.bareRepository=all",
)
"""What overrides a person's configuration of git: none of their programs runs, and repositories of ours may be bare."""

# `git rev-parse --local-env-vars` without the two that hold settings of a call: those git itself passes on, too.
_OF_ONE_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_OF_ONE_CALL_OF_GIT = (
    "GIT_ATTR_SOURCE",
    "GIT_DEFAULT_HASH",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_QUARANTINE_PATH",
    "GIT_TEMPLATE_DIR",
)
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

_OF_ANOTHER_PYTHON = ("CONDA_PREFIX", "PYTHON", "VIRTUAL_ENV")
# What chooses another project, environment, interpreter or part of a lock, or makes a lock that nobody else can use;
# indexes, caches, proxies and certificates stay.
_OF_ANOTHER_PROJECT = (
    "UV_DEV",
    "UV_ENV_FILE",
    "UV_EXCLUDE_NEWER",
    "UV_FORK_STRATEGY",
    "UV_FROZEN",
    "UV_ISOLATED",
    "UV_LOCKED",
    "UV_NO_BUILD",
    "UV_NO_DEFAULT_GROUPS",
    "UV_NO_DEV",
    "UV_NO_EDITABLE",
    "UV_NO_GROUP",
    "UV_NO_SOURCES",
    "UV_NO_SYNC",
    "UV_PRERELEASE",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_RESOLUTION",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
)
_OF_ANOTHER_SERVER = ("MCP_", "OTEL_", "UVICORN_", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY")
# The issuer, the collector and the store of a proof are on loopback, and the issuer has a certificate of its own.
_ON_THE_WAY = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_OF_OTHER_PEERS = ("SSL_CERT_", "SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def for_git() -> dict[str, str]:
    """The environment without variables that name another repository or change what arguments mean.

    git asks nothing and answers in English.
    """
    return {**_inherited_without(names=(*_OF_ONE_REPOSITORY, *_OF_ONE_CALL_OF_GIT)), **_QUIET}


def for_uv() -> dict[str, str]:
    """The environment without variables that change where uv installs, from which lock, or for which Python."""
    return _inherited_without(names=_OF_ANOTHER_PROJECT, prefixes=_OF_ANOTHER_PYTHON)


def for_server() -> dict[str, str]:
    """The environment without settings, proxies and certificates: a server under proof gets those of the proof."""
    return _inherited_without(
        names=(*_ON_THE_WAY, *(name.lower() for name in _ON_THE_WAY)),
        prefixes=(*_OF_ANOTHER_PYTHON, *_OF_ANOTHER_SERVER, *_OF_OTHER_PEERS),
    )


def for_tests() -> dict[str, str]:
    """The environment of uv, without options of pytest. The rendered tests remove settings of servers by themselves."""
    return {name: value for name, value in for_uv().items() if not name.startswith("PYTEST_")}


def open_standard_streams() -> None:
    """Put the null device where the process was started with a closed stream.

    Otherwise the next file that is opened would get the stream's number, and everything printed would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


def _inherited_without(names: Iterable[str] = (), prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    dropped = frozenset(names)
    return {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith(prefixes)}
