# Managed by the template; updates merge into this file.
"""Ends with 1, and names it, where a built manifest refers to what it does not hold: references.py FILE...

Secrets are made by hand, and what a namespace of the platform's holds is not looked for.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

KINDS = {"deployments": "Deployment", "configmaps": "ConfigMap", "services": "Service"}


class Manifests:
    """What one overlay holds."""

    def __init__(self, file: Path) -> None:
        self.all = [document for document in YAML(typ="safe", pure=True).load_all(file.read_text("utf-8")) if document]
        self.names = {(one["kind"], one["metadata"]["name"]): one for one in self.all}
        self.pods = [one["spec"]["template"] for one in self.all if one["kind"] == "Deployment"]

    def missing(self) -> Iterator[str]:
        """What is referred to and is not there, each with who refers to it."""
        for one in self.all:
            for reference in getattr(self, f"of_{one['kind'].lower()}", lambda _: ())(one.get("spec", one)):
                yield f"{one['kind']} {one['metadata']['name']}: there is no {reference}"

    def of_service(self, spec: dict[str, Any]) -> Iterator[str]:
        """The pods that it selects, and their ports."""
        selected = self._pods(spec["selector"])
        ports = {value for pod in selected for port in self._ports(pod) for value in port.values()}
        yield from [] if selected else [f"pod with the labels {spec['selector']}"]
        wanted = [port.get("targetPort", port["port"]) for port in spec["ports"]]
        yield from (f"port {port}" for port in wanted if port not in ports)

    def of_podmonitor(self, spec: dict[str, Any]) -> Iterator[str]:
        """The pods that it scrapes, and their ports."""
        ports = {port.get("name") for pod in self._pods(spec["selector"]["matchLabels"]) for port in self._ports(pod)}
        yield from (f"port {end['port']}" for end in spec["podMetricsEndpoints"] if end["port"] not in ports)

    def of_poddisruptionbudget(self, spec: dict[str, Any]) -> Iterator[str]:
        """The pods that it keeps."""
        labels = spec["selector"]["matchLabels"]
        yield from [] if self._pods(labels) else [f"pod with the labels {labels}"]

    def of_horizontalpodautoscaler(self, spec: dict[str, Any]) -> Iterator[str]:
        """What it scales."""
        yield from self._absent(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])

    def of_role(self, role: dict[str, Any]) -> Iterator[str]:
        """The objects that it names."""
        for rule in role["rules"]:
            for kind in (KINDS[name] for name in rule["resources"] if name in KINDS):
                for name in rule.get("resourceNames", []):
                    yield from self._absent(kind, name)

    def of_rolebinding(self, binding: dict[str, Any]) -> Iterator[str]:
        """The role that it gives."""
        yield from self._absent(binding["roleRef"]["kind"], binding["roleRef"]["name"])

    def of_httproute(self, spec: dict[str, Any]) -> Iterator[str]:
        """The services that it leads to, and the gateway that it stands behind."""
        for parent in spec["parentRefs"]:
            yield from [] if "namespace" in parent else self._absent("Gateway", parent["name"])
        for target in (target for rule in spec["rules"] for target in rule.get("backendRefs", [])):
            service = self.names.get(("Service", target["name"]), {"spec": {"ports": []}})
            if target["port"] not in [port["port"] for port in service["spec"]["ports"]]:
                yield f"Service {target['name']} with the port {target['port']}"

    def of_deployment(self, spec: dict[str, Any]) -> Iterator[str]:
        """The account that its pods have, and the settings that they read."""
        pod = spec["template"]["spec"]
        yield from self._absent("ServiceAccount", pod.get("serviceAccountName", "default"))
        sources = [source for container in pod["containers"] for source in container.get("envFrom", [])]
        wanted = [source.get("configMapRef") for source in sources]
        wanted += [volume.get("configMap") for volume in pod.get("volumes", [])]
        for settings in filter(None, wanted):
            yield from self._absent("ConfigMap", settings["name"])

    def _absent(self, kind: str, name: str) -> list[str]:
        return [] if (kind, name) in self.names else [f"{kind} {name}"]

    def _pods(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        return [pod for pod in self.pods if labels.items() <= pod["metadata"]["labels"].items()]

    def _ports(self, pod: dict[str, Any]) -> list[dict[str, Any]]:
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        return [{key: port[key] for key in ("name", "containerPort") if key in port} for port in ports]


if __name__ == "__main__":
    found = [f"{file}: {what}" for file in sys.argv[1:] for what in Manifests(Path(file)).missing()]
    sys.exit("\n".join(found) or 0)
