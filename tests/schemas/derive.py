"""Strict JSON Schemas of custom resources, out of their definitions.

`python tests/schemas/derive.py DEFINITION.yaml...` reads the files that SOURCES.md lists. A schema is kept for each
name in `KINDS`, and of it nothing but structure: no descriptions, and no rules in CEL, which only a cluster evaluates.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent
KINDS = {
    "cert-manager.io/v1/Certificate",
    "external-secrets.io/v1/ExternalSecret",
    "gateway.envoyproxy.io/v1alpha1/BackendTrafficPolicy",
    "gateway.envoyproxy.io/v1alpha1/ClientTrafficPolicy",
    "gateway.envoyproxy.io/v1alpha1/EnvoyProxy",
    "gateway.networking.k8s.io/v1/Gateway",
    "gateway.networking.k8s.io/v1/HTTPRoute",
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "networking.istio.io/v1/ServiceEntry",
    "networking.istio.io/v1/Sidecar",
    "networking.istio.io/v1alpha3/EnvoyFilter",
    "policy.linkerd.io/v1alpha1/AuthorizationPolicy",
    "policy.linkerd.io/v1alpha1/MeshTLSAuthentication",
    "policy.linkerd.io/v1alpha1/NetworkAuthentication",
    "policy.linkerd.io/v1beta3/Server",
    "security.istio.io/v1/AuthorizationPolicy",
    "security.istio.io/v1/PeerAuthentication",
}
DOCUMENTATION = {"description", "title", "example", "externalDocs"}


def schema_path(api_version: str, kind: str) -> Path:
    """Where the schema of a kind is kept."""
    return FOLDER / f"{kind}.{api_version.replace('/', '.')}.json"


def main(paths: list[str]) -> None:
    found = {name: schema for path in paths for name, schema in read_definitions(Path(path)) if name in KINDS}
    if missing := KINDS - set(found):
        sys.exit(f"No definition was given of {', '.join(sorted(missing))}.")
    for name, schema in found.items():
        group, version, kind = name.split("/")
        text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
        schema_path(f"{group}/{version}", kind).write_text(text + "\n", encoding="utf-8")


def read_definitions(path: Path) -> Iterator[tuple[str, Any]]:
    """Each version of each kind that a file defines, with its strict schema; a chart's expressions do not matter."""
    text = re.sub(r"\{\{.*?\}\}", "x", path.read_text(encoding="utf-8"))
    for definition in YAML(typ="safe", pure=True).load_all(text):
        if definition and definition["kind"] == "CustomResourceDefinition":
            spec = definition["spec"]
            for version in spec["versions"]:
                name = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
                schema = strict(version["schema"]["openAPIV3Schema"])
                yield name, closed(schema)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a whole object, which has the four parts that every object has."""
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return schema | {"additionalProperties": False}


def strict(schema: Any) -> Any:
    """A schema that refuses what it does not know, and knows no extension of Kubernetes."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not _is_extension(key, value)}
    result = {key: _strict_member(key, value) for key, value in kept.items()}
    if schema.get("x-kubernetes-int-or-string"):
        result = {key: value for key, value in result.items() if key not in {"type", "anyOf"}} | {
            "type": ["integer", "string"]
        }
    if result.pop("nullable", False) and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and "type" in schema and not open_ended:
        result["additionalProperties"] = False
    return result


def _is_extension(key: str, value: Any) -> bool:
    return (
        key.startswith("x-kubernetes-")
        or key in {"default", "format"}
        or (key in DOCUMENTATION and isinstance(value, str))
    )


def _strict_member(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: strict(member) for name, member in value.items()}
    return strict(value)


if __name__ == "__main__":
    main(sys.argv[1:])
