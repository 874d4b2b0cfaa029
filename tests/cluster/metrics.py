"""The metrics API of a cluster of cluster.sh: what each running pod uses stands in a file.

metrics.py DIR PORT CERTIFICATE KEY APISERVER. DIR/cpu holds the millicores of every pod; without the file it is 10.
"""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

GROUP = "metrics.k8s.io/v1beta1"
NAMED_BY = ("name", "namespace", "labels")
SELECTORS = ("labelSelector", "fieldSelector")


class Metrics:
    """Reads the running pods from the API server, as its administrator."""

    def __init__(self, folder: Path, api: str) -> None:
        self._folder, self._api = folder, api
        self._client = ssl.create_default_context(cafile=str(folder / "pki/ca.crt"))
        self._client.load_cert_chain(folder / "pki/admin.crt", folder / "pki/admin.key")

    def answer(self, target: str) -> dict[str, Any]:
        """The document that a request asks for: the kinds of this API, or the use of pods.

        Raises:
            OSError: The API server does not answer.
        """
        path, _, query = target.partition("?")
        place = path.removeprefix(f"/apis/{GROUP}").strip("/").split("/")
        if place == [""]:
            kind = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics"}
            resources = [{**kind, "verbs": ["get", "list"]}]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": resources}
        below = f"/namespaces/{place[1]}/pods" if place[0] == "namespaces" else "/pods"
        items = [self._measured(pod) for pod in self._running(below, urllib.parse.parse_qs(query))]
        return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": items}

    def _running(self, below: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        kept = urllib.parse.urlencode({name: query[name][0] for name in SELECTORS if name in query})
        url = f"{self._api}/api/v1{below}?{kept}"
        with urllib.request.urlopen(url, context=self._client, timeout=10) as reply:
            pods = json.load(reply)["items"]
        return [pod for pod in pods if pod["status"].get("phase") == "Running"]

    def _measured(self, pod: dict[str, Any]) -> dict[str, Any]:
        file = self._folder / "cpu"
        usage = {"cpu": f"{file.read_text().strip() if file.exists() else 10}m", "memory": "100Mi"}
        return {
            "metadata": {
                key: pod["metadata"][key] for key in ("name", "namespace", "labels") if key in pod["metadata"]
            },
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "window": "15s",
            "containers": [{"name": one["name"], "usage": usage} for one in pod["spec"]["containers"]],
        }


def serve(metrics: Metrics, port: int, certificate: str, key: str) -> None:
    """Answer on loopback until the process ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                status, document = 200, metrics.answer(self.path)
            except OSError as error:
                status, document = 503, {"kind": "Status", "apiVersion": "v1", "message": str(error), "code": 503}
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    folder, port, certificate, key, api = sys.argv[1:]
    serve(Metrics(Path(folder), api), int(port), certificate, key)
