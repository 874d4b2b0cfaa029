"""What a probe needs beyond the server itself."""

from __future__ import annotations

from enum import Enum


class Need(Enum):
    """What a probe needs beyond the server itself; the value is the sentence when it is missing."""

    ENDPOINT = "the server is not reached over http"
    ACCESS = "needs a token that the server accepts"
    CHALLENGE = "the server asks for no token"
    ISSUER = "needs tokens made for the purpose: only the proof of a repository can sign them"
    PROCESS = "needs to start and stop the server: only the proof of a repository does"
    STDIO = "the server does not serve stdio"
    LOAD = "loads a server that is not on loopback: ask for it with --yes"
