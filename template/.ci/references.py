# Managed by the template; updates merge into this file.
"""Says what the manifests of a built overlay name that is not there: references.py FILE...

Objects by kind and name, pods by their labels, ports of pods and services, and the namespace of what is in one. Secrets,
and what belongs to the whole cluster, are made elsewhere.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ELSEWHERE = {"ClusterIssuer", "ClusterRole", "ClusterSecretStore", "Group", "Secret", "User"}
OF_THE_CLUSTER = re.compile(
    "Cluster.*|.*Class|.*Webhook.*|.*Admission.*|APIService|CSI(Driver|Node)|Namespace|Node|CustomResourceDefinition"
    "|PersistentVolume"
)
SELECTORS = ("podSelector", "selector", "workloadSelector")


class Pods:
    """The pods that some labels choose, with the names and the numbers of their ports."""

    def __init__(self, manifests: Iterable[dict]) -> None:
        self._pods: list[tuple[dict[str, str], set[str | int]]] = []
        for one in manifests:
            if template := one.get("spec", {}).get("template"):
                ports = [port for container in _containers(template["spec"]) for port in container.get("ports", [])]
                numbers = {value for port in ports for value in (port.get("name"), port["containerPort"])}
                self._pods.append((template["metadata"]["labels"], numbers))
            elif one["kind"] == "Gateway":  # whose controller makes them
                self._pods.append(({"gateway.networking.k8s.io/gateway-name": one["metadata"]["name"]}, set()))

    def chosen_by(self, labels: dict[str, str]) -> list[set[str | int]]:
        """The ports of each pod with these labels."""
        return [ports for own, ports in self._pods if labels.items() <= own.items()]


def problems(manifests: list[dict]) -> Iterator[str]:
    """What each object names in vain."""
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    namespaces = {name for kind, name in names if kind == "Namespace"}
    pods = Pods(manifests)
    for one in manifests:
        where = f"{one['kind']} {one['metadata']['name']}"
        found = [*_objects(one, names), *_selectors(one, pods), *_ports(one, pods), *_routes(one, manifests)]
        namespace = one["metadata"].get("namespace")
        if namespace is None and not OF_THE_CLUSTER.fullmatch(one["kind"]):
            found.append("it names no namespace, so that it lands wherever kubectl is")
        elif namespace is not None and namespace not in namespaces:
            found.append(f"there is no Namespace {namespace}")
        yield from (f"{where}: {problem}" for problem in found)


def _objects(one: dict, names: set[tuple[str, str]]) -> Iterator[str]:
    for kind, name in (*_references(one.get("spec")), *_references(one.get("roleRef")), *_used(one), *_permitted(one)):
        if kind not in ELSEWHERE and (kind, name) not in names:
            yield f"there is no {kind} {name}"


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Whatever has a kind and a name, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("kind"), str) and isinstance(value.get("name"), str):
            yield value["kind"], value["name"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _used(one: dict) -> Iterator[tuple[str, str]]:
    """What pods are run as and are given."""
    pod = one.get("spec", {}).get("template", {}).get("spec")
    if not pod:
        return
    if "serviceAccountName" in pod:
        yield "ServiceAccount", pod["serviceAccountName"]
    for source in (source for container in _containers(pod) for source in container.get("envFrom", [])):
        if "configMapRef" in source:
            yield "ConfigMap", source["configMapRef"]["name"]
    for volume in pod.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]


def _permitted(one: dict) -> Iterator[tuple[str, str]]:
    """What a role lets somebody change by name."""
    kinds = {"configmaps": "ConfigMap", "deployments": "Deployment", "secrets": "Secret", "services": "Service"}
    for rule in one.get("rules", []):
        for kind in (kinds[resource] for resource in rule["resources"] if resource in kinds):
            yield from ((kind, name) for name in rule.get("resourceNames", []))


def _selectors(one: dict, pods: Pods) -> Iterator[str]:
    peers = [peer for rules in _rules(one) for peer in rules if "namespaceSelector" not in peer]
    for place in (one.get("spec", {}), *peers):
        labels = _labels(place)
        if labels and not pods.chosen_by(labels):
            yield f"there is no pod with the labels {labels}"


def _ports(one: dict, pods: Pods) -> Iterator[str]:
    spec = one.get("spec", {})
    chosen = pods.chosen_by(_labels(spec))
    wanted: list[str | int] = []
    if one["kind"] == "Service" and "selector" in spec:  # Without one, what answers is elsewhere.
        wanted = [port.get("targetPort", port["port"]) for port in spec["ports"]]
    elif one["kind"] == "PodMonitor":
        wanted = [endpoint["port"] for endpoint in spec["podMetricsEndpoints"]]
    elif one["kind"] == "Server":
        wanted = [spec["port"]]
    elif one["kind"] == "NetworkPolicy":
        wanted = [port["port"] for rule in spec.get("ingress", []) for port in rule.get("ports", [])]
        wanted = [port for port in wanted if isinstance(port, str)]
    elif "template" in spec:
        chosen = pods.chosen_by(spec["template"]["metadata"]["labels"])
        wanted = [probe["httpGet"]["port"] for one in _containers(spec["template"]["spec"]) for probe in _probes(one)]
    yield from (f"there is no port {port} of its pods" for port in wanted if not any(port in ports for ports in chosen))


def _routes(one: dict, manifests: list[dict]) -> Iterator[str]:
    spec = one.get("spec", {})
    if one["kind"] == "HTTPRoute":
        listeners = {
            (gateway["metadata"]["name"], listener["name"])
            for gateway in _of_kind(manifests, "Gateway")
            for listener in gateway["spec"]["listeners"]
        }
        services = {
            (service["metadata"]["name"], port["port"])
            for service in _of_kind(manifests, "Service")
            for port in service["spec"].get("ports", [])
        }
        parents = [(parent["name"], parent["sectionName"]) for parent in spec["parentRefs"]]
        backends = [(end["name"], end["port"]) for rule in spec["rules"] for end in rule["backendRefs"]]
        yield from (
            f"there is no listener {pair[1]} of a Gateway {pair[0]}" for pair in parents if pair not in listeners
        )
        yield from (f"there is no port {pair[1]} of a Service {pair[0]}" for pair in backends if pair not in services)
    if one["kind"] == "Gateway":
        made = {certificate["spec"]["secretName"] for certificate in _of_kind(manifests, "Certificate")}
        named = [certificate["name"] for each in spec["listeners"] for certificate in each["tls"]["certificateRefs"]]
        yield from (f"there is no Certificate that makes {name}" for name in named if name not in made)


def _of_kind(manifests: list[dict], kind: str) -> list[dict]:
    return [one for one in manifests if one["kind"] == kind]


def _rules(one: dict) -> Iterator[list[dict]]:
    """The peers of each rule of a network policy."""
    if one["kind"] == "NetworkPolicy":
        for rule in (*one["spec"].get("ingress", []), *one["spec"].get("egress", [])):
            yield rule.get("from", []) + rule.get("to", [])


def _labels(place: dict) -> dict[str, str]:
    """What a selector asks of pods; nothing where it takes all of them."""
    for selector in (place[name] for name in SELECTORS if name in place):
        return selector.get("matchLabels", selector.get("labels", {} if "matchExpressions" in selector else selector))
    return {}


def _containers(pod: dict) -> list[dict]:
    return [*pod["containers"], *pod.get("initContainers", [])]


def _probes(container: dict) -> list[dict]:
    return [probe for name, probe in container.items() if name.endswith("Probe") and "httpGet" in probe]


def main(files: list[str]) -> None:
    """End with 1, and name them, where there are problems or nothing to read."""
    if not files:
        sys.exit("Name the files that overlays were built into: references.py FILE...")
    found = []
    for file in files:
        manifests = [one for one in YAML(typ="safe", pure=True).load_all(Path(file).read_text(encoding="utf-8")) if one]
        found += [f"{file}: {problem}" for problem in problems(manifests)]
        found += [] if manifests else [f"{file}: there is no manifest: build an overlay into it."]
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
