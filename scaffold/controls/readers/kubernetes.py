"""Kubernetes: what kustomize builds of each overlay, and of that the pods, containers and rules of networks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeAlias

import yaml

from scaffold.controls import fields, nodes
from scaffold.controls.fields import Document

TEMPLATES = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), ("spec", "template", "spec")),
}
"""Where a kind keeps the specification of its pods."""
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
RULES = {"ingress": "from", "egress": "to"}

Network: TypeAlias = IPv4Network | IPv6Network
UNNAMED: dict[int, list[Network]] = {
    4: [IPv4Network(text) for text in ("10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")],
    6: [IPv6Network(text) for text in ("fc00::/7", "fe80::/10")],
}
"""Addresses inside a network and of a cloud's metadata, by version of the protocol (RFC 1918, 3927, 4193, 4291)."""
WIDE = 7
"""A block with a shorter prefix is no named one."""


def find_builder() -> list[str]:
    """The command that builds an overlay, from PATH or beside the interpreter; empty where there is none."""
    beside = str(Path(sys.executable).parent)
    for name, arguments in (("kubectl", ["kustomize"]), ("kustomize", ["build"])):
        if program := shutil.which(name) or shutil.which(name, path=beside):
            return [program, *arguments]
    return []


def build(folder: Path, builder: list[str]) -> dict[str, list[Document]]:
    """The objects of every overlay in a folder, by the name of the overlay, and their parts.

    Raises:
        ValueError: One cannot be built.
    """
    overlays = sorted(path.parent for path in folder.glob("*/kustomization.yaml") if _is_overlay(path))
    with ThreadPoolExecutor(4) as pool:
        texts = pool.map(lambda overlay: _build(overlay, builder), overlays)
        built = zip(overlays, texts, strict=True)
        return {overlay.name: _with_parts(fields.plain(text)) for overlay, text in built}


def read_sources(folder: Path, repository: Path) -> list[Document]:
    """The objects that stand whole in the files below a folder of a repository, and their parts."""
    files = sorted(path for path in folder.rglob("*.yaml") if path.name != "kustomization.yaml")
    objects = (
        replace(one, file=file.relative_to(repository).as_posix())
        for file in files
        for one in fields.plain(file.read_text(encoding="utf-8"))
    )
    return _with_parts(objects)


def _is_overlay(file: Path) -> bool:
    return "kind: Component" not in file.read_text(encoding="utf-8")


def _build(overlay: Path, builder: list[str]) -> str:
    try:
        done = subprocess.run(
            [*builder, str(overlay)],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"the overlay {overlay.name} cannot be built: {error}") from error
    if done.returncode:
        raise ValueError(f"the overlay {overlay.name} cannot be built: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def _with_parts(objects: Iterable[Document]) -> list[Document]:
    return [part for one in objects for part in (one, *_pods(one), *_rules(one))]


def _pods(one: Document) -> Iterator[Document]:
    """The pod that an object makes, as `PodSpec`, and its containers, each as `Container`."""
    path = TEMPLATES.get(one.kind)
    pod = nodes.find(one.node, *path) if path else None
    if pod is None:
        return
    yield replace(one, kind="PodSpec", node=pod)
    for name in CONTAINERS:
        for container in nodes.items(nodes.find(pod, name)):
            yield replace(one, kind="Container", name=nodes.text_of(container, "name"), node=container)


def _rules(one: Document) -> Iterator[Document]:
    """Each rule of a network policy, as `IngressRule` or `EgressRule`, and each of its peers, as `Peer`.

    A rule that lets out to addresses that it does not name is an `InternetRule` too.
    """
    if one.kind != "NetworkPolicy":
        return
    for direction, peers in RULES.items():
        for rule in nodes.items(nodes.find(one.node, "spec", direction)):
            line = nodes.line_of(rule)
            named = nodes.find(rule, peers) or nodes.sequence([], line)
            yield replace(one, kind=f"{direction.title()}Rule", node=nodes.replaced(rule, peers=named))
            if direction == "egress" and any(_is_wide(peer) for peer in nodes.items(named)):
                yield replace(one, kind="InternetRule", node=rule)
            for peer in nodes.items(named):
                yield replace(one, kind=f"{direction.title()}Peer", node=_peer(peer))


def _peer(peer: yaml.Node) -> yaml.Node:
    """A peer with the field `scope`, which says how many others it admits."""
    block = nodes.find(peer, "ipBlock")
    if block is not None:
        scope = "anywhere" if _reaches_unnamed(block) else "some addresses"
    else:
        namespaces, pods = nodes.find(peer, "namespaceSelector"), nodes.find(peer, "podSelector")
        anybody = namespaces is not None and not _names_some(namespaces) and not _names_some(pods)
        scope = "every namespace" if anybody else "some pods"
    return nodes.replaced(peer, scope=nodes.scalar(scope, nodes.line_of(peer)))


def _names_some(selector: yaml.Node | None) -> bool:
    """Whether a selector requires a label to have certain values; other conditions select almost anything."""
    expressions = nodes.items(nodes.find(selector, "matchExpressions"))
    named = any(nodes.text_of(expression, "operator") == "In" for expression in expressions)
    return named or bool(nodes.entries(nodes.find(selector, "matchLabels")))


def _is_wide(peer: yaml.Node) -> bool:
    cidr = nodes.text_of(peer, "ipBlock", "cidr")
    return bool(cidr) and ip_network(cidr, strict=False).prefixlen < WIDE


def _reaches_unnamed(block: yaml.Node) -> bool:
    """Whether a block of addresses is wide, and includes private or link-local ones."""
    network = ip_network(nodes.text_of(block, "cidr"), strict=False)
    excepted = [ip_network(text, strict=False) for text in nodes.texts(nodes.items(nodes.find(block, "except")))]
    inside = [unnamed for unnamed in UNNAMED[network.version] if network.overlaps(unnamed)]
    return network.prefixlen < WIDE and not all(any(_covers(one, unnamed) for one in excepted) for unnamed in inside)


def _covers(one: Network, other: Network) -> bool:
    return one.version == other.version and one.prefixlen <= other.prefixlen and one.overlaps(other)
