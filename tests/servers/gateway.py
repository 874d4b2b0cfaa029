"""What stands before the replicas in a cluster: a proxy that sends requests to those that are ready."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers.started import free_port


class Gateway:
    """Asks each replica again and again whether it is ready; sends no request twice, and keeps its connections."""

    def __init__(self, port: int, probe_seconds: float) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._probe_seconds = probe_seconds
        self._ready: dict[str, bool] = {}
        self._turns = itertools.count()

    def learn(self, replica: str) -> None:
        """Know of a replica, by its URL; it gets requests once it is ready."""
        self._ready[replica] = False

    def forget(self, replica: str) -> None:
        """Send it nothing more; what it has, it may finish."""
        del self._ready[replica]

    def wait_for(self, replica: str, seconds: float = 30) -> None:
        """Return once the replica gets requests."""
        deadline = time.monotonic() + seconds
        while not self._ready[replica]:
            assert time.monotonic() < deadline, f"{replica} does not become ready"
            time.sleep(0.01)

    def application(self) -> Starlette:
        """The proxy itself."""
        return Starlette(routes=[Route("/{path:path}", self._forward, methods=["POST"])], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(timeout=10) as self._client:
            probing = asyncio.create_task(self._probe())
            yield
            probing.cancel()

    async def _probe(self) -> None:
        while True:
            for replica in list(self._ready):
                ready = await self._is_ready(replica)
                if replica in self._ready:
                    self._ready[replica] = ready
            await asyncio.sleep(self._probe_seconds)

    async def _is_ready(self, replica: str) -> bool:
        try:
            return (await self._client.get(f"{replica}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async def _forward(self, request: Request) -> Response:
        ready = [replica for replica, is_ready in self._ready.items() if is_ready]
        if not ready:
            return Response("no replica is ready", 503)
        replica = ready[next(self._turns) % len(ready)]
        try:
            answer = await self._client.post(
                f"{replica}{request.url.path}", headers=request.headers.raw, content=await request.body()
            )
        except httpx2.TransportError as error:
            return Response(repr(error), 502)
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])


@contextmanager
def running_gateway(probe_seconds: float) -> Iterator[Gateway]:
    """A gateway on loopback until the block ends."""
    port = free_port()
    gateway = Gateway(port, probe_seconds)
    server = uvicorn.Server(uvicorn.Config(gateway.application(), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the gateway does not start"
        time.sleep(0.01)
    try:
        yield gateway
    finally:
        server.should_exit = True
        thread.join(30)
