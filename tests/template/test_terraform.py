"""Terraform for each cloud: every name resolves, nothing is open that need not be, and what can be planned is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ruamel.yaml import YAML

from tests.servers.aws import empty_account
from tests.support.deployments import HTTP, TEXTS, code_of_settings, render_answers
from tests.support.rows import TARGETS
from tests.support.scanners import SUPPRESSIONS, scan
from tests.support.template import CHECKOUT
from tests.support.terraform import Folder, find_provider, folders, passed_to, run_terraform, whole

BY_TERRAFORM = {name: row for name, row in TARGETS.items() if row["kind"] == "terraform"}
SAID = {name: YAML(typ="safe").load(CHECKOUT / "tests/targets" / name / "terraform.yml") for name in BY_TERRAFORM}
"""By target, how its Terraform says what that of every target must say."""
GITHUB = {"ci": "github", "repository_url": "https://github.com/team/bob-server"}
GITLAB = {"ci": "gitlab", "repository_url": "https://gitlab.com/team/bob-server"}
LARGE: dict[str, Any] = GITHUB | {"replica_state": "redis", "telemetry": "both", "compliance": ["soc2", "sox"]}
SMALL: dict[str, Any] = GITLAB | {"replica_state": "memory", "telemetry": "none"}
RENDERS: dict[str, dict[str, Any]] = {
    f"{cloud}, {size}": TEXTS | HTTP | {"deployment": cloud} | answers
    for cloud, row in BY_TERRAFORM.items()
    for size, answers in {"large": LARGE | {"regions": row["regions"]["example"]}, "small": SMALL}.items()
}
CLOUDS = [name for name in RENDERS if name.endswith("large")]
PARTITIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "aws-ecs, china": ("cn-north-1", {"regions": "cn-north-1"}),
    "aws-ecs, audited": ("us-west-2", {"regions": "us-west-2", "compliance": ["sox"], "telemetry": "prometheus"}),
    "aws-ecs, govcloud": ("us-gov-west-1", {"regions": "us-gov-west-1", "compliance": ["fedramp-moderate"]}),
}
RENDERED = RENDERS | {name: RENDERS["aws-ecs, small"] | answers for name, (_, answers) in PARTITIONS.items()}

Rendered: TypeAlias = Callable[[str], Path]
Findings: TypeAlias = Callable[[str], dict[str, set[str]]]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Each repository, rendered when it is first asked for."""
    folder = tmp_path_factory.mktemp("terraform")

    def find(name: str) -> Path:
        place = folder / name.replace(", ", "-")
        return place if place.exists() else render_answers(RENDERED[name], place)

    return find


@pytest.fixture
def root(rendered: Rendered, name: str) -> Path:
    """The Terraform of a render."""
    return rendered(name) / "deploy/terraform" / name.partition(",")[0]


everywhere = pytest.mark.parametrize("name", RENDERS)


# --------------------------------------------------------------------------------------------------------------- names


@everywhere
def test_every_reference_is_declared(root: Path) -> None:
    assert [folder.referred - folder.declared for folder in folders(root)] == [set(), set()]


@everywhere
def test_every_variable_and_local_is_used(root: Path) -> None:
    for folder in folders(root):
        own = {address for address in folder.declared if address.startswith(("var.", "local."))}
        assert own - folder.referred == set(), folder.path


@everywhere
def test_every_variable_says_what_it_is(root: Path) -> None:
    for folder in folders(root):
        for labels, body in folder.blocks["variable"]:
            assert {"description", "type"} <= body.keys(), labels


@everywhere
def test_a_region_gets_the_variables_that_it_has(root: Path) -> None:
    main, region = folders(root)
    calls = [body for _, body in main.blocks["module"]]
    wanted = {labels[0] for labels, _ in region.blocks["variable"]}
    assert [passed_to(call) ^ wanted for call in calls] == [set()] * len(calls)


def test_a_reference_to_nothing_is_seen(rendered: Rendered, tmp_path: Path) -> None:
    root = rendered("aws-ecs, large") / "deploy/terraform/aws-ecs/region"
    folder = Path(shutil.copytree(root, tmp_path / "region"))
    text = (folder / "service.tf").read_text()
    (folder / "service.tf").write_text(text.replace("aws_iam_role.start.arn", "aws_iam_role.begin.arn"))
    assert Folder(folder).referred - Folder(folder).declared == {"aws_iam_role.begin"}


@everywhere
def test_only_settings_that_the_server_has_are_set(root: Path, rendered: Rendered, name: str) -> None:
    known = set(re.findall(r"^(MCP_\w+)=", (rendered(name) / ".env.example").read_text(), re.MULTILINE))
    used = {setting for folder in folders(root) for setting in re.findall(r"\bMCP_\w+", folder.text)}
    assert {setting.removesuffix("_FILE") for setting in used} - known - {"MCP_POLICY"} == set()


# ----------------------------------------------------------------------------------------------------------- hardening


@everywhere
def test_the_provider_is_pinned_once_and_the_lock_agrees(root: Path) -> None:
    texts = [(folder.path / "versions.tf").read_text() for folder in folders(root)]
    main, region = (re.findall(r' version += "(.+)"', text) for text in texts)
    [pinned] = main
    assert re.fullmatch(r"\d+\.\d+\.\d+", pinned)
    assert region == []
    lock = root / ".terraform.lock.hcl"
    assert lock.exists() is TARGETS[root.name]["locks_providers"]
    if lock.exists():
        assert re.findall(r'version += "(.+)"', lock.read_text()) == [pinned]


@everywhere
def test_the_state_is_remote_and_locked(root: Path) -> None:
    backend = (root / "backend.tf").read_text()
    assert re.search(SAID[root.name]["state_is_locked"], backend)


@everywhere
def test_no_key_is_stored(root: Path) -> None:
    words = r"(access_key|secret_key|client_secret|password|credentials|auth_token|secret_data|secret_string)"
    for folder in folders(root):
        assert re.findall(rf'(?m)^\s*{words}\s+= "(?!projects/\$)[^"]+"', folder.text) == [], folder.path


@everywhere
def test_ci_is_trusted_from_this_repository_only(root: Path, name: str) -> None:
    subject = (
        "repo:team/bob-server:environment:production"
        if "large" in name
        else "project_path:team/bob-server:ref_type:branch:ref:main"
    )
    issuer = "https://token.actions.githubusercontent.com" if "large" in name else "https://gitlab.com"
    identity = (root / "identity.tf").read_text()
    assert f'"{subject}"' in identity or f"'{subject}'" in identity
    assert issuer in identity
    assert "StringLike" not in identity


@everywhere
def test_nothing_comes_in_from_everywhere_but_https(root: Path) -> None:
    for folder in folders(root):
        rules = re.findall(r'_ingress_rule" "\w+" \{(.*?)\n\}', folder.text, re.DOTALL)
        opened = [rule for rule in rules if "cidr_" in rule]
        assert [re.findall(r"_port += (\d+)", rule) for rule in opened] == [["443", "443"]] * len(opened)
        inbound = re.findall(r'"Inbound"\s+access +=\s"Allow".*?\}', folder.text, re.DOTALL)
        assert not [rule for rule in inbound if re.search(r'source_address_prefix += "(\*|Internet|0\.0)', rule)]
        assert not re.search(r"INGRESS\"[^}]*action += \"allow", folder.text)


@everywhere
def test_the_image_is_named_by_digest(root: Path) -> None:
    texts = [folder.text for folder in folders(root)]
    assert any("@${var.image_digest}" in text for text in texts)
    assert not any(re.search(r'image += "(?![^"]*@)', text) for text in texts)


AUDIT_DAYS = {"large": 2557, "small": 90}


@everywhere
def test_logs_are_kept_as_long_as_compliance_asks(root: Path, name: str) -> None:
    days = [int(number) for number in re.findall(SAID[root.name]["log_retention_days"], folders(root)[0].text)]
    assert days
    assert min(days) >= AUDIT_DAYS[name.partition(", ")[2]]


@everywhere
def test_what_must_be_kept_for_years_cannot_be_changed(root: Path, name: str) -> None:
    assert bool(re.search(SAID[root.name]["log_cannot_be_changed"], whole(root))) is name.endswith("large")


@everywhere
def test_flow_logs_are_kept_with_the_others(root: Path) -> None:
    assert re.search(SAID[root.name]["flow_logs_are_kept"], whole(root), re.DOTALL)


@everywhere
def test_the_readme_says_what_brings_back_what_is_lost_and_what_nobody_tried(root: Path) -> None:
    text = (root / "README.md").read_text()
    assert "| lost | objective | what brings it back |" in text
    lost = "and what tools kept in its cache" if (root / "region/cache.tf").exists() else "no data"
    assert re.search(rf"\n\| a region \| (5 minutes|2 hours), {lost} \|", text)
    assert "Nothing here was applied to a" in text
    assert "scanned with Trivy and Checkov" in text.replace("\n", " ")


@everywhere
def test_no_cache_evicts_what_was_counted(root: Path) -> None:
    cache = root / "region/cache.tf"
    if cache.exists():
        assert re.search(r'"noeviction"|"NoEviction"', cache.read_text())


@everywhere
def test_the_readme_says_where_tls_cannot_be_1_3_only(root: Path) -> None:
    said = [words for words in ("no minimum above 1.2", "TLS is 1.3 only") if words in (root / "README.md").read_text()]
    assert said == [SAID[root.name]["readme_names_minimum_of_tls"]]


@pytest.mark.parametrize("name", CLOUDS)
def test_replicas_share_a_cache_over_tls(root: Path) -> None:
    assert "rediss://" in (root / "region/cache.tf").read_text()


@pytest.mark.parametrize("name", [name for name in RENDERS if name.endswith("small")])
def test_state_in_memory_has_one_replica_and_no_cache(root: Path) -> None:
    assert not (root / "region/cache.tf").exists()
    assert re.search(r"replicas\s+= \{ minimum = 1, maximum = 1 \}", folders(root)[0].text)


@everywhere
def test_a_container_has_time_to_finish(root: Path, rendered: Rendered, name: str) -> None:
    text = whole(root)
    settings = code_of_settings(rendered(name))
    [grace] = re.findall(r"MCP_SHUTDOWN_GRACE_SECONDS = \"(\d+)\"", text) or re.findall(
        r"shutdown_grace_seconds.*default=(\d+)", settings
    )
    given = re.findall(r"(?:stopTimeout|termination_grace_period_seconds)\s+= (\d+)", text) or ["10"]
    assert int(given[0]) > int(grace)
    [tool] = re.findall(r"MCP_TOOL_TIMEOUT_SECONDS   = \"(\d+)\"", text) or re.findall(
        r"tool_timeout_seconds.*default=(\d+)", settings
    )
    assert int(grace) > int(tool), "a rollout cuts no call"
    for drained in re.findall(r"deregistration_delay\s+= (\d+)", text):
        assert int(drained) > int(tool)


@everywhere
def test_a_container_is_probed(root: Path) -> None:
    probes = set(re.findall(r"/livez|/readyz|health_probe", whole(root)))
    assert {SAID[root.name]["liveness_probe"], "/readyz"} <= probes


@pytest.mark.parametrize("name", CLOUDS)
def test_each_region_is_deployed_to(root: Path, name: str) -> None:
    text = folders(root)[0].text
    for region in RENDERS[name]["regions"].split(","):
        assert re.search(rf'\b{region} += \d|region += "{region}"', text)


@everywhere
def test_secrets_are_looked_for_when_a_plan_is_made(root: Path, name: str) -> None:
    """What depends on something that is not there yet would be read when half of it is."""
    [file] = root.rglob("secrets.tf")
    expected = {"request-state-keys", "audit-hash-key"} | ({"audit-chain-key"} if "large" in name else set())
    assert set(re.findall(r'_KEYS?(?:_FILE)? += "(\S+)"', file.read_text())) == expected
    read = [body for labels, body in Folder(file.parent).blocks["data"] if "_secret" in labels[0]]
    assert read
    assert not any("depends_on" in body for body in read)


# ------------------------------------------------------------------------------------------------------------ terraform


@everywhere
def test_files_are_written_as_terraform_formats_them(root: Path) -> None:
    seen = run_terraform("fmt", "-check", "-diff", "-recursive", folder=root)
    assert seen.returncode == 0, seen.stdout + seen.stderr


AUDIENCE = re.compile(r"sts\.amazonaws\.com")
"""A word that tokens carry everywhere, no address."""


@pytest.mark.parametrize("name", [name for name in RENDERED if name.startswith("aws")])
def test_no_partition_of_aws_is_named(root: Path) -> None:
    """The provider is asked for what differs: IAM in GovCloud and in China refuses `arn:aws:`."""
    named = [
        folder.path for folder in folders(root) if re.search(r"arn:aws|\bamazonaws\.", AUDIENCE.sub("", folder.text))
    ]
    assert named == []


@pytest.mark.parametrize("name", PARTITIONS)
def test_every_reference_in_another_partition_is_declared(root: Path) -> None:
    assert [folder.referred - folder.declared for folder in folders(root)] == [set(), set()]


@pytest.mark.parametrize("name", ["aws-ecs, govcloud"])
def test_for_fedramp_what_can_be_fips_is_and_the_readme_says_what_is_not(root: Path) -> None:
    text = whole(root)
    assert 'ssl_policy        = "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04"' in text
    assert "fargateFIPSMode" in text
    assert text.count("use_fips_endpoint = true") == 2, "the provider and the state"
    assert "AWS_USE_FIPS_ENDPOINT=true" in (root / "deploy.sh").read_text()
    assert "Not covered" in (root / "README.md").read_text()


@pytest.mark.parametrize("name", ["aws-ecs, govcloud"])
def test_where_there_are_no_public_zones_the_name_and_its_certificate_are_the_owners(root: Path) -> None:
    assert "route53_zone" not in whole(root)
    assert "GovCloud has no public zones" in (root / "README.md").read_text()
    assert {"certificates"} == {labels[0] for labels, _ in folders(root)[0].blocks["variable"] if "cert" in labels[0]}


ALARM = re.compile(r'^ +(\w+) += [\[{]|^resource "aws_cloudwatch_metric_alarm" "(\w+)"', re.MULTILINE)


@pytest.mark.parametrize("name", CLOUDS)
def test_an_alarm_links_to_the_runbook_of_its_alert_and_a_table_says_which_alerts_have_one(
    root: Path, rendered: Rendered, name: str
) -> None:
    place, [file] = rendered(name) / "observability", root.rglob("alarms.tf")
    text, wanted = file.read_text(), BY_TERRAFORM[name.partition(",")[0]]["alarms"]
    links = dict(re.findall(r'^ +(\w+) += "\S+/observability/(runbooks/[\w-]+\.md)"$', text, re.MULTILINE))
    assert links == {alarm: f"runbooks/{kebab(alert)}.md" for alarm, alert in wanted.items()}
    assert [page for page in links.values() if not (place / page).is_file()] == []
    assert links.keys() <= {name for names in ALARM.findall(text) for name in names}
    alarms = len(re.findall(r'^resource "(?!.*(?:sns|action_group|channel|uptime|filter|logging))', text, re.MULTILINE))
    assert (
        len(re.findall(r"^ +(?:alarm_description|description|content) += .*local\.runbooks", text, re.MULTILINE))
        == alarms
    )
    table = dict(re.findall(r"^\| (Mcp\w+) \| (.+) \|$", (place / "alarms.md").read_text(), re.MULTILINE))
    assert table.keys() == set(re.findall(r"- alert: (\w+)", (place / "rules.yaml").read_text()))
    told = {(alarm, alert) for alert, alarms in table.items() for alarm in re.findall(r"`(\w+)`", alarms)}
    assert told == set(wanted.items())


def kebab(alert: str) -> str:
    """The name of an alert's runbook."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", alert).lower()


@pytest.mark.parametrize("name", sorted(RENDERS.keys() - CLOUDS))
def test_without_telemetry_an_alarm_links_to_nothing(root: Path) -> None:
    [file] = root.rglob("alarms.tf")
    assert "runbooks" not in file.read_text()


MOCKED = """
mock_data "aws_iam_policy_document" {
  defaults = { json = "{}" }
}
mock_data "aws_region" {
  defaults = { name = "us-east-1" }
}
mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}
mock_data "aws_availability_zones" {
  defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
}
mock_data "aws_secretsmanager_secret_version" {
  defaults = { secret_string = "0123456789abcdef0123456789abcdef" }
}
"""
PLAN = """
mock_provider "aws" {
  alias  = "REGION"
  source = "./mocks"
}
variables {
  OWN
  alarm_email = "oncall@example.com"
}
run "planned" {
  command = plan
  variables {
    image_digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
}
run "refused" {
  command         = plan
  expect_failures = [var.image_digest]
  variables {
    image_digest = "latest"
  }
}
"""


@pytest.fixture
def aws(rendered: Rendered, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Terraform for AWS with the locked provider, and without its backend."""
    root = rendered(getattr(request, "param", "aws-ecs, small")) / "deploy/terraform/aws-ecs"
    place = Path(shutil.copytree(root, tmp_path / "plan"))
    (place / "backend.tf").unlink()
    mirror = find_provider("hashicorp/aws/5.100.0")
    started = run_terraform("init", "-lockfile=readonly", f"-plugin-dir={mirror}", "-no-color", folder=place)
    assert started.returncode == 0, started.stdout + started.stderr
    return place


@pytest.mark.parametrize(
    "aws, region",
    [("aws-ecs, small", "us-east-1"), *((name, row[0]) for name, row in PARTITIONS.items())],
    indirect=["aws"],
)
def test_aws_is_planned_with_the_locked_provider(aws: Path, region: str) -> None:
    (aws / "mocks").mkdir()
    (aws / "mocks/aws.tfmock.hcl").write_text(MOCKED.replace("us-east-1", region))
    certificate = f"arn:aws-us-gov:acm:{region}:123456789012:certificate/1"
    own = f'certificates = {{ {region} = "{certificate}" }}' if "gov" in region else 'hosted_zone = "example.com"'
    (aws / "plan.tftest.hcl").write_text(PLAN.replace("REGION", region).replace("OWN", own))
    seen = run_terraform("test", "-no-color", folder=aws)
    assert "2 passed, 0 failed" in seen.stdout, seen.stdout + seen.stderr


def test_on_aws_a_missing_secret_ends_the_plan_by_name_before_anything_is_created(aws: Path) -> None:
    given = {"image_digest": f"sha256:{'1' * 64}", "hosted_zone": "example.com", "alarm_email": "oncall@example.com"}
    variables = [f"-var={name}={value}" for name, value in given.items()]
    with empty_account() as account:
        seen = run_terraform(
            "apply",
            "-auto-approve",
            "-input=false",
            "-no-color",
            *variables,
            folder=aws,
            environment=account.environment,
        )
    assert seen.returncode == 1
    for name in ("request-state-keys", "audit-hash-key"):
        assert f"Error: reading Secrets Manager Secret (bob-server/{name})" in seen.stderr
    assert {re.match(r"Get|List|Describe", operation) is not None for operation in account.asked} == {True}


# ------------------------------------------------------------------------------------------------------------ scanners

SUPPRESSION_FILES = [suppressions.file for suppressions in SUPPRESSIONS.values()]
scanned = pytest.mark.parametrize("scanner", SUPPRESSIONS)
found = pytest.mark.xdist_group("findings in terraform")


@pytest.fixture(scope="session")
def findings(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What a scanner finds in each render and in each cloud with a fault, where nothing is suppressed: one run."""
    place = tmp_path_factory.mktemp("unsuppressed")
    for name in RENDERS:
        shutil.copytree(rendered(name), place / name, ignore=shutil.ignore_patterns(*SUPPRESSION_FILES))
    for name in CLOUDS:
        _spoil(Path(shutil.copytree(place / name, place / f"{name}, faulty")), name.partition(",")[0])

    @cache
    def find(scanner: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {path.name: set() for path in place.iterdir()}
        for path, identifier in SUPPRESSIONS[scanner].found(place):
            found[path.strip("/").split("/")[0]].add(identifier)
        return found

    return find


def _spoil(folder: Path, cloud: str) -> None:
    fault = SAID[cloud]["fault"]
    file = folder / "deploy/terraform" / cloud / fault["file"]
    text = file.read_text(encoding="utf-8")
    assert fault["right"] in text
    file.write_text(text.replace(fault["right"], fault["wrong"]), encoding="utf-8")


@everywhere
@scanned
@found
def test_what_is_suppressed_is_exactly_what_would_be_found(
    name: str, scanner: str, rendered: Rendered, findings: Findings
) -> None:
    assert findings(scanner)[name] == SUPPRESSIONS[scanner].identifiers(rendered(name))


@everywhere
@scanned
def test_every_suppression_has_its_reason(name: str, scanner: str, rendered: Rendered) -> None:
    assert SUPPRESSIONS[scanner].unexplained(rendered(name)) == []


@pytest.mark.parametrize("name", CLOUDS)
@scanned
@found
def test_a_scanner_sees_a_fault(name: str, scanner: str, findings: Findings) -> None:
    assert findings(scanner)[f"{name}, faulty"] > findings(scanner)[name]


COMMANDS = {
    "trivy config --skip-check-update -q --exit-code 3 .": CLOUDS,
    "checkov -d . --quiet --compact --skip-download --framework terraform secrets": CLOUDS[:1],
    "gitleaks dir .": CLOUDS,
    "hadolint Dockerfile": CLOUDS,
}


@pytest.mark.parametrize("command, name", [(command, name) for command, names in COMMANDS.items() for name in names])
def test_a_scanner_has_nothing_to_say(command: str, name: str, rendered: Rendered) -> None:
    seen = scan(command, rendered(name))
    assert seen.returncode == 0, seen.stdout + seen.stderr
