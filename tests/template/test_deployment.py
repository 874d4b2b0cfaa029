"""What runs a rendered server, and what builds it: parsed, scanned, and scanned again with a fault put in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments import (
    ANSWERS,
    DEPLOYMENT,
    HTTP,
    REGISTRY,
    TEXTS,
    Edited,
    Repositories,
    parse_documents,
    render_answers,
)
from tests.support.scanners import COMPOSE, GITHUB, KUBERNETES, SCANS, SUPPRESSIONS, scan

COMMANDS = ["uv sync --locked", "uv run poe check", "uv run pytest --junit-xml=evidence/junit.xml"]


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


@pytest.mark.parametrize("scanner", SUPPRESSIONS)
def test_what_is_suppressed_is_exactly_what_would_be_found(
    scanner: str, repositories: Repositories, tmp_path: Path
) -> None:
    suppressions = SUPPRESSIONS[scanner]
    folder = Path(shutil.copytree(repositories("kubernetes-memory"), tmp_path / "repository"))
    suppressed = suppressions.identifiers(folder)
    (folder / suppressions.file).unlink()
    assert {identifier for _, identifier in suppressions.found(folder)} == suppressed


@pytest.mark.parametrize("scanner", SUPPRESSIONS)
@pytest.mark.parametrize("name", ANSWERS)
def test_every_suppression_has_its_reason(name: str, scanner: str, repositories: Repositories) -> None:
    assert SUPPRESSIONS[scanner].unexplained(repositories(name)) == []


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


@pytest.mark.parametrize("name", [*COMPOSE, *KUBERNETES])
def test_only_settings_that_the_server_has_are_set(name: str, repositories: Repositories) -> None:
    folder = repositories(name)
    known = set(re.findall(r"^(MCP_\w+)=", (folder / ".env.example").read_text(), re.MULTILINE))
    files = [folder / "compose.yaml", *(folder / "deploy/kubernetes").rglob("*.env")]
    used = {
        setting for file in files if file.exists() for setting in re.findall(r"\bMCP_\w+(?=[:=])", file.read_text())
    }
    assert used
    assert {setting if setting in known else setting.removesuffix("_FILE") for setting in used} - known == set()


def test_who_develops_observes_the_audit_of_the_server_that_they_run(repositories: Repositories) -> None:
    folder = repositories("compose-redis")
    tasks = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["poe"]["tasks"]
    assert tasks["observe"]["env"] == tasks["dev"]["env"]
    assert f"/{tasks['dev']['env']['MCP_AUDIT_FILE']['default']}*" in (folder / ".gitignore").read_text().splitlines()
    assert "observe" not in (repositories("stdio") / "pyproject.toml").read_text()


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


@pytest.mark.parametrize("telemetry", ["otlp", "prometheus", "both"])
def test_telemetry_has_a_place_to_go_and_somebody_who_looks(telemetry: str, tmp_path: Path) -> None:
    answers = TEXTS | HTTP | REGISTRY | {"deployment": "compose", "telemetry": telemetry}
    folder = render_answers(answers, tmp_path / "made")
    [compose], [prometheus] = (
        parse_documents((folder / file).read_text()) for file in ("compose.yaml", "observability/prometheus.yaml")
    )
    services, scraped, pushed = compose["services"], telemetry != "otlp", telemetry != "prometheus"
    observers = {name for name, service in services.items() if service.get("profiles") == ["observe"]}
    assert observers == {"prometheus", "alertmanager", "grafana"} | ({"collector"} if pushed else set())
    assert all("./observability:/etc/observability:ro" in services[name]["volumes"] for name in observers)
    files = re.findall(r"/etc/(observability/[\w/.-]+)", str([services[name] for name in sorted(observers)]))
    assert {file for file in files if not (folder / file).exists()} <= {"observability/alertmanager.yaml"}
    assert (
        (folder / "observability/grafana/dashboards/dashboards.yaml").read_text().count("/etc/observability/dashboards")
    )
    assert prometheus["rule_files"] == ["rules.yaml"]
    assert "alertmanager:9093" in str(prometheus["alerting"])
    targets = [job["static_configs"][0]["targets"] for job in prometheus.get("scrape_configs", [])]
    assert targets == ([["server:9090"]] if scraped else [])
    assert ("--web.enable-otlp-receiver" in services["prometheus"]["command"]) is not scraped
    endpoint = services["server"]["environment"].get("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert endpoint == ("http://collector:4318" if pushed else None)


@pytest.mark.parametrize("telemetry", ["otlp", "both"])
def test_the_collector_is_bounded_and_masks_what_looks_like_a_secret(telemetry: str, tmp_path: Path) -> None:
    answers = TEXTS | HTTP | REGISTRY | {"deployment": "compose", "telemetry": telemetry}
    [collector] = parse_documents(
        (render_answers(answers, tmp_path / "made") / "observability/collector.yaml").read_text()
    )
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
    for pipeline in collector["service"]["pipelines"].values():
        assert pipeline["processors"] == ["memory_limiter", "redaction", "batch"]
        assert {re.sub(r"\$\{.*:-(.*)\}", r"\1", name) for name in pipeline["exporters"]} <= collector[
            "exporters"
        ].keys()
    leaving = [exporter for name, exporter in collector["exporters"].items() if name.startswith("otlp_http")]
    assert len(leaving) == (2 if telemetry == "otlp" else 1)
    assert all(exporter["sending_queue"]["queue_size"] <= 1_000 for exporter in leaving)
    assert all(exporter["retry_on_failure"]["max_elapsed_time"] == "5m" for exporter in leaving)
    values, keys = (collector["processors"]["redaction"][name] for name in ("blocked_values", "blocked_key_patterns"))
    assert not [text for text in SECRET_VALUES if not any(re.search(value, text) for value in values)]
    assert not [text for text in PLAIN_VALUES if any(re.search(value, text) for value in values)]
    assert not [text for text in SECRET_KEYS if not any(re.search(key, text) for key in keys)]
    assert not [text for text in PLAIN_KEYS if any(re.search(key, text) for key in keys)]


SECRET_VALUES = [
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
    "Bearer 0123456789abcdef",
    "basic YWxpY2U6c2VjcmV0",
    "AKIA" + "A" * 16,
    "ghp_" + "a" * 36,
    "glpat-" + "a" * 20,
    "xoxb-" + "1" * 20,
    "-----BEGIN EC PRIVATE KEY-----",
    "rediss://user:password@redis:6379/0",
]
PLAIN_VALUES = ["tools/call", "list_notes", "https://api.example.com:8443/v1?at=b@c", "2026-07-28", "risk-" + "a" * 20]
SECRET_KEYS = [
    "http.request.header.authorization",
    "Set-Cookie",
    "db.password",
    "client_secret",
    "x-api-key",
    "access_token",
    "token",
]
PLAIN_KEYS = [
    "mcp.method.name",
    "gen_ai.tool.name",
    "error.type",
    "gen_ai.usage.output_tokens",
    "server.address",
    "direction",
]


def test_nothing_observes_without_telemetry(repositories: Repositories) -> None:
    compose = _compose(repositories, "compose-open")
    assert compose["services"].keys() == {"server"}
    assert "volumes" not in compose
    assert not (repositories("compose-open") / "observability").exists()


def test_development_trusts_an_authorization_server_of_its_own(repositories: Repositories) -> None:
    services = _compose(repositories, "compose-redis")["services"]
    started = {name for name, service in services.items() if service.get("profiles") == ["development"]}
    assert started == {"development", "identity"}
    assert services["development"]["network_mode"] == "service:identity"
    assert services["development"]["environment"]["MCP_ENVIRONMENT"] == "development"
    assert services["server"]["environment"]["MCP_ENVIRONMENT"] == "production"
    [realm] = parse_documents((repositories("compose-redis") / "deploy/development/realm.json").read_text())
    assert {"mcp:read", "mcp:write", "mcp:admin"} == set(realm["defaultOptionalClientScopes"])
    assert not (repositories("compose-open") / "deploy").exists()


@pytest.mark.parametrize(
    "deployment, file", [("compose", "compose.yaml"), ("kubernetes", "deploy/kubernetes/README.md")]
)
def test_who_keeps_the_audit_for_years_is_named(deployment: str, file: str, tmp_path: Path) -> None:
    answers = TEXTS | HTTP | REGISTRY | {"deployment": deployment, "compliance": ["fedramp-moderate"]}
    text = " ".join((render_answers(answers, tmp_path / "made") / file).read_text().replace("#", "").split())
    assert re.search(r"stay for 913 days.* yours", text)
    assert "FIPS" in text


@pytest.mark.parametrize("name", ["compose-redis", "compose-open"])
def test_compose_trusts_one_address_and_fixes_it(repositories: Repositories, name: str) -> None:
    """Behind a gateway of the same machine all clients would be one peer; a whole network could choose who it is."""
    compose = _compose(repositories, name)
    [network] = compose["networks"]["default"]["ipam"]["config"]
    trusted = compose["services"]["server"]["environment"]["MCP_TRUSTED_PROXIES"]
    assert trusted == network["gateway"]
    address, subnet = (re.sub(r"\$\{\w+:-(.+)\}", r"\1", value) for value in (trusted, network["subnet"]))
    assert ip_address(address) == next(ip_network(subnet).hosts())


def _compose(repositories: Repositories, name: str) -> dict[str, Any]:
    [compose] = parse_documents((repositories(name) / "compose.yaml").read_text())
    parsed: dict[str, Any] = compose
    return parsed


def test_the_state_is_reachable_by_the_server_only(repositories: Repositories) -> None:
    [compose] = parse_documents((repositories("compose-redis") / "compose.yaml").read_text())
    assert compose["networks"]["state"]["internal"] is True
    assert compose["services"]["valkey"]["networks"] == ["state"]


SECRETS = ["redis-url", "request-state-keys", "audit-hash-key", "valkey.conf"]
RECEIVERS = ["page-url", "ticket-url", "escalation-url"]


def start(repository: Path, secrets: list[str]) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The run of `apply.sh` with those secrets, and what it asked of Docker."""
    (repository / "secrets").mkdir()
    for name in secrets:
        (repository / "secrets" / name).write_text("secret")
    tools = repository / "tools"
    tools.mkdir()
    (tools / "docker").write_text(
        '#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\n'
        'echo "profiles=${COMPOSE_PROFILES-} disabled=${OTEL_SDK_DISABLED-}" >> "$(dirname "$0")/told"\n'
    )
    (tools / "docker").chmod(0o755)
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    script = repository / "deploy/compose/apply.sh"
    ran = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    asked = tools / "asked"
    return ran, asked.read_text().splitlines() if asked.exists() else []


@pytest.fixture
def copied(repositories: Repositories, tmp_path: Path) -> Path:
    """A repository with shared state that a test may change."""
    return Path(shutil.copytree(repositories("compose-redis"), tmp_path / "repository"))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_everything_is_started_with_its_secrets(copied: Path) -> None:
    ran, asked = start(copied, SECRETS + RECEIVERS)
    assert (ran.returncode, asked, ran.stderr) == (0, ["compose up --build --detach --wait"], "")
    assert (copied / "tools/told").read_text() == "profiles=observe disabled=\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize("missing", RECEIVERS)
def test_that_nobody_is_paged_is_said_and_nothing_is_sent_to_a_collector_that_is_not_there(
    copied: Path, missing: str
) -> None:
    ran, asked = start(copied, SECRETS + [name for name in RECEIVERS if name != missing])
    assert (ran.returncode, asked) == (0, ["compose up --build --detach --wait"])
    assert ran.stderr.startswith("NOBODY IS PAGED")
    assert f"want of secrets/{missing}." in ran.stderr
    assert (copied / "tools/told").read_text() == "profiles= disabled=true\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize("missing", SECRETS)
def test_nothing_is_started_without_a_secret_that_is_named(copied: Path, missing: str) -> None:
    ran, asked = start(copied, [name for name in SECRETS if name != missing])
    assert f"secrets/{missing} is missing or empty" in ran.stderr
    assert (ran.returncode, asked) == (1, [])


def test_every_secret_is_checked_and_mounted(repositories: Repositories) -> None:
    compose = _compose(repositories, "compose-redis")
    assert compose["secrets"].keys() == {*SECRETS, *RECEIVERS}
    assert compose["services"]["alertmanager"]["secrets"] == RECEIVERS
    settings = compose["services"]["server"]["environment"].items()
    files = {value.removeprefix("/run/secrets/") for key, value in settings if key.endswith("_FILE")}
    assert files == set(compose["services"]["server"]["secrets"]) == set(SECRETS) - {"valkey.conf"}
    assert "secrets" not in _compose(repositories, "compose-open")


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
    [script] = [line for line in scripts(repository) if "leftovers.sh" in line]
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
    assert any("cosign sign --yes" in path.read_text() for path in pipelines) is ("image_repository" in answers)


def test_the_registry_of_github_needs_no_stored_secret(repositories: Repositories) -> None:
    release = "{}/.github/workflows/release.yml"
    assert "secrets." not in Path(release.format(repositories("kubernetes-redis"))).read_text()
    assert "secrets.REGISTRY_PASSWORD" in Path(release.format(repositories("compose-redis"))).read_text()
