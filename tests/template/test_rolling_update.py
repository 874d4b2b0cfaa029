"""A rolling update of rendered servers, in the order and with the times that the rendered Deployment states."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import yaml

from scaffold.endpoint import Endpoint
from scaffold.proof.issuer import Authority, TokenShape, running_issuer
from scaffold.proof.outcomes import WireError
from scaffold.proof.servers import Launcher, Server, production_settings
from scaffold.proof.store import running_store
from scaffold.proof.wire import Client, Era
from tests.servers.gateway import Gateway, running_gateway
from tests.servers.started import install_rendered

pytestmark = [
    *(pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("rolling update")),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no Redis for it"),
]

SECOND = 0.2
"""How long a second of the cluster takes here."""
UNTOLD_SECONDS = 3
"""How long gateways go on sending to a pod whose end has begun: they hear of it by way of the API server."""
ANSWERS = (
    *("transport=http", "auth_provider=oidc", "auth_issuer=https://id.example.com"),
    *("deployment=kubernetes", "replica_state=redis", "telemetry=none"),
)


@dataclass(frozen=True)
class Cluster:
    """Starts and ends replicas as Kubernetes does, by the pod's specification; its gateway hears of an end later."""

    pod: dict[str, Any]
    launcher: Launcher
    gateway: Gateway
    client: Client
    ends: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, count: int) -> list[Server]:
        """More replicas, once the gateway finds them ready."""
        servers = [self._started() for _ in range(count)]
        for server in servers:
            self.gateway.wait_for(url_of(server))
        return servers

    def _started(self) -> Server:
        stack = ExitStack()
        server = stack.enter_context(self.launcher.started(self.client.endpoint.host))
        self.ends[url_of(server)] = stack
        self.gateway.learn(url_of(server))
        return server

    def end(self, server: Server) -> int | None:
        """Do what `preStop` says, then send SIGTERM, then wait for as long as the pod may take; give the status."""
        [container] = self.pod["containers"]
        pre_stop = container.get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})["sleep"]["seconds"]
        told = threading.Timer(UNTOLD_SECONDS * SECOND, self.gateway.forget, [url_of(server)])
        told.start()
        time.sleep(pre_stop * SECOND)
        status = server.terminate((self.pod["terminationGracePeriodSeconds"] - pre_stop) * SECOND)
        told.join()
        self.ends.pop(url_of(server)).close()
        return status


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.endpoint.port}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An empty cluster with a Redis, a gateway, and a client that may read."""
    folder = tmp_path_factory.mktemp("rolling-update")
    installation = install_rendered(folder, *ANSWERS)
    repository = installation.repository
    pod = yaml.safe_load((repository.path / "deploy/kubernetes/base/deployment.yaml").read_text())["spec"]["template"]
    authority = Authority(folder)
    with ExitStack() as stack:
        issuer = stack.enter_context(
            running_issuer(authority, repository.issuer_path, repository.audience, TokenShape())
        )
        settings = production_settings(repository) | {
            "MCP_AUTH_ISSUER": issuer.url,
            "MCP_RATE_LIMIT": "100000000/hour",
            "MCP_REDIS_URL": stack.enter_context(running_store(installation)),
            "SSL_CERT_FILE": str(authority.certificate_file),
        }
        probe = pod["spec"]["containers"][0]["readinessProbe"]
        gateway = stack.enter_context(running_gateway(probe["periodSeconds"] * SECOND))
        endpoint = replace(Endpoint.at(f"{gateway.url}/mcp"), host=repository.public_host)
        client = Client(endpoint, token=issuer.sign(issuer.claims("caller", ["mcp:read"])))
        running = Cluster(pod["spec"], Launcher(installation, settings), gateway, client)
        yield running
        for end in running.ends.values():
            end.close()


@contextmanager
def constant_calls(cluster: Cluster) -> Iterator[list[str]]:
    """A caller in each era until the block ends; the list holds whatever was no good answer."""
    ended, answered, failures = threading.Event(), threading.Semaphore(0), list[str]()

    def keep_calling(era: Era) -> None:
        client = replace(cluster.client, era=era)
        while not ended.wait(0.01):
            try:
                reply = client.request("tools/call", {"name": "list_notes", "arguments": {}})
            except WireError as error:
                failures.append(str(error))
            else:
                failures.extend([] if "structuredContent" in reply.result else [f"{reply}: {reply.body[:200]!r}"])
            answered.release()

    with ThreadPoolExecutor() as pool:
        callers = [pool.submit(keep_calling, era) for era in Era]
        for _ in range(20):
            assert answered.acquire(timeout=30)
        try:
            yield failures
        finally:
            ended.set()
    for caller in callers:
        caller.result()


def test_a_rolling_update_loses_no_request(cluster: Cluster) -> None:
    before = cluster.start(2)
    with constant_calls(cluster) as failures:
        for old in before:
            cluster.start(1)
            assert cluster.end(old) == 0
    assert failures == []


def test_without_pre_stop_requests_are_lost(cluster: Cluster) -> None:
    [container] = cluster.pod["containers"]
    hasty = replace(cluster, pod={**cluster.pod, "containers": [{**container, "lifecycle": {}}]})
    [old, _] = hasty.start(2)
    with constant_calls(hasty) as failures:
        hasty.end(old)
    assert failures != []
