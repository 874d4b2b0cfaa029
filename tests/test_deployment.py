"""What runs a rendered server, and what builds it: parsed, scanned, and scanned again with a fault put in."""

from __future__ import annotations

import copy
import ipaddress
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.deployments import ANSWERS, DEPLOYMENT, HTTP, TEXTS, build_overlays, parse_documents, render, run_tool
from tests.scanners import COMPOSE, GITHUB, KUBERNETES, SCANS, scan

COMMANDS = ["uv sync --locked", "uv run poe check", "uv run pytest"]


Repositories: TypeAlias = Callable[[str], Path]
Edited: TypeAlias = Callable[[str, str, str, str], Path]


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """Each repository, rendered when it is first asked for."""
    folder = tmp_path_factory.mktemp("deployments")

    def find(name: str) -> Path:
        return folder / name if (folder / name).exists() else render(name, folder / name)

    return find


@pytest.fixture
def edited(repositories: Repositories, tmp_path: Path) -> Edited:
    """A copy of a repository in which one text of one file is replaced."""

    def edit(name: str, path: str, old: str, new: str) -> Path:
        folder = Path(shutil.copytree(repositories(name), tmp_path / "repository"))
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    return edit


# ------------------------------------------------------------------------------------------------------------ scanners


@pytest.mark.parametrize(
    "scanner, name", [(scanner, name) for scanner, entry in SCANS.items() for name in entry.repositories]
)
def test_a_scanner_has_nothing_to_say(scanner: str, name: str, repositories: Repositories) -> None:
    seen = scan(SCANS[scanner].command, repositories(name))
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("scanner", SCANS)
def test_a_scanner_sees_a_fault(scanner: str, edited: Edited) -> None:
    seen = scan(SCANS[scanner].command, edited(SCANS[scanner].repositories[0], *SCANS[scanner].fault))
    assert seen.returncode != 0, seen.stdout + seen.stderr


def test_every_suppression_is_still_needed(edited: Edited) -> None:
    folder = edited("kubernetes-memory", ".trivyignore", "KSV-", "KSV-")
    identifiers = re.findall(r"^KSV-\d+", (folder / ".trivyignore").read_text(), re.MULTILINE)
    (folder / ".trivyignore").unlink()
    found = scan("trivy config --skip-check-update -q --format json .", folder).stdout
    assert sorted(identifiers) == sorted({problem["ID"] for problem in _misconfigurations(json.loads(found))})


def _misconfigurations(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [problem for result in report["Results"] for problem in result.get("Misconfigurations", [])]


def test_the_suppressed_check_of_checkov_is_still_needed(edited: Edited) -> None:
    folder = edited("kubernetes-memory", ".checkov.yaml", "CKV_K8S_40", "CKV_NONE")
    found = scan("checkov -d . --quiet --compact --skip-download --framework kubernetes", folder).stdout
    assert {*re.findall(r"CKV\w+_\d+", found)} == {"CKV_K8S_40"}


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_suppressed_in_line(name: str, repositories: Repositories) -> None:
    pattern = re.compile(r"hadolint ignore|checkov:skip|trivy:ignore|zizmor: ignore|gitleaks:allow|skip-check|noqa")
    folder = repositories(name)
    paths = [path for path in _deployment_files(folder) if path.name != ".checkov.yaml"]
    assert [path.name for path in paths if pattern.search(path.read_text(encoding="utf-8"))] == []


def _deployment_files(folder: Path) -> list[Path]:
    places = ["Dockerfile", ".*", "*.json", "compose.yaml", "deploy/**/*", ".github/**/*"]
    return [path for place in places for path in sorted(folder.glob(place)) if path.is_file()]


# ---------------------------------------------------------------------------------------------------------- everything


@pytest.mark.parametrize("name", ANSWERS)
def test_files_are_whole(name: str, repositories: Repositories) -> None:
    for path in _deployment_files(repositories(name)):
        text = path.read_text(encoding="utf-8")
        assert text.rstrip("\n") + "\n" == text, path
        assert [debris for debris in ("\n\n\n", "{%", "{#") if debris in text] == [], path
        assert [line for line in text.splitlines() if line != line.rstrip()] == [], path
        if path.suffix in {".yml", ".yaml"}:
            assert parse_documents(text), path


@pytest.mark.parametrize("name", ANSWERS)
def test_managed_files_say_so(name: str, repositories: Repositories) -> None:
    yours = {"CODEOWNERS", "kustomization.yaml"}
    for path in _deployment_files(repositories(name)):
        said = "Managed by the template; updates merge into this file." in path.read_text(encoding="utf-8")
        local = path.parent.name == "local" and path.name in yours
        assert said != local or path.suffix == ".json" or path.name == ".copier-answers.yml", path


@pytest.mark.parametrize("name", ANSWERS)
def test_only_what_the_answers_ask_for_is_rendered(name: str, repositories: Repositories) -> None:
    folder, answers = repositories(name), ANSWERS[name]
    present = {
        path: (folder / path).exists() for path in ["compose.yaml", "deploy/kubernetes", ".github", ".gitlab-ci.yml"]
    }
    assert present == {
        "compose.yaml": answers.get("deployment") == "compose",
        "deploy/kubernetes": answers.get("deployment") == "kubernetes",
        ".github": answers["ci"] == "github",
        ".gitlab-ci.yml": answers["ci"] == "gitlab",
    }


@pytest.mark.parametrize("name", ANSWERS)
def test_images_are_named_by_digest(name: str, repositories: Repositories) -> None:
    folder = repositories(name)
    images = re.findall(r"^FROM (\S+)", (folder / "Dockerfile").read_text(), re.MULTILINE)
    for path in [*folder.glob("compose.yaml"), *folder.glob(".gitlab-ci.yml"), *folder.glob(DEPLOYMENT)]:
        images += re.findall(r"(?:image|name): (\S+[:@]\S+)$", path.read_text(), re.MULTILINE)
    own = "registry.example.com/team/bob-server:local"
    assert [image for image in images if image != own and not re.search(r"@sha256:[0-9a-f]{64}$", image)] == []


def test_the_image_carries_texts_as_they_are(repositories: Repositories) -> None:
    dockerfile = (repositories("stdio") / "Dockerfile").read_text()
    [title] = re.findall(r'image\.title="(.*)" \\', dockerfile)
    assert re.sub(r"\\(.)", r"\1", title) == TEXTS["project_name"]
    assert not re.search(r"(?<!\\)\$", dockerfile)


# ------------------------------------------------------------------------------------------------------------- compose


@pytest.mark.parametrize("name", COMPOSE)
def test_every_service_is_hardened(name: str, repositories: Repositories) -> None:
    [compose] = parse_documents((repositories(name) / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert service["read_only"] is (service["image"].find("keycloak") < 0)
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"].split(":")[0] not in {"0", "root"}
        assert service.keys() >= {"pids_limit", "cpus", "mem_limit"}
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert not any("REDIS_URL" in key and "_FILE" not in key for key in service.get("environment", {}))


def test_telemetry_has_a_place_to_go(repositories: Repositories) -> None:
    [compose] = parse_documents((repositories("compose-redis") / "compose.yaml").read_text())
    assert compose["services"]["server"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    [collector] = parse_documents(compose["configs"]["collector"]["content"])
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
    [prometheus] = parse_documents(compose["configs"]["prometheus"]["content"])
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": ["server:9090"]}]
    assert not {"collector", "prometheus"} & _compose(repositories, "compose-open")["services"].keys()


def test_development_trusts_an_authorization_server_of_its_own(repositories: Repositories) -> None:
    services = _compose(repositories, "compose-redis")["services"]
    assert {name for name, service in services.items() if "profiles" in service} == {"development", "identity"}
    assert services["development"]["network_mode"] == "service:identity"
    assert services["development"]["environment"]["MCP_ENVIRONMENT"] == "development"
    assert services["server"]["environment"]["MCP_ENVIRONMENT"] == "production"
    [realm] = parse_documents((repositories("compose-redis") / "deploy/development/realm.json").read_text())
    assert {"mcp:read", "mcp:write", "mcp:admin"} == set(realm["defaultOptionalClientScopes"])
    assert not (repositories("compose-open") / "deploy").exists()


def _compose(repositories: Repositories, name: str) -> dict[str, Any]:
    [compose] = parse_documents((repositories(name) / "compose.yaml").read_text())
    parsed: dict[str, Any] = compose
    return parsed


def test_the_state_is_reachable_by_the_server_only(repositories: Repositories) -> None:
    [compose] = parse_documents((repositories("compose-redis") / "compose.yaml").read_text())
    assert compose["networks"]["state"]["internal"] is True
    assert compose["services"]["valkey"]["networks"] == ["state"]


# ---------------------------------------------------------------------------------------------------------- kubernetes


def violations(pod: dict[str, Any]) -> list[str]:
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
                "seccompProfile": either.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
                "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
            }.items()
            if not kept
        ]
    return found


def overlays(folder: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The objects of each overlay, by kind."""
    result: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, text in build_overlays(folder):
        kinds = result.setdefault(name, {})
        for item in parse_documents(text):
            kinds.setdefault(item["kind"], []).append(item)
    return result


@pytest.mark.parametrize("version", ["1.34", "1.36"])
@pytest.mark.parametrize("name", KUBERNETES)
def test_every_overlay_is_valid(name: str, version: str, repositories: Repositories, tmp_path: Path) -> None:
    for overlay, text in build_overlays(repositories(name)):
        (tmp_path / f"{overlay}.yaml").write_text(text)
        seen = run_tool("kubernetes-validate", "--strict", "-k", version, f"{overlay}.yaml", folder=tmp_path)
        assert seen.returncode == 0, seen.stdout + seen.stderr


def test_validation_sees_an_unknown_field(edited: Edited, tmp_path: Path) -> None:
    folder = edited("kubernetes-redis", DEPLOYMENT, "readOnlyRootFilesystem", "readOnlyRootFileSystem")
    (tmp_path / "bad.yaml").write_text(dict(build_overlays(folder))["production"])
    seen = run_tool("kubernetes-validate", "--strict", "-k", "1.34", "bad.yaml", folder=tmp_path)
    assert seen.returncode != 0


@pytest.mark.parametrize("name", KUBERNETES)
def test_environments_differ_in_namespace_and_address(name: str, repositories: Repositories) -> None:
    built = overlays(repositories(name))
    namespaces = {overlay: kinds["Namespace"][0]["metadata"]["name"] for overlay, kinds in built.items()}
    assert namespaces == {
        "dev": "bob-server-dev",
        "staging": "bob-server-staging",
        "production": "bob-server",
        "local": "bob-server",
    }
    settings = {overlay: kinds["ConfigMap"][0]["data"] for overlay, kinds in built.items()}
    assert {overlay: data["MCP_PUBLIC_URL"] for overlay, data in settings.items()} == {
        "dev": "https://dev.mcp.example.com/mcp",
        "staging": "https://staging.mcp.example.com/mcp",
        "production": HTTP["public_url"],
        "local": HTTP["public_url"],
    }
    assert all(data["MCP_AUTH_AUDIENCE"] == data["MCP_PUBLIC_URL"] for data in settings.values())
    for overlay, kinds in built.items():
        scoped = [item for items in kinds.values() for item in items if item["kind"] != "Namespace"]
        assert {item["metadata"]["namespace"] for item in scoped} == {namespaces[overlay]}


@pytest.mark.parametrize("name", KUBERNETES)
def test_pods_are_restricted(name: str, repositories: Repositories) -> None:
    for kinds in overlays(repositories(name)).values():
        labels = kinds["Namespace"][0]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert [violations(item["spec"]["template"]["spec"]) for item in kinds["Deployment"]] == [[]]


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
        (lambda pod: pod["containers"][0]["securityContext"].update(runAsUser=0), "runAsUser"),
    ],
)
def test_a_pod_with_more_rights_is_seen(
    change: Callable[[dict[str, Any]], None], rule: str, repositories: Repositories
) -> None:
    [deployment] = parse_documents((repositories("kubernetes-redis") / DEPLOYMENT).read_text())
    pod = copy.deepcopy(deployment["spec"]["template"]["spec"])
    change(pod)
    assert violations(pod) == [rule]


@pytest.mark.parametrize("name", KUBERNETES)
def test_pods_get_nothing_that_they_do_not_need(name: str, repositories: Repositories) -> None:
    kinds = overlays(repositories(name))["production"]
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
    settings = (repositories(name) / "src/bob_server/runtime/settings.py").read_text()
    [grace] = re.findall(r"shutdown_grace_seconds.*default=(\d+)", settings)
    assert pod["terminationGracePeriodSeconds"] > int(grace) + container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_secrets_are_files(repositories: Repositories) -> None:
    kinds = overlays(repositories("kubernetes-redis"))["production"]
    pod = kinds["Deployment"][0]["spec"]["template"]["spec"]
    [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "secrets"]
    named = {key: value for key, value in kinds["ConfigMap"][0]["data"].items() if key.endswith("_FILE")}
    assert named.keys() == {"MCP_REDIS_URL_FILE", "MCP_REQUEST_STATE_KEYS_FILE"}
    assert all(value.startswith(f"{mount['mountPath']}/") for value in named.values())


def test_shared_state_has_replicas(repositories: Repositories) -> None:
    kinds = overlays(repositories("kubernetes-redis"))["production"]
    assert kinds["HorizontalPodAutoscaler"][0]["spec"]["minReplicas"] == 2
    assert kinds["PodDisruptionBudget"][0]["spec"]["maxUnavailable"] == 1
    assert "replicas" not in kinds["Deployment"][0]["spec"]


def test_state_in_memory_has_one_replica(repositories: Repositories) -> None:
    kinds = overlays(repositories("kubernetes-memory"))["production"]
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"}.isdisjoint(kinds)
    assert kinds["Deployment"][0]["spec"]["replicas"] == 1


@pytest.mark.parametrize("name", KUBERNETES)
def test_the_network_is_closed_both_ways(name: str, repositories: Repositories) -> None:
    items = overlays(repositories(name))["production"]["NetworkPolicy"]
    policies = {item["metadata"]["name"]: item["spec"] for item in items}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(rule["from"] and rule["ports"] for rule in policies["bob-server"]["ingress"])
    assert all(rule["to"] and rule["ports"] for rule in policies["bob-server"]["egress"])


PUBLIC = ["93.184.215.14", "2606:2800:21f::1"]
CLOSED = ["169.254.169.254", "fd00:ec2::254", "fe80::1", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.100.100.200"]


@pytest.mark.parametrize("name", KUBERNETES)
def test_only_public_addresses_are_reached(name: str, repositories: Repositories) -> None:
    policies = overlays(repositories(name))["production"]["NetworkPolicy"]
    peers = [peer for item in policies for rule in item["spec"].get("egress", []) for peer in rule["to"]]
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    assert [address for address in PUBLIC + CLOSED if any(_covers(block, address) for block in blocks)] == PUBLIC


def _covers(block: dict[str, Any], address: str) -> bool:
    place = ipaddress.ip_address(address)
    return place in ipaddress.ip_network(block["cidr"]) and not any(
        place in ipaddress.ip_network(hole) for hole in block["except"]
    )


# ------------------------------------------------------------------------------------------------------------------ ci


def scripts(folder: Path) -> list[str]:
    """Every command of the repository's CI."""
    if (folder / ".gitlab-ci.yml").exists():
        [pipeline] = parse_documents((folder / ".gitlab-ci.yml").read_text())
        jobs = [job for job in pipeline.values() if isinstance(job, dict)]
        return [line for job in jobs for key in ("before_script", "script") for line in job.get(key, [])]
    [workflow] = parse_documents((folder / ".github/workflows/ci.yml").read_text())
    return [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name", ["stdio", "stdio-gitlab"])
def test_ci_runs_what_a_developer_runs(name: str, repositories: Repositories) -> None:
    assert [command for command in COMMANDS if command not in scripts(repositories(name))] == []


LEFTOVERS = {
    "a.py": "<<<<<<< before updating\nx = 1\n=======\nx = 2\n>>>>>>> after updating\n",
    "a.py.rej": "@@ -1 +1 @@\n",
}


def _run_leftovers_step(repository: Path) -> int:
    for arguments in (["init", "-q"], ["add", "--all", "--force"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    [script] = [line for line in scripts(repository) if "git grep" in line]
    return subprocess.run(["bash", "-e", "-c", script], cwd=repository, capture_output=True, check=False).returncode


@pytest.mark.parametrize("name", ["stdio", "stdio-gitlab"])
def test_ci_accepts_a_finished_update(name: str, repositories: Repositories, tmp_path: Path) -> None:
    assert _run_leftovers_step(Path(shutil.copytree(repositories(name), tmp_path / "repository"))) == 0


@pytest.mark.parametrize("name", ["stdio", "stdio-gitlab"])
@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_ci_refuses_an_unfinished_update(name: str, leftover: str, repositories: Repositories, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(repositories(name), tmp_path / "repository"))
    (folder / leftover).write_text(LEFTOVERS[leftover])
    assert _run_leftovers_step(folder) == 1


@pytest.mark.parametrize("name", GITHUB)
def test_workflows_grant_and_pin_by_job(name: str, repositories: Repositories) -> None:
    for path in (repositories(name) / ".github/workflows").iterdir():
        text = path.read_text()
        [workflow] = parse_documents(text)
        assert workflow["permissions"] == {}
        assert workflow["concurrency"]
        assert all(job["timeout-minutes"] and job["permissions"] for job in workflow["jobs"].values())
        uses = re.findall(r"uses: (.*)", text)
        assert [line for line in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("name", ANSWERS)
def test_an_image_is_pushed_only_where_there_is_a_registry(name: str, repositories: Repositories) -> None:
    folder, answers = repositories(name), ANSWERS[name]
    pipelines = [*folder.glob(".gitlab-ci.yml"), *folder.glob(".github/workflows/*.yml")]
    assert any("cosign sign" in path.read_text() for path in pipelines) is ("image_repository" in answers)


def test_the_registry_of_github_needs_no_stored_secret(repositories: Repositories) -> None:
    release = "{}/.github/workflows/release.yml"
    assert "secrets." not in Path(release.format(repositories("kubernetes-redis"))).read_text()
    assert "secrets.REGISTRY_PASSWORD" in Path(release.format(repositories("compose-redis"))).read_text()
