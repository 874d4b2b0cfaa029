"""Which questions are asked, which answers are refused and with which words, and what follows from the others."""

from __future__ import annotations

import pytest
import yaml
from copier._template import load_template_config

from scaffold.template.declarations import read_declarations
from scaffold.template.questions import Questionnaire
from tests.support.combinations import HURTING, label, pairs
from tests.support.questionnaire import RULES, TEMPLATES, QuestionsOnly
from tests.support.rows import FRAMEWORKS, PROVIDERS, TARGETS
from tests.support.template import CHECKOUT

ALWAYS = {
    "project_name",
    "project_slug",
    "package_name",
    "description",
    "owner",
    "security_contact",
    "license",
    "repository_url",
    "transport",
    "compliance",
    "telemetry",
    "ci",
}
OVER_HTTP = {"public_url", "auth_provider", "deployment", "replica_state"}
WITH_PROVIDER = {"auth_issuer", "auth_audience"}
WITH_IMAGE = {"image_repository"}
IN_REGIONS = {"regions"}
IN_A_CLUSTER = {"service_mesh", "gateway_controller"}
IN_CLUSTER = {"transport": "http", "deployment": "kubernetes"}

ENTRA_API = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> QuestionsOnly:
    return QuestionsOnly(tmp_path_factory.mktemp("questions"))


def refusal(questions: QuestionsOnly, **answers: object) -> str:
    with pytest.raises(ValueError, match=r"question|choice") as caught:
        questions.answer(**answers)
    return str(caught.value).partition(": ")[2]


def test_an_audience_that_only_the_provider_knows_must_be_given(questions):
    with pytest.raises(ValueError, match='Question "auth_audience" is required'):
        questions.answer(transport="http", auth_provider="entra")


@pytest.mark.parametrize(
    "answers,asked",
    [
        ({}, ALWAYS),
        ({"transport": "http", "auth_provider": "none", "deployment": "none"}, ALWAYS | OVER_HTTP),
        ({"transport": "both", "deployment": "none"}, ALWAYS | OVER_HTTP | WITH_PROVIDER),
        ({"transport": "http"}, ALWAYS | OVER_HTTP | WITH_PROVIDER | WITH_IMAGE),
        (
            {"transport": "http", "deployment": "aws-ecs"},
            ALWAYS | OVER_HTTP | WITH_PROVIDER | WITH_IMAGE | IN_REGIONS,
        ),
        (
            {"transport": "http", "deployment": "kubernetes"},
            ALWAYS | OVER_HTTP | WITH_PROVIDER | WITH_IMAGE | IN_REGIONS | IN_A_CLUSTER,
        ),
    ],
)
def test_only_what_matters_is_asked(questions, answers, asked):
    assert set(questions.answer(**answers).recorded) == asked


@pytest.mark.parametrize(
    "project_name,slug,package",
    [
        ("Notes Server", "notes-server", "notes_server"),
        ('Bob\'s "MCP" \\ Server', "bobs-mcp-server", "bobs_mcp_server"),
        ("MCP", "mcp-server", "mcp_server"),
        ("X", "x-server", "x_server"),
        ("42 Answers", "answers", "answers"),
        ("Calendar", "calendar", "calendar_server"),
        ("👍", "mcp-server", "mcp_server"),
        ("The Very Long Name of a Server That Goes On", "the-very-long-name-of-a", "the_very_long_name_of_a"),
    ],
)
def test_short_names_follow_from_the_name(questions, project_name, slug, package):
    recorded = questions.answer(project_name=project_name).recorded
    assert (recorded["project_slug"], recorded["package_name"]) == (slug, package)


@pytest.mark.parametrize(
    "text",
    [
        'Bob\'s "MCP" \\ Server',
        "{{ 7*7 }} {% raw %} {# gone #}",
        "$(reboot) `reboot` ${HOME} ; rm -rf /",
        "[table] = '''x''' # comment",
        "- a: &b !!python/object *c",
        "<script>alert(1)</script> &amp;",
        "yes",
        "1.0",
        "Ünïcödé 数え 👍",
    ],
)
def test_one_line_of_any_characters_is_kept_as_it_is(questions, text):
    recorded = questions.answer(project_name=text, description=text, owner=text).recorded
    assert (recorded["project_name"], recorded["description"], recorded["owner"]) == (text, text, text)


@pytest.mark.parametrize("key", ["project_name", "description", "owner"])
@pytest.mark.parametrize(
    "text,rule",
    [
        ("", "must not be empty"),
        ("x" * 10_000, "must have at most"),
        ("two\nlines", "must be one line"),
        ("bell\a", "must be one line"),
        ("escape\x1b[2J", "must be one line"),
        ("right\u202eleft", "bidirectional"),
        ("zero\u200bwidth", "invisible"),
        ("tag\U000e0041", "invisible"),
        ("half\udc80", "invisible"),
        (" before", "must not begin or end with a space"),
    ],
)
def test_other_texts_are_refused_with_key_and_rule(questions, key, text, rule):
    sentence = refusal(questions, **{key: text})
    assert sentence.startswith(f"{key} ")
    assert rule in sentence


@pytest.mark.parametrize(
    "answers,sentence",
    [
        ({"project_slug": "ab"}, "project_slug must have 3 to 24"),
        ({"project_slug": "a" * 25}, "project_slug must have at most 24"),
        ({"project_slug": "Notes"}, "project_slug must have 3 to 24"),
        ({"project_slug": "notes--server"}, "project_slug must have 3 to 24"),
        ({"project_slug": "1notes"}, "project_slug must have 3 to 24"),
        ({"project_slug": "mcp"}, "project_slug must not be mcp"),
        ({"project_slug": "uvicorn"}, "project_slug must not be uvicorn"),
        ({"project_slug": "dotenv"}, "project_slug must not be dotenv"),
        ({"project_slug": "python"}, "project_slug must not be python"),
        ({"project_slug": "test"}, "project_slug must not be test"),
        (
            {"project_slug": "server"},
            (
                "project_slug must not be server, which a dependency or a program already uses: choose another, "
                "such as my-server."
            ),
        ),
        ({"package_name": "class"}, "package_name must not be class, a keyword"),
        ({"package_name": "match"}, "package_name must not be match, a keyword"),
        ({"package_name": "asyncio"}, "package_name must not be asyncio, a module of the standard"),
        ({"package_name": "test"}, "package_name must not be test, a module of the standard"),
        ({"package_name": "mcp"}, "package_name must not be mcp, which would hide"),
        ({"package_name": "jwt"}, "package_name must not be jwt, which would hide"),
        ({"package_name": "notes-server"}, "package_name must have lower-case"),
        ({"package_name": "Notes"}, "package_name must have lower-case"),
        ({"security_contact": "somebody"}, "security_contact must be an e-mail address"),
        ({"security_contact": "http://example.com"}, "security_contact must be an e-mail address"),
        ({"repository_url": "http://example.com/x"}, "repository_url must be an https URL"),
        ({"repository_url": "https://me:secret@example.com/x"}, "repository_url must be an https URL"),
        ({"transport": "http", "public_url": "https://example.com"}, "public_url must end with the path"),
        ({"transport": "http", "public_url": "https://example.com/mcp/"}, "public_url must end with the path"),
        ({"transport": "http", "public_url": "https://example.com/mcp?a=b"}, "public_url must be an https URL"),
        ({"transport": "http", "public_url": "https://example.com/mcp#a"}, "public_url must be an https URL"),
        ({"transport": "http", "public_url": 'https://example.com/"mcp'}, "public_url must be an https URL"),
        ({"transport": "http", "auth_issuer": "https://id.example.com/?x"}, "auth_issuer must be an https URL"),
        (
            {"transport": "http", "auth_provider": "okta", "auth_issuer": "https://example.okta.com"},
            "auth_issuer does not have the shape",
        ),
        (
            {"transport": "http", "auth_provider": "entra", "auth_audience": "api://notes"},
            "auth_audience does not have the shape that Microsoft Entra ID uses",
        ),
        ({"repository_url": "https://github.com/acme"}, "repository_url does not have the shape that GitHub uses"),
        ({"repository_url": "https://dev.azure.com/a/_git/b", "ci": "github"}, "ci github does not run at dev.azure"),
        (
            {"transport": "http", "deployment": "aws-ecs", "regions": "us-east-1,cn-north-1"},
            "regions must be of one cloud, and these are of AWS and AWS in China",
        ),
        ({"transport": "http", "image_repository": "ghcr.io/n"}, "image_repository does not have the shape that Git"),
        ({"transport": "http", "auth_audience": 'a"b'}, "auth_audience must be an identifier"),
        ({"transport": "http", "image_repository": "owner/notes"}, "image_repository must be a registry"),
        ({"transport": "http", "image_repository": "ghcr.io/o/notes:1"}, "image_repository must be a registry"),
        ({"transport": "http", "image_repository": "ghcr.io/O/notes"}, "image_repository must be a registry"),
        ({"transport": "http", "deployment": "aws-ecs", "regions": "EU West"}, "regions must be names"),
        (
            {"transport": "http", "deployment": "aws-ecs", "regions": "eu-west-1,eu-west-1"},
            "regions must name each region once",
        ),
        ({"transport": "http", "deployment": "aws-ecs", "regions": "eu-west-1,"}, "regions must be names"),
        ({"transport": "http", "deployment": "kubernetes", "regions": "eu_west"}, "regions must be names"),
        *(
            (
                {"transport": "http", "deployment": deployment, "regions": regions},
                f"regions must be names as {deployment} has them",
            )
            for deployment, regions in [
                ("aws-ecs", "europe-west1"),
                ("gcp-cloud-run", "eu-west-1"),
                ("azure-container-apps", "us-east-1"),
            ]
        ),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(questions, answers, sentence):
    assert refusal(questions, **answers).startswith(sentence)


@pytest.mark.parametrize(
    "answers,sentence",
    [
        ({"public_url": "https://example.com/mcp"}, "public_url applies only when transport is http or both"),
        ({"auth_provider": "keycloak"}, "auth_provider applies only when transport is http or both"),
        ({"auth_issuer": "https://id.example.com"}, "auth_issuer applies only when auth_provider is not none"),
        ({"auth_audience": "notes"}, "auth_audience applies only when auth_provider is not none"),
        ({"deployment": "compose"}, "deployment applies only when transport is http or both"),
        ({"deployment": "kubernetes"}, "deployment applies only when transport is http or both"),
        ({"image_repository": "ghcr.io/o/notes"}, "image_repository applies only when deployment is not none"),
        ({"regions": "eu"}, "regions applies only when deployment is kubernetes or a cloud"),
        ({"replica_state": "redis"}, "replica_state applies only when transport is http or both"),
        ({"telemetry": "prometheus"}, "telemetry by prometheus needs a port to scrape"),
        ({"telemetry": "both"}, "telemetry by prometheus needs a port to scrape"),
        ({"transport": "http", "service_mesh": "istio"}, "service_mesh applies only when deployment is kubernetes"),
        (
            {"transport": "http", "gateway_controller": "istio"},
            "gateway_controller applies only when deployment is kubernetes",
        ),
        (
            IN_CLUSTER | {"service_mesh": "istio", "gateway_controller": "envoy-gateway"},
            "gateway_controller envoy-gateway is not part of the service_mesh istio",
        ),
        (
            IN_CLUSTER | {"service_mesh": "linkerd", "gateway_controller": "istio"},
            "gateway_controller istio is not part of the service_mesh linkerd",
        ),
        *(
            (
                IN_CLUSTER | {"gateway_controller": "istio", "public_url": f"https://{host}/mcp"},
                "gateway_controller needs a public_url with a host name in lower case and no port",
            )
            for host in ("mcp.example.com:8443", "MCP.example.com", "192.0.2.1")
        ),
        (
            {"transport": "http", "deployment": "gcp-cloud-run", "public_url": "https://mcp.example.com:8443/mcp"},
            "deployment in a cloud needs a public_url with a host name in lower case and no port",
        ),
        (
            {"transport": "http", "auth_provider": "none", "deployment": "kubernetes"},
            "deployment to a cluster or a cloud needs authentication",
        ),
        (
            {"transport": "http", "auth_provider": "none", "compliance": ["soc2"]},
            "compliance over http needs authentication",
        ),
        (
            {"transport": "http", "deployment": "aws-ecs", "regions": "eu-west-1,us-east-1", "replica_state": "memory"},
            "replica_state memory keeps one replica",
        ),
        *(
            (
                {"transport": "http", "deployment": cloud, "regions": regions, "compliance": ["fedramp-moderate"]},
                f"compliance fedramp-moderate needs regions that it authorizes, which for {cloud} are those in the USA",
            )
            for cloud, regions in (("aws-ecs", "us-east-1,eu-west-1"), ("azure-container-apps", "westeurope"))
        ),
    ],
)
def test_answers_that_disagree_are_refused_on_the_later_question(questions, answers, sentence):
    assert refusal(questions, **answers).startswith(sentence)


@pytest.mark.parametrize(
    "deployment,regions",
    [
        ("aws-ecs", "us-gov-west-1"),
        ("azure-container-apps", "eastus,westus3"),
        ("gcp-cloud-run", "europe-west1"),
        ("kubernetes", "eu-1"),
        ("compose", ""),
    ],
)
def test_fedramp_takes_regions_that_it_authorizes_or_leaves_to_the_owner(questions, deployment, regions):
    questions.answer(transport="http", deployment=deployment, regions=regions, compliance=["fedramp-moderate"])


def test_what_says_nothing_is_accepted_although_it_is_not_asked(questions):
    recorded = questions.answer(transport="stdio", auth_provider="none", deployment="none", regions="").recorded
    assert set(recorded) == ALWAYS


def test_a_local_process_derives_nothing_of_the_network(questions):
    derived = questions.answer().derived
    assert (derived["serves_http"], derived["serves_stdio"], derived["authenticated"]) == (False, True, False)
    assert (derived["region_list"], derived["replicas"], derived["second_factor_scopes"]) == ([], 1, [])
    assert derived["provider"]["title"]


def test_a_cluster_derives_replicas_and_metrics(questions):
    derived = questions.answer(transport="http", deployment="kubernetes", regions="eu-1, us-1").derived
    assert (derived["on_kubernetes"], derived["on_cloud"], derived["uses_redis"]) == (True, False, True)
    assert (derived["replicas"], derived["region_list"]) == (2, ["eu-1", "us-1"])
    assert (derived["exports_otlp"], derived["exposes_metrics"]) == (True, True)
    assert derived["second_factor_scopes"] == ["mcp:admin"]


def test_the_provider_row_shapes_scopes_and_audience(questions):
    answered = questions.answer(transport="http", auth_provider="entra", auth_audience=ENTRA_API)
    assert answered.derived["auth_scope_prefix"] == f"api://{ENTRA_API}/"
    answered = questions.answer(transport="http", auth_provider="okta")
    assert answered.recorded["auth_audience"] == "api://default"


@pytest.mark.parametrize(
    "compliance,strictest",
    [
        ([], (86400, 90, False, "hashed")),
        (["soc2"], (43200, 365, True, "hashed")),
        (["gdpr"], (43200, 90, True, "dropped")),
        (["sox", "hipaa"], (3600, 2557, True, "dropped")),
        (["soc2", "pci-dss", "fedramp-moderate"], (900, 913, True, "dropped")),
    ],
)
def test_the_strictest_framework_wins(questions, compliance, strictest):
    derived = questions.answer(compliance=compliance).derived
    keys = ("token_max_age_seconds", "audit_retention_days", "audit_hash_chain", "argument_classification")
    assert tuple(derived[key] for key in keys) == strictest


@pytest.mark.parametrize(
    "deployment, regions, outside",
    [
        ("aws-ecs", "eu-central-1,eu-west-2,eu-south-2,eu-central-2", ["eu-west-2", "eu-central-2"]),
        ("gcp-cloud-run", "europe-west1,europe-west2,europe-west12,europe-west6", ["europe-west2", "europe-west6"]),
        ("azure-container-apps", "norwayeast,uksouth,westeurope", ["uksouth"]),
        ("kubernetes", "main,eu", None),
    ],
)
def test_the_regions_outside_the_european_economic_area_are_known(questions, deployment, regions, outside):
    answered = questions.answer(transport="http", deployment=deployment, regions=regions, compliance=["gdpr"])
    assert answered.derived["regions_outside_eea"] == outside


@pytest.mark.parametrize(
    "repository_url,image",
    [
        ("https://github.com/Acme/Notes", "ghcr.io/acme/notes"),
        ("https://gitlab.com/acme/notes", "registry.gitlab.com/acme/notes"),
        ("https://git.example.com/notes", "registry.example.com/notes-server"),
    ],
)
def test_the_image_lies_beside_the_repository(questions, repository_url, image):
    recorded = questions.answer(transport="http", repository_url=repository_url).recorded
    assert recorded["image_repository"] == image


def defaults_of(key: str, **answers: object) -> str:
    declared = read_declarations(CHECKOUT / "copier.yml")
    known = {name: declared[name]["default"] for name in ("reserved", "forges")}
    return TEMPLATES.from_string(declared[key]["default"]).render(**known, **answers).strip()


@pytest.mark.parametrize(
    "names",
    [
        *read_declarations(CHECKOUT / "copier.yml")["reserved"]["default"].values(),
        "\0".join(answers["project_name"] for answers in HURTING),
        "\0".join(["MCP", "x", "42", "ß", "İstanbul", "a-", "A" * 24 + "-b", "a" * 16 + "-server"]),
    ],
    ids=[*read_declarations(CHECKOUT / "copier.yml")["reserved"]["default"], "hurting", "odd"],
)
def test_a_short_name_that_is_derived_is_one_that_is_taken(names):
    reserved = read_declarations(CHECKOUT / "copier.yml")["reserved"]["default"]
    for name in names.split("\0") if "\0" in names else names.split():
        slug = defaults_of("project_slug", project_name=name)
        package = defaults_of("package_name", project_slug=slug)
        assert not RULES.slug(slug, reserved), name
        assert not RULES.package(package, reserved), name


@pytest.mark.parametrize("answers", pairs()[::4], ids=label)
def test_no_default_is_refused_by_its_own_question(questions, answers):
    texts = HURTING[len(str(answers)) % len(HURTING)]
    questions.answer(**answers, **{key: texts[key] for key in ("project_name", "description", "owner")})


def test_choices_made_of_rows_are_shown_as_copier_offers_them() -> None:
    declared = read_declarations(CHECKOUT / "copier.yml")
    known = {
        "providers": PROVIDERS,
        "targets": TARGETS,
        "frameworks": FRAMEWORKS,
        "transport": "http",
        "auth_provider": "oidc",
    }
    shown = Questionnaire.read(CHECKOUT).questions
    questions = {key: declared[key] for key in shown}
    made = {key: stated["choices"] for key, stated in questions.items() if isinstance(stated.get("choices"), str)}
    assert made.keys() == {"auth_provider", "deployment", "compliance"}
    for key, stated in made.items():
        offered = yaml.safe_load(
            TEMPLATES.from_string(stated).render(**known, public_url="https://mcp.example.com/mcp")
        )
        assert {choice["value"]: label for label, choice in offered.items()} == shown[key].choices


def test_no_declaration_is_an_alias_of_another() -> None:
    events = [event for file in (CHECKOUT / "questions").iterdir() for event in yaml.parse(file.read_text())]
    assert [event.anchor for event in events if isinstance(event, yaml.AliasEvent)] == []


def test_what_is_left_out_is_named_path_by_path() -> None:
    entries = read_declarations(CHECKOUT / "copier.yml")["_exclude"]
    paths = [line.strip() for entry in entries for line in entry.splitlines() if line.strip().startswith("/")]
    assert paths
    assert [path for path in paths if set("*?[") & set(path)] == []


def test_declarations_are_read_as_copier_reads_them() -> None:
    ours = read_declarations(CHECKOUT / "copier.yml")
    copiers = load_template_config(CHECKOUT / "copier.yml")
    assert [key for key in ours if key[0] != "_"] == [key for key in copiers if key[0] != "_"]
    assert ours == copiers
