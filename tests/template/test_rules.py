"""What wakes somebody: rules, their tests, routes and runbooks, as each answer set has them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.deployments import (
    HTTP,
    REGISTRY,
    Repositories,
    build_overlay,
    find_tool,
    parse_documents,
    render_answers,
)

NAMES = {
    "plain": HTTP | {"deployment": "none", "telemetry": "prometheus", "replica_state": "memory", "ci": "none"},
    "compose-otlp": REGISTRY
    | {"transport": "both", "deployment": "compose", "auth_provider": "none", "telemetry": "otlp", "ci": "gitlab"},
    "kubernetes": HTTP
    | REGISTRY
    | {"deployment": "kubernetes", "telemetry": "both", "replica_state": "redis", "ci": "github"}
    | {"owner": "* Ó Briain */ </script> {{ 7*7 }} {% raw %} {# #}"},
    "aws": HTTP | REGISTRY | {"deployment": "aws-ecs", "telemetry": "otlp", "ci": "github"},
    "gcp": HTTP | REGISTRY | {"deployment": "gcp-cloud-run", "telemetry": "otlp", "ci": "gitlab"},
    "azure": HTTP | REGISTRY | {"deployment": "azure-container-apps", "telemetry": "otlp", "ci": "none"},
}
SLUG = "bell-server"
SUBJECTS = {
    "Issuer": "mcp_server_issuer_reachable",
    "Authentication": "mcp_server_authentication_failures_total",
    "Redis": "mcp_server_redis_reachable",
}
"""What of an alert's name stands for a subject that only some servers have."""
CHECKED = [
    pytest.param(name, marks=[] if name in ("plain", "compose-otlp", "kubernetes") else [pytest.mark.alerting])
    for name in NAMES
]
"""The clouds have rules of no other kind, and are checked with everything else that takes long."""

pytestmark = pytest.mark.xdist_group("rules")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """Each of `NAMES`, rendered when it is first asked for."""
    folder = tmp_path_factory.mktemp("rules")

    @cache
    def find(name: str) -> Path:
        given = {"project_name": "Bell", "project_slug": SLUG, "package_name": "bell"}
        return render_answers(given | NAMES[name], folder / name)

    return find


def read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


def rules(repository: Path) -> list[dict[str, Any]]:
    groups = read(repository / "observability/rules.yaml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts(repository: Path) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules(repository) if "alert" in rule}


def unit_tests(repository: Path) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = read(repository / "observability/rules.test.yaml")["tests"]
    return tests


def run_promtool(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [find_tool("promtool"), *arguments]
    return subprocess.run(command, cwd=repository / "observability", capture_output=True, text=True, check=False)


def run_unit_tests(repository: Path, names: str) -> subprocess.CompletedProcess[str]:
    """Run those tests of `rules.test.yaml` whose names match."""
    whole = read(repository / "observability/rules.test.yaml")
    chosen = [test for test in whole["tests"] if re.search(names, test["name"])]
    assert chosen
    with (repository / "observability/chosen.yaml").open("w") as file:
        YAML(typ="safe").dump(whole | {"tests": chosen}, file)
    seen = run_promtool(repository, "test", "rules", "chosen.yaml")
    (repository / "observability/chosen.yaml").unlink()
    return seen


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The series that an expression reads: its name, and its matchers as Prometheus has them."""
    for name, matchers in re.findall(r"\b([a-z_][a-z0-9_:]*)\{([^}]*)\}", expression):
        yield name, dict(re.findall(r'(\w+)(?:=~|!~|!=|=)"((?:[^"\\]|\\.)*)"', matchers))


# --------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize("name", CHECKED)
def test_prometheus_takes_the_rules(name: str, rendered: Repositories) -> None:
    seen = run_promtool(rendered(name), "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize(
    "name, tests", [("compose-otlp", "^McpRestarting"), ("kubernetes", "^(?!McpTokenCostAnomaly fires)")]
)
def test_each_alert_fires_and_stays_quiet_as_its_tests_say(name: str, tests: str, rendered: Repositories) -> None:
    seen = run_unit_tests(rendered(name), tests)
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.alerting
@pytest.mark.parametrize("name", CHECKED)
def test_all_that_promtool_tests_holds(name: str, rendered: Repositories) -> None:
    seen = run_promtool(rendered(name), "test", "rules", "rules.test.yaml")
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("name", CHECKED)
def test_each_alert_has_a_test_that_fires_it_and_a_near_miss(name: str, rendered: Repositories) -> None:
    cases = [case for test in unit_tests(rendered(name)) for case in test.get("alert_rule_test", [])]
    fired = {case["alertname"] for case in cases if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fired == quiet == set(alerts(rendered(name)))


def foreign_series(repository: Path) -> set[str]:
    """What rules read of a series that is no signal, of a label or a value that it has not, or of another server."""
    signals = {signal["prometheus"]: signal for signal in read(repository / "observability/signals.yaml")}
    recorded = {rule["record"] for rule in rules(repository) if "record" in rule}
    found = set()
    for rule in rules(repository):
        for series, matchers in selectors(rule["expr"]):
            if matchers.pop("job", "") != SLUG:
                found.add(f"{series} of no job")
            signal = signals.get(series) or signals.get(re.sub(r"_(bucket|count|sum)$", "", series))
            if series in recorded or signal is None:
                found |= set() if series in recorded else {series}
                continue
            for label, value in matchers.items():
                known = signal["labels"].get(label)
                words = value.split("|") if isinstance(known, list) else []
                if label not in signal["labels"]:
                    found.add(label)
                    continue
                found |= {word for word in words if word and not any(re.fullmatch(word, each) for each in known)}
        named = re.findall(r"\b(?:mcp_server|process|mcp:)[\w:]*", rule["expr"])
        found |= set(named) - {series for series, _ in selectors(rule["expr"])}
    return found


@pytest.mark.parametrize("name", CHECKED)
def test_every_series_is_this_servers_and_one_that_it_has(name: str, rendered: Repositories) -> None:
    assert foreign_series(rendered(name)) == set()


@pytest.mark.parametrize(
    "fault, replacement, noticed",
    [
        ("mcp_server_redis_reachable", "mcp_server_redis_there", "mcp_server_redis_reachable"),
        ("administrative:", "privileged:", "administrative"),
        ("failed, refused", "refused", "failed"),
        ("-32603", "-1", "-32603"),
    ],
)
def test_a_signal_that_is_renamed_or_loses_a_label_is_missed(
    fault: str, replacement: str, noticed: str, rendered: Repositories, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(rendered("kubernetes") / "observability", tmp_path / "observability")).parent
    signals = folder / "observability/signals.yaml"
    text = signals.read_text(encoding="utf-8")
    assert fault in text
    signals.write_text(text.replace(fault, replacement), encoding="utf-8")
    assert foreign_series(folder) == {noticed}


@pytest.mark.parametrize("name", CHECKED)
def test_an_alert_stands_only_where_its_subject_does(name: str, rendered: Repositories) -> None:
    signals = {signal["prometheus"] for signal in read(rendered(name) / "observability/signals.yaml")}
    for word, series in SUBJECTS.items():
        assert any(word in alert for alert in alerts(rendered(name))) == (series in signals), word


@pytest.mark.parametrize("name", CHECKED)
def test_who_is_woken_learns_whose_it_is_and_where_to_look(name: str, rendered: Repositories) -> None:
    answers = read(rendered(name) / ".copier-answers.yml")
    for alert, rule in alerts(rendered(name)).items():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["labels"]["owner"].replace('{{ "{{" }}', "{{") == answers["owner"]
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert "$value" in rule["annotations"]["summary"] or alert == "McpNoData"
        assert rule["annotations"]["dashboard_url"].endswith(f"/d/{SLUG}")


def test_thresholds_are_the_servers_and_each_absent_one_is_told(rendered: Repositories) -> None:
    expressions = {alert: rule["expr"] for alert, rule in alerts(rendered("kubernetes")).items()}
    burns = {rule["expr"] for rule in rules(rendered("kubernetes")) if ":burn" in rule.get("record", "")}
    compared = {
        matchers["name"]
        for expression in [*expressions.values(), *burns]
        for series, matchers in selectors(expression)
        if series == "mcp:objective:max" and "|" not in matchers["name"]
    }
    [told] = {
        matchers["name"] for series, matchers in selectors(expressions["McpNoData"]) if series == "mcp:objective:max"
    }
    assert set(told.split("|")) == compared


def test_the_operators_rules_are_the_same(rendered: Repositories) -> None:
    folder = rendered("kubernetes")
    resource = read(folder / "observability/prometheusrule.yaml")
    assert resource["spec"]["groups"] == read(folder / "observability/rules.yaml")["groups"]


# ------------------------------------------------------------------------------------------------------------- routing


@pytest.mark.parametrize("name", CHECKED)
def test_alertmanager_takes_its_configuration(name: str, rendered: Repositories) -> None:
    command = [find_tool("amtool"), "check-config", "alertmanager.yaml"]
    seen = subprocess.run(command, cwd=rendered(name) / "observability", capture_output=True, text=True, check=False)
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("severity, receivers", [("page", "page,escalation"), ("ticket", "ticket"), ("odd", "page")])
def test_an_alert_goes_to_whom_its_severity_says(severity: str, receivers: str, rendered: Repositories) -> None:
    command = [find_tool("amtool"), "config", "routes", "test", "--config.file=alertmanager.yaml"]
    seen = subprocess.run(
        [*command, f"--verify.receivers={receivers}", f"severity={severity}", "alertname=McpNoData"],
        cwd=rendered("kubernetes") / "observability",
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("name", CHECKED)
def test_only_alerts_that_exist_silence_each_other_and_none_a_page_for_a_ticket(
    name: str, rendered: Repositories
) -> None:
    known = alerts(rendered(name))
    for rule in read(rendered(name) / "observability/alertmanager.yaml")["inhibit_rules"]:
        assert rule["equal"] == ["job"]
        for side in ("source_matchers", "target_matchers"):
            [pattern] = re.findall(r'alertname=~?"(.*)"', rule[side][0])
            for word in re.split(r"\|(?![^(]*\))", pattern):
                named = [alert for alert in known if re.fullmatch(word, alert)]
                assert named, word
                assert side == "target_matchers" or {known[each]["labels"]["severity"] for each in named} == {"page"}


@pytest.mark.parametrize("name", CHECKED)
def test_each_cause_that_silences_a_burn_has_a_test_of_its_end(name: str, rendered: Repositories) -> None:
    tested = {
        test["name"].partition(" outlasts ")[0] for test in unit_tests(rendered(name)) if "outlasts" in test["name"]
    }
    sources = {
        re.sub(r'.*"(.*)"', r"\1", rule["source_matchers"][0])
        for rule in read(rendered(name) / "observability/alertmanager.yaml")["inhibit_rules"]
        if "Burn" in rule["target_matchers"][0]
    }
    assert tested == {source for source in sources if "Burn" not in source} != set()


@pytest.mark.parametrize("name", CHECKED)
def test_a_receivers_address_is_read_from_a_file(name: str, rendered: Repositories) -> None:
    for receiver in read(rendered(name) / "observability/alertmanager.yaml")["receivers"]:
        assert [config["api_url_file"] for config in receiver["slack_configs"]] == [
            f"/run/secrets/{receiver['name']}-url"
        ]


# ----------------------------------------------------------------------------------------------------------- mutations


@pytest.mark.parametrize(
    "fault, replacement, noticed_by",
    [
        ("mcp_server_issuer_reachable{", "mcp_server_issuer_alive{", "McpIssuerUnreachable fires"),
        ('error_type=~"-32603|500|503|504"', 'error_type!=""', "McpAvailabilityBurnFast stays quiet"),
        (',reason!~"missing|expired"', "", "McpAuthenticationFailures stays quiet"),
        ('administrative="true"', 'administrative=~".*"', "McpDeniedAdministrativeCalls stays quiet"),
        (">= 5", ">= 0", "McpLatencyBurnFast stays quiet"),
        ('name="memory"', 'name="memories"', "McpMemoryNearLimit fires"),
        ("keep_firing_for: 6m", "keep_firing_for: 4m", "McpRedisUnreachable outlasts .*"),
        ('and mcp:availability:burn5m{job="bell-server"} > 1', "", "McpIssuerUnreachable outlasts .*"),
        ('and mcp:latency:burn5m{job="bell-server"} > 6', "", "McpRedisUnreachable outlasts .*"),
    ],
)
def test_a_broken_rule_fails_the_test_of_its_alert(
    fault: str, replacement: str, noticed_by: str, rendered: Repositories, tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    (folder / "observability").mkdir(parents=True)
    for file in ("rules.yaml", "rules.test.yaml"):
        text = (rendered("kubernetes") / "observability" / file).read_text(encoding="utf-8")
        broken = text.replace(fault, replacement) if file == "rules.yaml" else text
        (folder / "observability" / file).write_text(broken, encoding="utf-8")
        assert file != "rules.yaml" or broken != text
    assert run_unit_tests(rendered("kubernetes"), f"^{noticed_by}$").returncode == 0
    assert run_unit_tests(folder, f"^{noticed_by}$").returncode != 0


# ------------------------------------------------------------------------------------------------------------ runbooks


def kebab(alert: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", alert).lower()


def pages(repository: Path) -> dict[str, str]:
    """The runbooks by name, and `incident`."""
    folder = repository / "observability"
    return {
        path.stem: path.read_text(encoding="utf-8") for path in [*folder.glob("runbooks/*.md"), folder / "incident.md"]
    }


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def unpaired_runbooks(repository: Path) -> set[str]:
    """Alerts without a page, and pages without an alert."""
    return (set(pages(repository)) - {"incident"}) ^ {kebab(alert) for alert in alerts(repository)}


@pytest.mark.parametrize("name", CHECKED)
def test_every_alert_has_a_runbook_and_every_runbook_an_alert(name: str, rendered: Repositories) -> None:
    folder = rendered(name)
    assert unpaired_runbooks(folder) == set()
    for alert, rule in alerts(folder).items():
        base = read(folder / ".copier-answers.yml")["repository_url"]
        branch = "/-/blob/main" if NAMES[name]["ci"] == "gitlab" else "/blob/main"
        assert rule["annotations"]["runbook_url"] == f"{base}{branch}/observability/runbooks/{kebab(alert)}.md"


def test_a_runbook_that_is_deleted_is_missed(rendered: Repositories, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(rendered("plain") / "observability", tmp_path / "observability")).parent
    (folder / "observability/runbooks/mcp-no-data.md").unlink()
    assert unpaired_runbooks(folder) == {"mcp-no-data"}


@pytest.mark.parametrize("name", CHECKED)
def test_a_runbook_says_all_that_it_must_and_no_more(name: str, rendered: Repositories) -> None:
    sections = ["What it means for users", "First checks", "Mitigation", "Escalation", "It is over when"]
    for stem, text in pages(rendered(name)).items():
        for link in re.findall(r"\]\(([a-z-]+\.md)\)", text):
            assert (rendered(name) / "observability/runbooks" / link).is_file(), (stem, link)
        if stem != "incident":
            assert re.findall(r"^## (.*)$", text, re.MULTILINE) == sections, stem
            assert blocks(text, "console"), stem
            assert text.count("\n") <= 50, stem


@pytest.mark.parametrize("name", CHECKED)
def test_commands_are_of_the_shell_and_of_this_deployment(name: str, rendered: Repositories) -> None:
    programs = {
        "plain": "curl jq pgrep",
        "compose-otlp": "docker curl jq",
        "kubernetes": "kubectl curl jq",
        "aws": "aws jq",
        "gcp": "gcloud jq",
        "azure": "az jq",
    }
    used = set()
    for stem, text in pages(rendered(name)).items():
        for block in blocks(text, "console"):
            seen = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
            assert (seen.returncode, seen.stderr) == (0, ""), stem
            used |= set(re.findall(r"\b(docker|kubectl|aws|gcloud|az|jq|curl|pgrep)(?= )", block))
    assert set(programs[name].split()) <= used <= {*programs[name].split(), "curl"}


def test_kubectl_is_told_of_what_is_applied(rendered: Repositories) -> None:
    folder = rendered("kubernetes")
    applied = parse_documents(build_overlay(folder / "deploy/kubernetes/overlays/production"))
    [deployment] = [each for each in applied if each["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    ports = {str(port["containerPort"]) for port in container["ports"]}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    kinds = {each["kind"].lower(): each["metadata"]["name"] for each in applied if "Monitor" in each["kind"]}
    for stem, text in pages(folder).items():
        for line in "\n".join(blocks(text, "console")).replace("\\\n", " ").splitlines():
            assert set(re.findall(r"--namespace (\S+)", line)) <= {deployment["metadata"]["namespace"]}, (stem, line)
            assert set(re.findall(r"deployment/(\S+)", line)) <= {deployment["metadata"]["name"]}, (stem, line)
            assert set(re.findall(r"--container (\S+)", line)) <= {container["name"]}, (stem, line)
            assert set(re.findall(r"port-forward .* (\d+):\d+ ", line)) <= ports, (stem, line)
            assert set(re.findall(r"get podmonitor (\S+)", line)) <= {kinds["podmonitor"]}, (stem, line)
            for label, value in re.findall(r"--selector (\S+?)=(\S+)", line):
                assert labels[label] == value, (stem, line)


def test_docker_is_told_of_services_that_there_are(rendered: Repositories) -> None:
    services = read(rendered("compose-otlp") / "compose.yaml")["services"]
    named = set()
    for text in pages(rendered("compose-otlp")).values():
        for command in re.findall(r"docker compose (?:logs|ps|exec|restart|stats)([^|)'\n]*)", text):
            named |= {word for word in command.split() if re.fullmatch(r"[a-z]+", word) and word != "sh"}
    assert {"server"} < named <= set(services)


@pytest.mark.parametrize("name", CHECKED)
def test_a_runbooks_queries_are_promql_over_series_that_there_are(
    name: str, rendered: Repositories, tmp_path: Path
) -> None:
    signals = {signal["prometheus"]: signal for signal in read(rendered(name) / "observability/signals.yaml")}
    recorded = {rule["record"] for rule in rules(rendered(name)) if "record" in rule}
    queries = [
        line
        for text in pages(rendered(name)).values()
        for block in blocks(text, "promql")
        for line in block.splitlines()
    ]
    made = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    with (tmp_path / "queries.yaml").open("w") as file:
        YAML(typ="safe").dump({"groups": [{"name": "queries", "rules": made}]}, file)
    seen = run_promtool(rendered(name), "check", "rules", str(tmp_path / "queries.yaml"))
    assert seen.returncode == 0, seen.stdout + seen.stderr
    for query in queries:
        for series, matchers in selectors(query):
            assert matchers["job"] == SLUG, query
            known = {"ALERTS", *recorded, *signals}
            assert series in known or re.sub(r"_(bucket|count|sum)$", "", series) in signals, query
