# Managed by the template; updates merge into this file.
"""Types of settings: lists that commas separate, hosts, origins, keys, URLs."""

from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import NoDecode

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Separated = BeforeValidator(_split)
Texts = Annotated[tuple[str, ...], NoDecode, Separated]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+(?::\*)?$")]
Hosts = Annotated[tuple[Host, ...], NoDecode, Separated]
Upstream = Annotated[str, Field(pattern=r"^(?:[a-z0-9._-]+|[0-9a-f]*:[0-9a-f:.]+)$")]
"""A name or an address as it stands in a URL's authority, without a port."""
Upstreams = Annotated[tuple[Upstream, ...], NoDecode, Separated]
Origin = Annotated[str, Field(pattern=r"^https?://[^/?#@\s*]+$")]
Origins = Annotated[tuple[Origin, ...], NoDecode, Separated]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, Separated]
Keys = Annotated[tuple[Annotated[SecretStr, Field(min_length=32)], ...], NoDecode, Separated]
Contexts = Annotated[tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")], ...], NoDecode, Separated]
"""What a challenge may quote: visible ASCII without quotation marks and backslashes."""


def split_url(variable: str, url: str) -> SplitResult:
    """The parts of a URL; raises `ValueError`, which names the variable alone, for what is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # which is looked at only here
    except ValueError:
        # What the error quotes may be a piece of a password that was not escaped.
        raise ValueError(f"{variable} is not a URL, or its port is no number") from None
    return parts
