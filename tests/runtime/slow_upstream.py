"""Another service that does not answer."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from process import ServerProcess


@pytest.mark.parametrize(
    "settings, said",
    [({"egress_timeout_seconds": 4}, "Error executing tool"), ({"tool_timeout_seconds": 4}, "within 4 seconds")],
    ids=["timeout", "deadline"],
)
def test_a_slow_upstream_ends_the_call_that_waits_for_it_and_holds_up_no_other(
    start: Any, settings: dict[str, Any], said: str
) -> None:
    server, token = start(egress_private_hosts="127.0.0.1", **settings)
    with socket.create_server(("127.0.0.1", 0)) as upstream, ThreadPoolExecutor() as pool:
        url = f"http://127.0.0.1:{upstream.getsockname()[1]}/"
        slow = pool.submit(server.call, "call_upstream", {"url": url}, token)
        with upstream.accept()[0]:
            assert server.call("read_item", token=token).status_code == 200
            assert not slow.done()
            assert said in slow.result().text
