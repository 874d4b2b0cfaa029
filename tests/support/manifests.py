"""Manifests held against the schemas of Kubernetes and of custom resources, and against Pod Security."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.schemas.derive import schema_path


def violations_of(pod: dict[str, Any]) -> list[str]:
    """What the restricted profile of the Pod Security Standards refuses in a pod's spec."""
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    found += [volume["name"] for volume in pod["volumes"] if not allowed & set(volume)]
    shared = pod.get("securityContext", {})
    found += ["sysctls"] if shared.get("sysctls") else []
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container.get("securityContext", {})
        either = shared | own
        found += [
            rule
            for rule, kept in {
                "privileged": not own.get("privileged"),
                "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
                "capabilities": own.get("capabilities", {}).get("drop") == ["ALL"] and "add" not in own["capabilities"],
                "runAsNonRoot": either.get("runAsNonRoot") is True,
                "runAsUser": either.get("runAsUser") != 0,
                "appArmorProfile": either.get("appArmorProfile", {}).get("type") != "Unconfined",
                "seLinuxOptions": _is_confined(either.get("seLinuxOptions", {})),
                "procMount": own.get("procMount", "Default") == "Default",
                "host": not any("host" in handler for handler in _handlers(container)),
                "seccompProfile": either.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
                "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
            }.items()
            if not kept
        ]
    return found


def _is_confined(options: dict[str, str]) -> bool:
    kinds = {"container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
    return options.get("type", "container_t") in kinds and not options.keys() & {"user", "role"}


def _handlers(container: dict[str, Any]) -> list[dict[str, Any]]:
    """What is called of a container: its probes and its hooks."""
    probes = [container.get(f"{kind}Probe", {}) for kind in ("startup", "liveness", "readiness")]
    called = [*probes, *container.get("lifecycle", {}).values()]
    return [action for place in called for action in place.values() if isinstance(action, dict)]


def problems_of(manifest: dict[str, Any], version: str) -> list[str]:
    """What a strict reader of that Kubernetes version would say; a kind without a schema is a problem."""
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    return [f"{name}: {problem}" for problem in _problems_of(json.dumps(manifest, sort_keys=True), version)]


@functools.cache
def _problems_of(text: str, version: str) -> list[str]:
    """Kept, because overlays repeat most of their manifests."""
    manifest = json.loads(text)
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    if schema_path(api_version, kind).is_file():
        return [f"{error.json_path} {error.message}" for error in _validator(api_version, kind).iter_errors(manifest)]
    kubernetes = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    try:
        kubernetes.validate(manifest, version, strict=True)
    except kubernetes.ValidationError as error:
        return [error.message]
    except kubernetes.SchemaNotFoundError:
        return ["there is no schema of this kind"]
    return []


@functools.cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_path(api_version, kind).read_text(encoding="utf-8")))
