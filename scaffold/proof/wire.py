"""A thin client that shows what a server answers, byte for byte.

Each exchange is one connection without redirects, retries, cookies or proxies, so that a probe sees the answer itself.
Both protocol eras are spoken: 2025-11-25 (`initialize`, then the version in a header) and 2026-07-28 (self-contained
requests whose headers repeat the body).
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from scaffold.documents import JsonValue
from scaffold.endpoint import Endpoint
from scaffold.proof.outcomes import WireError

LARGEST_BODY = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
PATIENCE_SECONDS = 20.0
LONGEST_SECONDS = 30.0
CALL_SECONDS = 45.0
"""A tool may wait for another service until its own deadline, which is 30 seconds where nobody set another."""

Headers = Sequence[tuple[str, str]]
Message = dict[str, JsonValue]


class Era(StrEnum):
    """The two ways in which MCP is spoken today, by the revision that stands for each."""

    LEGACY = "2025-11-25"
    MODERN = "2026-07-28"


def parse(text: str | bytes) -> JsonValue:
    """A text as JSON, or None when it is none, or is deeper than anybody needs."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_message(value: JsonValue) -> Message:
    """A value as a JSON object; empty when it is none."""
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Reply:
    """What came back: status, headers with lower-case names, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def document(self) -> JsonValue:
        """The body as JSON, or None when it is none."""
        return parse(self.body)

    @property
    def message(self) -> Message:
        """The JSON-RPC response in a JSON body or at the end of an event stream; empty when there is none."""
        if "text/event-stream" in self.headers.get("content-type", ""):
            return next((m for m in _events(self.body) if "result" in m or "error" in m), {})
        return as_message(self.document)

    @property
    def result(self) -> Message:
        """The JSON-RPC result, empty when the answer is an error or no JSON-RPC at all."""
        result = self.message.get("result")
        return result if isinstance(result, dict) else {}

    @property
    def error_code(self) -> int | None:
        """The code of the JSON-RPC error, if there is one."""
        error = self.message.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, int) else None

    @property
    def challenge(self) -> dict[str, str]:
        """The parameters of a Bearer challenge (RFC 6750 section 3), empty when there is none."""
        header = self.headers.get("www-authenticate", "")
        if not header.lower().startswith("bearer"):
            return {}
        pairs = re.findall(r'([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', header)
        return {name: quoted or plain for name, quoted, plain in pairs}

    def __str__(self) -> str:
        """One short line for a report: the status and, where there is one, the reason."""
        parts = [str(self.status)]
        if error := self.challenge.get("error"):
            parts.append(error)
        if self.error_code is not None:
            parts.append(f"error {self.error_code}")
        elif self.result.get("isError"):
            parts.append("tool error")
        elif self.result:
            parts.append("result")
        return ", ".join(parts)


def exchange(
    endpoint: Endpoint,
    method: str,
    path: str | None = None,
    *,
    headers: Headers = (),
    body: bytes | None = None,
) -> Reply:
    """Send one request and read its answer; the Host header is the endpoint's unless `headers` holds one.

    Raises `WireError` when no complete HTTP answer arrives in time.
    """
    patience = endpoint.patience or PATIENCE_SECONDS
    connection = _connect(endpoint, patience)
    try:
        connection.putrequest(method, path or endpoint.path, skip_host=True, skip_accept_encoding=True)
        for name, value in _complete(endpoint, headers, body):
            connection.putheader(name, value)
        connection.endheaders()
        if body is not None:
            _send(connection, body)
        response, longest = connection.getresponse(), max(LONGEST_SECONDS, patience)
        return _read(response, longest, endpoint.hear or bytes, stream_matters=method == "POST")
    except TimeoutError as error:
        raise WireError(f"no answer within {patience:.0f} seconds") from error
    except http.client.HTTPException as error:
        raise WireError(f"the answer is no HTTP ({type(error).__name__})") from error
    except ssl.SSLError as error:
        raise WireError(f"TLS failed: {error.reason or error}") from error
    except UnicodeError as error:
        raise WireError(f"{endpoint.address} is no name of a host") from error
    except OSError as error:
        raise WireError(f"the connection failed ({error.strerror or type(error).__name__})") from error
    finally:
        connection.close()


def _connect(endpoint: Endpoint, patience: float) -> http.client.HTTPConnection:
    if not endpoint.secure:
        return http.client.HTTPConnection(endpoint.address, endpoint.port, timeout=patience)
    context = ssl.create_default_context(cafile=endpoint.trust)
    return http.client.HTTPSConnection(endpoint.address, endpoint.port, timeout=patience, context=context)


def _complete(endpoint: Endpoint, headers: Headers, body: bytes | None) -> Iterator[tuple[str, str]]:
    given = {name.lower() for name, _ in headers}
    if "host" not in given:
        yield "Host", endpoint.host
    yield "User-Agent", CLIENT["name"]
    yield "Connection", "close"
    if body is not None and not given & {"content-length", "transfer-encoding"}:
        yield "Content-Length", str(len(body))
    yield from headers


def _send(connection: http.client.HTTPConnection, body: bytes) -> None:
    """Send a body that the server may refuse before it has read the whole of it."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send(body)


def _read(
    response: http.client.HTTPResponse, longest: float, hear: Callable[[bytes], object], *, stream_matters: bool
) -> Reply:
    headers = {name.lower(): value for name, value in response.getheaders()}
    endless = "text/event-stream" in headers.get("content-type", "") and not stream_matters
    return Reply(response.status, headers, b"" if endless else _body(response, longest, hear))


def _body(response: http.client.HTTPResponse, longest: float, hear: Callable[[bytes], object]) -> bytes:
    """The body, up to a size and a time: a peer may send for ever, one byte at a time."""
    body = bytearray()
    deadline = time.monotonic() + longest
    while len(body) < LARGEST_BODY and (part := response.read1(CHUNK_BYTES)):
        body += part
        hear(part)
        if time.monotonic() > deadline:
            raise WireError(f"the answer did not end within {longest:.0f} seconds")
    return bytes(body)


def _events(body: bytes) -> Iterator[Message]:
    for block in re.split(r"\r?\n\r?\n", body.decode("utf-8", "replace")):
        data = "\n".join(line[5:].lstrip(" ") for line in block.splitlines() if line.startswith("data:"))
        if message := as_message(parse(data)):
            yield message


NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
CLIENT = {"name": "mcp-scaffold-prove", "version": "1"}
ENVELOPE = "io.modelcontextprotocol/"


def modern_params(params: Mapping[str, Any], version: str = Era.MODERN) -> Message:
    """Parameters with the `_meta` that each 2026-07-28 request carries."""
    meta = {
        f"{ENVELOPE}protocolVersion": version,
        f"{ENVELOPE}clientInfo": CLIENT,
        f"{ENVELOPE}clientCapabilities": {},
    }
    return {**params, "_meta": meta}


def modern_headers(method: str, params: Mapping[str, Any], version: str = Era.MODERN) -> list[tuple[str, str]]:
    """The headers that repeat a 2026-07-28 request's body."""
    headers = [("MCP-Protocol-Version", str(version)), ("Mcp-Method", method)]
    if method in NAMED_BY:
        headers.append(("Mcp-Name", header_value(str(params.get(NAMED_BY[method], "")))))
    return headers


def header_value(value: str) -> str:
    """A value as the specification lets it stand in a header: itself, or its base64 form."""
    plain = re.fullmatch(r"[\x20-\x7e]*", value) and value == value.strip() and not value.startswith("=?base64?")
    return value if plain else f"=?base64?{base64.b64encode(value.encode()).decode()}?="


@dataclass(frozen=True)
class Client:
    """Sends JSON-RPC requests to one endpoint in one era, with one token or none."""

    endpoint: Endpoint
    era: Era = Era.MODERN
    token: str | None = None
    session: str | None = None
    extra: Headers = field(default=())

    def request(self, method: str, params: Mapping[str, Any] | None = None, *, headers: Headers = ()) -> Reply:
        """One request and its answer; `headers` are added to the usual ones."""
        params = params or {}
        if self.era is Era.MODERN:
            message_params: Message = modern_params(params)
            usual = modern_headers(method, params)
        else:
            message_params = dict(params)
            usual = [] if method == "initialize" else [("MCP-Protocol-Version", str(self.era))]
        patience = CALL_SECONDS if method == "tools/call" else self.endpoint.patience
        patient = replace(self, endpoint=replace(self.endpoint, patience=patience))
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": message_params}
        return patient.post(message, [*usual, *headers])

    def post(self, message: JsonValue, headers: Headers = ()) -> Reply:
        """Post a message as it is, with the transport's headers, the token and the session."""
        return self.post_bytes(json.dumps(message).encode(), headers)

    def post_bytes(self, body: bytes, headers: Headers = ()) -> Reply:
        """Post bytes that need not be JSON."""
        usual = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        given = {name.lower() for name, _ in headers}
        chosen = [pair for pair in usual if pair[0].lower() not in given]
        return exchange(self.endpoint, "POST", headers=[*chosen, *self._identity(), *self.extra, *headers], body=body)

    def _identity(self) -> Iterator[tuple[str, str]]:
        if self.token is not None:
            yield "Authorization", f"Bearer {self.token}"
        if self.session is not None:
            yield "Mcp-Session-Id", self.session

    def initialize(self) -> tuple[Reply, Client]:
        """The 2025-11-25 handshake; returns its answer and the client to go on with."""
        reply = self.request(
            "initialize", {"protocolVersion": str(Era.LEGACY), "capabilities": {}, "clientInfo": CLIENT}
        )
        opened = replace(self, session=reply.headers.get("mcp-session-id"))
        if reply.result:
            opened.post(
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
                [("MCP-Protocol-Version", str(Era.LEGACY))],
            )
        return reply, opened
