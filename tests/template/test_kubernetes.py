"""Kubernetes: every overlay with every choice of components, held against schemas and against what it promises."""

from __future__ import annotations

import copy
import functools
import ipaddress
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ruamel.yaml import YAML

from tests.support.combinations import ISSUERS, complete, label, pairs
from tests.support.deployments import (
    ANSWERS,
    DEPLOYMENT,
    HTTP,
    TEXTS,
    Repositories,
    build_overlay,
    build_overlays,
    code_of_settings,
    find_tool,
    parse_documents,
    render_answers,
)
from tests.support.manifests import problems_of, violations_of
from tests.support.scanners import KUBERNETES
from tests.support.template import CHECKOUT

VERSIONS = ("1.34", "1.36")
ENTRANCES = [("none", "none"), ("none", "istio"), ("none", "linkerd"), ("envoy-gateway", "none"), ("istio", "none")]
"""The gateways and meshes that no repository of `KUBERNETES` has together."""

Kinds: TypeAlias = dict[str, list[dict[str, Any]]]
Deployed: TypeAlias = Callable[[str], dict[str, Kinds]]


@pytest.fixture(scope="session")
def deployed(repositories: Repositories) -> Deployed:
    """The objects of each overlay of a repository, by kind."""

    @functools.cache
    def build(name: str) -> dict[str, Kinds]:
        return {overlay: by_kind(text) for overlay, text in build_overlays(repositories(name))}

    return build


def by_kind(text: str) -> Kinds:
    """Manifests by their kind."""
    kinds: Kinds = {}
    for item in parse_documents(text):
        kinds.setdefault(item["kind"], []).append(item)
    return kinds


def settings_of(kinds: Kinds) -> dict[str, str]:
    """What the server reads from its environment."""
    [settings] = [item["data"] for item in kinds["ConfigMap"] if "MCP_PUBLIC_URL" in item["data"]]
    return dict(settings)


def problems(kinds: Kinds) -> list[str]:
    """What either version of Kubernetes would say."""
    return [
        problem
        for version in VERSIONS
        for items in kinds.values()
        for item in items
        for problem in problems_of(item, version)
    ]


# -------------------------------------------------------------------------------------------------------------- schemas


@pytest.mark.parametrize("name", KUBERNETES)
def test_every_overlay_is_valid(name: str, deployed: Deployed) -> None:
    assert {overlay: problems(kinds) for overlay, kinds in deployed(name).items()} == {
        overlay: [] for overlay in deployed(name)
    }


@pytest.mark.parametrize("gateway, mesh", ENTRANCES)
def test_every_entrance_is_valid(gateway: str, mesh: str, tmp_path: Path) -> None:
    answers = TEXTS | ANSWERS["kubernetes-redis"] | {"gateway_controller": gateway, "service_mesh": mesh}
    repository = render_answers(answers, tmp_path / "repository")
    for _, text in build_overlays(repository):
        assert problems(by_kind(text)) == []


@pytest.mark.parametrize("name", KUBERNETES)
def test_every_choice_of_components_is_valid_and_restricted(
    name: str, repositories: Repositories, tmp_path: Path
) -> None:
    repository = Path(shutil.copytree(repositories(name), tmp_path / "repository"))
    for chosen in subsets(optional_components(repository)):
        kinds = by_kind(build_overlay(local_overlay(repository, chosen)))
        assert problems(kinds) == []
        assert violations_of(kinds["Deployment"][0]["spec"]["template"]["spec"]) == []


def test_a_cluster_gets_the_dashboard_of_the_repository(repositories: Repositories, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(repositories("kubernetes-redis"), tmp_path / "repository"))
    kinds = by_kind(build_overlay(local_overlay(repository, ("monitoring",))))
    [board] = [each for each in kinds["ConfigMap"] if "grafana_dashboard" in each["metadata"].get("labels", {})]
    [(name, text)] = board["data"].items()
    assert text == (repository / "observability/dashboards" / name).read_text()
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    [rule] = kinds["PrometheusRule"]
    assert board["metadata"]["namespace"] == rule["metadata"]["namespace"]
    assert "`monitoring`" in (repository / "deploy/kubernetes/README.md").read_text()


def optional_components(repository: Path) -> list[str]:
    """The components that a person may add."""
    [base] = parse_documents((repository / "deploy/kubernetes/base/kustomization.yaml").read_text())
    used = {Path(path).name for path in base.get("components", [])}
    return sorted(
        path.name for path in (repository / "deploy/kubernetes/components").iterdir() if path.name not in used
    )


def subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(names, size) for size in range(len(names) + 1))


def local_overlay(repository: Path, components: tuple[str, ...]) -> Path:
    """The overlay that belongs to the person, with components added."""
    folder = repository / "deploy/kubernetes/overlays/local"
    lines = ["kind: Kustomization", "resources: [../production]"]
    lines += ["components:", *(f"  - ../../components/{name}" for name in components)] if components else []
    (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("name", KUBERNETES)
def test_a_field_that_no_schema_knows_is_seen(name: str, deployed: Deployed) -> None:
    for kind, items in deployed(name)["production"].items():
        unknown = copy.deepcopy(items[0])
        unknown.setdefault("spec", {})["unknown"] = True
        assert problems_of(unknown, VERSIONS[0]), kind


def test_a_kind_without_a_schema_is_seen() -> None:
    unknown = {"apiVersion": "example.com/v1", "kind": "Unknown", "metadata": {"name": "unknown"}}
    assert problems_of(unknown, VERSIONS[0]) == ["Unknown unknown: there is no schema of this kind"]


@pytest.mark.parametrize("name", KUBERNETES)
def test_the_readme_says_what_was_checked_and_what_nobody_tried(name: str, repositories: Repositories) -> None:
    text = (repositories(name) / "deploy/kubernetes/README.md").read_text()
    assert "No container ran there" in text
    assert f"Kubernetes {VERSIONS[0]} and {VERSIONS[1]}" in text


# -------------------------------------------------------------------------------------------------------- environments


@pytest.mark.parametrize("name", KUBERNETES)
def test_environments_differ_in_namespace_and_address(name: str, deployed: Deployed) -> None:
    built = deployed(name)
    namespaces = {overlay: kinds["Namespace"][0]["metadata"]["name"] for overlay, kinds in built.items()}
    hosts = {overlay: settings_of(kinds)["MCP_PUBLIC_URL"].split("/")[2] for overlay, kinds in built.items()}
    apart = {"dev": "bob-server-dev", "staging": "bob-server-staging"}
    assert namespaces == {overlay: apart.get(overlay, "bob-server") for overlay in built}
    prefixes = {"dev": "dev.", "staging": "staging."}
    assert hosts == {overlay: prefixes.get(overlay, "") + "mcp.example.com" for overlay in built}
    for overlay, kinds in built.items():
        settings = settings_of(kinds)
        assert settings["MCP_AUTH_AUDIENCE"] == settings["MCP_PUBLIC_URL"]
        scoped = [item for items in kinds.values() for item in items if item["kind"] != "Namespace"]
        assert {item["metadata"]["namespace"] for item in scoped} == {namespaces[overlay]}


@pytest.mark.parametrize("name", KUBERNETES)
def test_pods_are_restricted(name: str, deployed: Deployed) -> None:
    for kinds in deployed(name).values():
        labels = kinds["Namespace"][0]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert [violations_of(item["spec"]["template"]["spec"]) for item in kinds["Deployment"]] == [[]]


@pytest.mark.parametrize(
    "change, rule",
    [
        (lambda pod: pod.update(hostNetwork=True), "hostNetwork"),
        (lambda pod: pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}}), "host"),
        (lambda pod: pod["containers"][0]["securityContext"].update(privileged=True), "privileged"),
        (
            lambda pod: pod["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
            "allowPrivilegeEscalation",
        ),
        (lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccompProfile"),
        (lambda pod: pod["containers"][0]["securityContext"].update(runAsNonRoot=False), "runAsNonRoot"),
        (lambda pod: pod["securityContext"].update(appArmorProfile={"type": "Unconfined"}), "appArmorProfile"),
        (lambda pod: pod["securityContext"].update(seLinuxOptions={"type": "spc_t"}), "seLinuxOptions"),
        (lambda pod: pod["securityContext"].update(seLinuxOptions={"user": "system_u"}), "seLinuxOptions"),
        (lambda pod: pod["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "sysctls"),
        (lambda pod: pod["containers"][0]["securityContext"].update(procMount="Unmasked"), "procMount"),
        (lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(host="192.0.2.1"), "host"),
        (lambda pod: pod.update(initContainers=[{"name": "first", "securityContext": {}}]), "allowPrivilegeEscalation"),
        (lambda pod: pod["containers"][0]["securityContext"].update(runAsUser=0), "runAsUser"),
    ],
)
def test_a_pod_with_more_rights_is_seen(
    change: Callable[[dict[str, Any]], None], rule: str, repositories: Repositories
) -> None:
    [deployment] = parse_documents((repositories("kubernetes-redis") / DEPLOYMENT).read_text())
    pod = copy.deepcopy(deployment["spec"]["template"]["spec"])
    change(pod)
    assert rule in violations_of(pod)


@pytest.mark.parametrize("name", KUBERNETES)
def test_pods_get_nothing_that_they_do_not_need(name: str, deployed: Deployed) -> None:
    kinds = deployed(name)["production"]
    pod = kinds["Deployment"][0]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert kinds["ServiceAccount"][0]["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"].keys() >= {"cpu", "memory", "ephemeral-storage"}
    assert "env" not in container
    assert "Secret" not in kinds
    assert "runAsUser" not in pod["securityContext"] | container["securityContext"]


@pytest.mark.parametrize("name", KUBERNETES)
def test_pods_are_probed_and_drained(name: str, repositories: Repositories) -> None:
    [deployment] = parse_documents((repositories(name) / DEPLOYMENT).read_text())
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    probes = {kind: container[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    settings = code_of_settings(repositories(name))
    [grace] = re.findall(r"shutdown_grace_seconds.*default=(\d+)", settings)
    [tool] = re.findall(r"tool_timeout_seconds.*default=(\d+)", settings)
    assert int(grace) > int(tool), "a rollout cuts no call"
    assert pod["terminationGracePeriodSeconds"] > int(grace) + container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


SECRETS = {
    "kubernetes-redis": {"MCP_REDIS_URL", "MCP_REQUEST_STATE_KEYS", "MCP_AUDIT_HASH_KEY"},
    "kubernetes-memory": {"MCP_REQUEST_STATE_KEYS", "MCP_AUDIT_CHAIN_KEY", "MCP_AUDIT_HASH_KEY"},
}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_files(name: str, deployed: Deployed) -> None:
    kinds = deployed(name)["production"]
    pod = kinds["Deployment"][0]["spec"]["template"]["spec"]
    [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "secrets"]
    named = {key: value for key, value in settings_of(kinds).items() if key.endswith("_FILE")}
    assert {key.removesuffix("_FILE") for key in named} == SECRETS[name]
    assert all(value.startswith(f"{mount['mountPath']}/") for value in named.values())


def test_shared_state_has_replicas(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-redis")["production"]
    assert kinds["HorizontalPodAutoscaler"][0]["spec"]["minReplicas"] == 2
    assert kinds["PodDisruptionBudget"][0]["spec"]["maxUnavailable"] == 1
    assert "replicas" not in kinds["Deployment"][0]["spec"]


def test_scaling_on_requests_in_flight_reads_what_the_server_measures(copied: Path) -> None:
    kinds = by_kind(build_overlay(local_overlay(copied, ("in-flight-scaling",))))
    [rule] = kinds["PrometheusRule"][0]["spec"]["groups"][0]["rules"]
    signals = YAML(typ="safe").load(copied / "observability/signals.yaml")
    [(series, label)] = re.findall(r"rate\((\w+)\{(\w+)", rule["expr"])
    [row] = (signal for signal in signals if signal["prometheus"] == series.removesuffix("_sum"))
    assert (row["instrument"], row["unit"]) == ("histogram", "s")
    assert label in row["labels"]
    pods = [metric["pods"]["metric"]["name"] for metric in kinds["HorizontalPodAutoscaler"][0]["spec"]["metrics"][1:]]
    assert pods == [rule["record"]]


def test_state_in_memory_has_one_replica(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-memory")["production"]
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"}.isdisjoint(kinds)
    assert kinds["Deployment"][0]["spec"]["replicas"] == 1


@pytest.mark.parametrize("name", KUBERNETES)
def test_the_network_is_closed_both_ways(name: str, deployed: Deployed) -> None:
    items = deployed(name)["production"]["NetworkPolicy"]
    policies = {item["metadata"]["name"]: item["spec"] for item in items}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(rule["from"] and rule["ports"] for rule in policies["bob-server"]["ingress"])
    assert all(rule["to"] and rule["ports"] for rule in policies["bob-server"]["egress"])


PUBLIC = ["93.184.215.14", "2606:2800:21f::1", "64:ff9b::5db8:d70e"]
BEHIND_NAT64 = ["64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b::ac1f:fffe", "64:ff9b::c0a8:101", "64:ff9b::6464:64c8"]
CLOSED = [
    *BEHIND_NAT64,
    "169.254.169.254",
    "fd00:ec2::254",
    "fe80::1",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.100.100.200",
]


@pytest.mark.parametrize("name", KUBERNETES)
def test_only_public_addresses_are_reached(name: str, deployed: Deployed) -> None:
    policies = deployed(name)["production"]["NetworkPolicy"]
    peers = [peer for item in policies for rule in item["spec"].get("egress", []) for peer in rule["to"]]
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    assert [address for address in PUBLIC + CLOSED if any(_covers(block, address) for block in blocks)] == PUBLIC


def _covers(block: dict[str, Any], address: str) -> bool:
    place = ipaddress.ip_address(address)
    return place in ipaddress.ip_network(block["cidr"]) and not any(
        place in ipaddress.ip_network(hole) for hole in block.get("except", [])
    )


def test_the_quota_admits_every_replica_and_an_update(deployed: Deployed) -> None:
    for name in KUBERNETES:
        kinds = deployed(name)["production"]
        [deployment], hard = kinds["Deployment"], kinds["ResourceQuota"][0]["spec"]["hard"]
        [maximum] = [item["spec"]["maxReplicas"] for item in kinds.get("HorizontalPodAutoscaler", [])] or [1]
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        pods = 2 * maximum  # all new ones, while the last of the old ones end
        limits = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        beside = kinds["LimitRange"][0]["spec"]["limits"][0]["default"]
        assert int(hard["pods"]) >= pods + 4
        for resource in ("cpu", "memory"):
            needed = pods * (quantity(limits[resource]) + 2 * quantity(beside[resource]))
            assert quantity(hard[f"limits.{resource}"]) >= needed, (name, resource)


def quantity(text: str) -> float:
    """A quantity of Kubernetes as a number."""
    units = {"m": 1e-3, "Mi": 2**20, "Gi": 2**30}
    [(number, unit)] = re.findall(r"^(\d+)(m|Mi|Gi|)$", text)
    return int(number) * units.get(unit, 1)


# -------------------------------------------------------------------------------------------------------------- gateway

WITH_GATEWAY = ["kubernetes-redis", "kubernetes-istio"]


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_lets_in_the_endpoint_and_its_metadata_alone(name: str, deployed: Deployed) -> None:
    [route] = deployed(name)["production"]["HTTPRoute"]
    matches = [match["path"] for rule in route["spec"]["rules"] for match in rule["matches"]]
    assert {path["type"] for path in matches} == {"Exact"}
    assert [path["value"] for path in matches] == [
        "/mcp",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ]


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_cuts_no_subscription(name: str, deployed: Deployed) -> None:
    [route] = deployed(name)["production"]["HTTPRoute"]
    assert route["spec"]["rules"][0]["timeouts"] == {"request": "0s"}


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_has_the_host_of_each_environment(name: str, deployed: Deployed) -> None:
    for kinds in deployed(name).values():
        host = settings_of(kinds)["MCP_PUBLIC_URL"].split("/")[2]
        [gateway], [route], [certificate] = (kinds[kind] for kind in ("Gateway", "HTTPRoute", "Certificate"))
        [listener] = gateway["spec"]["listeners"]
        assert (listener["protocol"], listener["port"], listener["hostname"]) == ("HTTPS", 443, host)
        assert route["spec"]["hostnames"] == certificate["spec"]["dnsNames"] == [host]
        assert listener["tls"]["certificateRefs"] == [{"name": certificate["spec"]["secretName"]}]


def test_envoy_gateway_speaks_tls_1_3_and_limits_requests(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-redis")["production"]
    [client], [backend] = kinds["ClientTrafficPolicy"], kinds["BackendTrafficPolicy"]
    assert client["spec"]["tls"] == {"minVersion": "1.3"}
    assert client["spec"]["targetRefs"][0]["name"] == kinds["Gateway"][0]["metadata"]["name"]
    assert backend["spec"]["targetRefs"][0]["name"] == kinds["HTTPRoute"][0]["metadata"]["name"]
    assert backend["spec"]["rateLimit"]["local"]["rules"][0]["limit"]["unit"] == "Second"


def test_istios_gateway_speaks_tls_1_3_and_limits_requests(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-istio")["production"]
    [filters] = kinds["EnvoyFilter"]
    assert filters["spec"]["targetRefs"][0]["name"] == kinds["Gateway"][0]["metadata"]["name"]
    socket, limit = (patch["patch"]["value"] for patch in filters["spec"]["configPatches"])
    parameters = socket["transport_socket"]["typed_config"]["common_tls_context"]["tls_params"]
    assert parameters == {"tls_minimum_protocol_version": "TLSv1_3"}
    assert limit["typed_config"]["token_bucket"]["fill_interval"] == "1s"


def test_istios_gateway_is_a_restricted_pod(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-istio")["production"]
    reference = kinds["Gateway"][0]["spec"]["infrastructure"]["parametersRef"]
    [options] = [item["data"] for item in kinds["ConfigMap"] if item["metadata"]["name"] == reference["name"]]
    [overlaid] = parse_documents(options["deployment"])
    assert overlaid["spec"]["template"]["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


GATEWAY_PODS = {
    "kubernetes-redis": {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}},
        "podSelector": {"matchLabels": {"gateway.envoyproxy.io/owning-gateway-name": "bob-server"}},
    },
    "kubernetes-istio": {"podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "bob-server"}}},
    "kubernetes-memory": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}},
}


@pytest.mark.parametrize("name", KUBERNETES)
def test_only_the_gateway_reaches_the_endpoint(name: str, deployed: Deployed) -> None:
    rules = network_policy(deployed(name)["production"], "bob-server")["ingress"]
    peers = [rule["from"] for rule in rules if {"port": "http"} in rule["ports"]]
    assert peers == [[GATEWAY_PODS[name]]]


def network_policy(kinds: Kinds, name: str) -> dict[str, Any]:
    [spec] = [item["spec"] for item in kinds["NetworkPolicy"] if item["metadata"]["name"] == name]
    return dict(spec)


# ----------------------------------------------------------------------------------------------------------------- mesh

CONTROL_PLANES = {"kubernetes-istio": ("istio-system", {15012}), "kubernetes-redis": ("linkerd", {8080, 8086, 8090})}


@pytest.mark.parametrize("name", CONTROL_PLANES)
def test_the_mesh_reaches_its_control_plane(name: str, deployed: Deployed) -> None:
    [rule] = network_policy(deployed(name)["production"], "mesh")["egress"]
    [peer] = rule["to"]
    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert (namespace, {port["port"] for port in rule["ports"]}) == CONTROL_PLANES[name]


def test_istio_speaks_mutual_tls_but_to_prometheus(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-istio")["production"]
    modes = {item["metadata"]["name"]: item["spec"]["mtls"]["mode"] for item in kinds["PeerAuthentication"]}
    assert modes == {"default": "STRICT", "bob-server": "STRICT"}
    ports = [port for item in kinds["PeerAuthentication"] for port in item["spec"].get("portLevelMtls", {})]
    assert ports == ["9090"]


def test_istio_lets_in_its_gateway_and_scrapes(deployed: Deployed) -> None:
    [policy] = deployed("kubernetes-istio")["production"]["AuthorizationPolicy"]
    endpoint, metrics = policy["spec"]["rules"]
    assert endpoint["from"] == [{"source": {"serviceAccounts": ["bob-server-istio"]}}]
    assert endpoint["to"] == [{"operation": {"ports": ["8000"]}}]
    assert metrics == {"to": [{"operation": {"ports": ["9090"], "methods": ["GET"]}}]}


def test_istio_lets_out_to_listed_hosts_alone(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-istio")["production"]
    assert kinds["Sidecar"][0]["spec"]["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}
    assert [item["spec"]["hosts"] for item in kinds["ServiceEntry"]] == [["id.example.com"]]


def test_istio_leaves_tokens_to_the_server_which_audits_refusals_and_challenges(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-istio")["production"]
    assert "RequestAuthentication" not in kinds
    [policy] = kinds["AuthorizationPolicy"]
    sources = [place["source"] for rule in policy["spec"]["rules"] for place in rule.get("from", [])]
    assert not [source for source in sources if "requestPrincipals" in source]


def test_linkerd_lets_in_the_gateway_and_scrapes(deployed: Deployed) -> None:
    kinds = deployed("kubernetes-redis")["production"]
    annotations = kinds["Deployment"][0]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["linkerd.io/inject"] == "enabled"
    assert annotations["config.linkerd.io/default-inbound-policy"] == "deny"
    allowed = {
        item["spec"]["targetRef"]["name"]: [found["name"] for found in item["spec"]["requiredAuthenticationRefs"]]
        for item in kinds["AuthorizationPolicy"]
    }
    assert allowed == {"bob-server-http": ["gateway"], "bob-server-metrics": ["anyone"]}
    assert kinds["MeshTLSAuthentication"][0]["spec"]["identities"] == [
        "*.envoy-gateway-system.serviceaccount.identity.linkerd.cluster.local"
    ]


# -------------------------------------------------------------------------------------------------------------- regions


def test_each_region_is_production_bound_to_its_nodes(repositories: Repositories, tmp_path: Path) -> None:
    repository = Path(shutil.copytree(repositories("kubernetes-istio"), tmp_path / "repository"))
    overlay = repository / "deploy/kubernetes/overlays/region"
    for region in ("eu-west-1", "us-east-1"):
        (overlay / "region.env").write_text(f"OTEL_RESOURCE_ATTRIBUTES=cloud.region={region}\n")
        kinds = by_kind(build_overlay(overlay))
        template = kinds["Deployment"][0]["spec"]["template"]
        [term] = template["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        assert template["metadata"]["labels"]["topology.kubernetes.io/region"] == region
        assert term["matchExpressions"] == [
            {"key": "topology.kubernetes.io/region", "operator": "In", "values": [region]}
        ]
        assert settings_of(kinds)["OTEL_RESOURCE_ATTRIBUTES"] == f"cloud.region={region}"


def test_the_own_overlay_starts_from_the_region(deployed: Deployed) -> None:
    assert deployed("kubernetes-istio")["local"] == deployed("kubernetes-istio")["region"]
    assert "region" not in deployed("kubernetes-redis")


# ------------------------------------------------------------------------------------------------------------- applying

RELEASED = "bob-server@sha256:" + "1" * 64
CLUSTER = """#!/bin/sh
# Builds for real; of a cluster it has only the secret whose keys are files of its folder, and a log of what is applied.
here=$(dirname "$0")
case $* in
  *--dry-run=server*) if [ -e "$here/refusal" ]; then cat "$here/refusal" >&2; exit 1; fi; cat > /dev/null; exit ;;
esac
case $1 in
  kustomize) exec "$REAL_KUBECTL" "$@" ;;
  get) cat "$here/secret/$(expr "$*" : '.*{.data.\\([a-z-]*\\)}')" 2>/dev/null || true ;;
  apply) cat > "$here/applied" ;;
esac
"""


def apply(
    repository: Path, image: str, keys: list[str], overlay: str = "production"
) -> tuple[subprocess.CompletedProcess[str], bool]:
    """The run of `apply.sh` against a cluster whose secret has those keys, and whether anything was applied."""
    tools = repository / "tools"
    (tools / "secret").mkdir(parents=True, exist_ok=True)
    for key in keys:
        (tools / "secret" / key).write_text("c2VjcmV0")
    (tools / "kubectl").write_text(CLUSTER)
    (tools / "kubectl").chmod(0o755)
    deployment = repository / DEPLOYMENT
    deployment.write_text(re.sub(r"bob-server@sha256:\w+", image, deployment.read_text()))
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "REAL_KUBECTL": find_tool("kubectl")}
    script = repository / "deploy/kubernetes/apply.sh"
    ran = subprocess.run([script, overlay], env=environment, capture_output=True, text=True, check=False)
    return ran, (tools / "applied").exists()


@pytest.fixture
def copied(repositories: Repositories, tmp_path: Path) -> Path:
    """A repository with shared state that a test may change."""
    return Path(shutil.copytree(repositories("kubernetes-redis"), tmp_path / "repository"))


KEYS = ["redis-url", "request-state-keys", "audit-hash-key"]


def test_a_release_with_its_secret_is_applied(copied: Path) -> None:
    ran, applied = apply(copied, RELEASED, KEYS)
    assert (ran.returncode, ran.stderr, applied) == (0, "", True)


@pytest.mark.parametrize("missing", KEYS)
def test_nothing_is_applied_without_a_secret_that_is_named(copied: Path, missing: str) -> None:
    ran, applied = apply(copied, RELEASED, [key for key in KEYS if key != missing])
    assert f"the secret bob-server in the namespace bob-server has no key {missing}" in ran.stderr
    assert (ran.returncode, applied) == (1, False)


def test_nothing_is_applied_without_a_released_image(copied: Path) -> None:
    ran, applied = apply(copied, "bob-server@sha256:" + "0" * 64, KEYS)
    assert "the image has no digest yet" in ran.stderr
    assert (ran.returncode, applied) == (1, False)


def test_nothing_is_applied_where_the_cluster_would_refuse_a_part(copied: Path) -> None:
    (copied / "tools").mkdir()
    (copied / "tools/refusal").write_text('no matches for kind "PodMonitor" in version "monitoring.coreos.com/v1"\n')
    ran, applied = apply(copied, RELEASED, KEYS)
    assert 'no matches for kind "PodMonitor"' in ran.stderr
    assert (ran.returncode, applied) == (1, False)


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", KUBERNETES)
def test_what_kustomize_renames_has_a_name_of_its_own(name: str, deployed: Deployed) -> None:
    """It also rewrites that name where a Role lists what may be changed, of whatever kind that is."""
    for kinds in deployed(name).values():
        [settings] = [item["metadata"]["name"] for item in kinds["ConfigMap"] if "MCP_PUBLIC_URL" in item["data"]]
        others = {item["metadata"]["name"] for items in kinds.values() for item in items} - {settings}
        assert settings.rpartition("-")[0] not in others
        [role] = kinds["Role"]
        assert role["rules"][0]["resourceNames"] == [kinds["Deployment"][0]["metadata"]["name"]]
        [container] = kinds["Deployment"][0]["spec"]["template"]["spec"]["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": settings}}]


@pytest.mark.parametrize("name", KUBERNETES)
def test_a_setting_of_ones_own_is_added_as_the_readme_says(
    name: str, repositories: Repositories, tmp_path: Path
) -> None:
    repository = Path(shutil.copytree(repositories(name), tmp_path / "repository"))
    text = (repository / "deploy/kubernetes/README.md").read_text()
    [block] = [found for found in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "configMapGenerator" in found]
    overlay = repository / "deploy/kubernetes/overlays/local"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write(block)
    kinds = by_kind(build_overlay(overlay))
    assert settings_of(kinds)["MCP_LOG_LEVEL"] == "WARNING"
    assert settings_of(kinds)["MCP_PUBLIC_URL"] == HTTP["public_url"]


# --------------------------------------------------------------------------------------------- audiences and addresses


@pytest.mark.parametrize("provider", ISSUERS)
def test_no_environment_takes_the_tokens_of_another(provider: str, tmp_path: Path) -> None:
    answers = HTTP | {"auth_provider": provider, "deployment": "kubernetes", "regions": "main"}
    repository = render_answers(TEXTS | complete(answers), tmp_path / "repository")
    defaults = (repository / "deploy/kubernetes/base/settings.env").read_text()
    [audiences] = re.findall("MCP_AUTH_AUDIENCE=(.*)", defaults)
    code = code_of_settings(repository)
    [prefix] = re.findall('auth_scope_prefix: str = "(.*)"', code)
    told = [audiences]
    for environment in ("dev", "staging"):
        settings = (repository / f"deploy/kubernetes/overlays/{environment}/settings.env").read_text()
        told += re.findall("^MCP_AUTH_AUDIENCE=(.*)", settings, re.MULTILINE)
        [own] = re.findall("^MCP_AUTH_SCOPE_PREFIX=(.*)", settings, re.MULTILINE) or [""]
        assert not prefix or own not in {"", prefix}
    assert len(told) == 3
    assert len({audience for text in told for audience in text.split(",")}) == len(",".join(told).split(","))


def test_an_environment_whose_audience_only_the_provider_knows_waits_for_it(tmp_path: Path) -> None:
    answers = HTTP | {"auth_provider": "entra", "deployment": "kubernetes", "replica_state": "memory"}
    repository = render_answers(TEXTS | complete(answers), tmp_path / "repository")
    ran, applied = apply(repository, RELEASED, KEYS, overlay="dev")
    assert "the environment has no audience of its own yet; set MCP_AUTH_AUDIENCE in" in ran.stderr
    assert (ran.returncode, applied) == (1, False)


@pytest.mark.parametrize("name", KUBERNETES)
def test_names_are_looked_up_in_the_dns_of_every_kind_of_cluster(name: str, deployed: Deployed) -> None:
    """OpenShift's pods of DNS listen on 5353, which is what a policy sees."""
    policies = deployed(name)["production"]["NetworkPolicy"]
    rules = [
        rule
        for item in policies
        for rule in item["spec"].get("egress", [])
        if {"port": 53, "protocol": "UDP"} in rule["ports"]
    ]
    assert rules
    for rule in rules:
        pods, node = rule["to"]
        [expression] = pods["namespaceSelector"]["matchExpressions"]
        assert expression["values"] == ["kube-system", "openshift-dns"]
        assert node == {"ipBlock": {"cidr": "169.254.20.10/32"}}
        assert {(port["port"], port["protocol"]) for port in rule["ports"]} == set(
            itertools.product((53, 5353), ("UDP", "TCP"))
        )


# ----------------------------------------------------------------------------------------------------------- references

ON_KUBERNETES = [answers for answers in pairs() if answers.get("deployment") == "kubernetes"]


def check_references(repository: Path, *built: str) -> subprocess.CompletedProcess[str]:
    """The run of the rendered references.py on built overlays."""
    files = []
    for number, text in enumerate(built):
        files.append(repository / f"built-{number}.yaml")
        files[-1].write_text(text)
    script = CHECKOUT / "template/.ci/references.py"
    return subprocess.run([sys.executable, script, *files], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("answers", ON_KUBERNETES, ids=label)
def test_whatever_a_built_overlay_names_is_there(answers: dict[str, Any], tmp_path: Path) -> None:
    repository = render_answers(TEXTS | answers, tmp_path / "repository")
    done = check_references(repository, *(text for _, text in build_overlays(repository)))
    assert (done.returncode, done.stderr) == (0, "")


def _pod(kinds: Kinds) -> dict[str, Any]:
    return dict(kinds["Deployment"][0]["spec"]["template"]["spec"])


IN_VAIN: dict[str, tuple[Callable[[Kinds], object], str]] = {
    "Service to pods": (
        lambda kinds: kinds["Service"][0]["spec"]["selector"].update(app="x"),
        "there is no pod with the labels",
    ),
    "Service to a port": (
        lambda kinds: kinds["Service"][0]["spec"]["ports"][0].update(targetPort="web"),
        "there is no port web of its pods",
    ),
    "HPA to the Deployment": (
        lambda kinds: kinds["HorizontalPodAutoscaler"][0]["spec"]["scaleTargetRef"].update(name="x"),
        "there is no Deployment x",
    ),
    "PDB to pods": (
        lambda kinds: kinds["PodDisruptionBudget"][0]["spec"]["selector"]["matchLabels"].update(app="x"),
        "there is no pod with the labels",
    ),
    "Role to the Deployment": (
        lambda kinds: kinds["Role"][0]["rules"][0].update(resourceNames=["bob-server-7k2h"]),
        "there is no Deployment bob-server-7k2h",
    ),
    "binding to the Role": (lambda kinds: kinds["RoleBinding"][0]["roleRef"].update(name="x"), "there is no Role x"),
    "pod to its settings": (
        lambda kinds: _pod(kinds)["containers"][0]["envFrom"][0]["configMapRef"].update(name="x"),
        "there is no ConfigMap x",
    ),
    "pod to its account": (
        lambda kinds: kinds["Deployment"][0]["spec"]["template"]["spec"].update(serviceAccountName="x"),
        "there is no ServiceAccount x",
    ),
    "probe to a port": (
        lambda kinds: _pod(kinds)["containers"][0]["livenessProbe"]["httpGet"].update(port="web"),
        "there is no port web of its pods",
    ),
    "route to a port": (
        lambda kinds: kinds["HTTPRoute"][0]["spec"]["rules"][0]["backendRefs"][0].update(port=80),
        "there is no port 80 of a Service bob-server",
    ),
    "route to a listener": (
        lambda kinds: kinds["HTTPRoute"][0]["spec"]["parentRefs"][0].update(sectionName="http"),
        "there is no listener http of a Gateway bob-server",
    ),
    "gateway to a certificate": (
        lambda kinds: kinds["Certificate"][0]["spec"].update(secretName="x"),
        "there is no Certificate that makes bob-server-tls",
    ),
    "policy of a network to pods": (
        lambda kinds: kinds["NetworkPolicy"][0]["spec"]["podSelector"].update(matchLabels={"app": "x"}),
        "there is no pod with the labels",
    ),
    "policy of a network to a port": (
        lambda kinds: network_policy(kinds, "bob-server")["ingress"][0]["ports"][0].update(port="web"),
        "there is no port web of its pods",
    ),
    "policy of a gateway to it": (
        lambda kinds: kinds["ClientTrafficPolicy"][0]["spec"]["targetRefs"][0].update(name="x"),
        "there is no Gateway x",
    ),
    "monitor to a port": (
        lambda kinds: kinds["PodMonitor"][0]["spec"]["podMetricsEndpoints"][0].update(port="web"),
        "there is no port web of its pods",
    ),
    "mesh to a port": (lambda kinds: kinds["Server"][0]["spec"].update(port="web"), "there is no port web of its pods"),
    "namespace": (
        lambda kinds: kinds["Service"][0]["metadata"].update(namespace="default"),
        "there is no Namespace default",
    ),
    "no namespace": (
        lambda kinds: kinds["Service"][0]["metadata"].pop("namespace"),
        "it names no namespace, so that it lands wherever kubectl is",
    ),
}


@pytest.mark.parametrize("reference", IN_VAIN)
def test_what_is_named_in_vain_is_told(reference: str, deployed: Deployed, copied: Path) -> None:
    change, told = IN_VAIN[reference]
    kinds = copy.deepcopy(deployed("kubernetes-redis")["production"])
    change(kinds)
    done = check_references(copied, "\n---\n".join(json.dumps(item) for items in kinds.values() for item in items))
    assert done.returncode == 1
    assert told in done.stderr


def test_what_belongs_to_the_whole_cluster_has_no_namespace(deployed: Deployed, copied: Path) -> None:
    items = [item for kind in deployed("kubernetes-redis")["production"].values() for item in kind]
    kinds = ("ClusterRole", "PriorityClass", "ValidatingWebhookConfiguration", "CustomResourceDefinition")
    items += [{"kind": kind, "metadata": {"name": "mine"}} for kind in kinds]
    done = check_references(copied, "\n---\n".join(json.dumps(item) for item in items))
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_with_the_deployments_name_are_told(copied: Path) -> None:
    """As kustomize renames what the Role names, CI could deploy nothing."""
    for file in (copied / "deploy/kubernetes").rglob("*.yaml"):
        file.write_text(file.read_text().replace("bob-server-settings", "bob-server"))
    done = check_references(copied, build_overlay(copied / "deploy/kubernetes/overlays/production"))
    assert re.search("Role bob-server-ci: there is no Deployment bob-server-[a-z0-9]+", done.stderr)


def test_references_of_nothing_are_refused(copied: Path) -> None:
    assert "Name the files" in check_references(copied).stderr
    assert "there is no manifest" in check_references(copied, "").stderr
