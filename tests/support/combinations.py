"""The combinations of answers that are rendered: every pair once, and every value once in a whole life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from allpairspy import AllPairs

from tests.support.rows import PROVIDERS, TARGETS

Answers = dict[str, Any]

ISSUERS = {name: row["issuer_example"] for name, row in PROVIDERS.items() if name != "none"}
AUDIENCES = {name: PROVIDERS[name]["audiences_taken"][0] for name in ISSUERS if not PROVIDERS[name]["audience_default"]}
"""The audiences of providers of which only their console knows it."""

VALUES: dict[str, list[Any]] = {
    "auth_provider": ["none", *ISSUERS],
    "deployment": [*TARGETS],
    "transport": ["http", "stdio", "both"],
    "compliance": [[], ["soc2"], ["hipaa"], ["sox", "gdpr"], ["pci-dss"], ["iso-27001", "fedramp-moderate"]],
    "telemetry": ["none", "otlp", "prometheus", "both"],
    "license": ["apache-2.0", "mit", "bsd-3-clause", "proprietary"],
    "service_mesh": ["none", "istio", "linkerd"],
    "gateway_controller": ["none", "envoy-gateway", "istio"],
    "ci": ["github", "gitlab", "none"],
    "replica_state": ["memory", "redis"],
    "regions": ["eu-west-1", "eu-west-1,us-east-1"],
}
HURTING: list[Answers] = [
    {
        "project_name": 'It\'s "quoted" text',
        "description": 'It\'s "quoted" text',
        "owner": 'O\'Brien & Söhne, "[Inc]"',
    },
    {
        "project_name": '"' * 60,
        "description": "\\" * 100,
        "owner": "'" * 60,
        "package_name": "z" * 40,
        "project_slug": "z" * 24,
    },
    {
        "project_name": "名" * 60,
        "description": "- W" + "👍" * 52,
        "owner": "* Ó Briain */ </script> {{ 7*7 }} {% raw %} {# #}",
        "package_name": "a",
    },
    {
        "project_name": '"""',
        "description": "null",
        "owner": "on",
        "package_name": "tests_and_more",
        "project_slug": "a-b",
    },
    {
        "project_name": "$(id) `id` ${HOME} %s {x}",
        "description": "# a: b ! & * ? | > @ ` % , [x](y) <b> ''' \"\"\" \\n",
        "owner": "@1.0",
        "package_name": "zoo_1",
    },
    {
        "project_name": "1. " + "x" * 57,
        "description": "\\" * 6 + "x" * 94,
        "owner": "!!python/object &a *b ~",
    },
]
"""Names and texts that hurt: quotes of both kinds, what other languages read as code, the longest and the shortest."""

CLUSTERS = [name for name, row in TARGETS.items() if row["regions"]]
REFUSED: list[tuple[tuple[str, ...], Callable[..., bool]]] = [
    (("transport", "auth_provider"), lambda transport, provider: transport == "stdio" and provider != "none"),
    (("transport", "deployment"), lambda transport, deployment: transport == "stdio" and deployment != "none"),
    (("transport", "replica_state"), lambda transport, state: transport == "stdio" and state != "memory"),
    (("transport", "telemetry"), lambda transport, kind: transport == "stdio" and kind in ("prometheus", "both")),
    (("auth_provider", "deployment"), lambda provider, deployment: provider == "none" and deployment in CLUSTERS),
    (
        ("auth_provider", "transport", "compliance"),
        lambda provider, transport, compliance: provider == "none" and transport != "stdio" and bool(compliance),
    ),
    (("deployment", "service_mesh"), lambda deployment, mesh: deployment != "kubernetes" and mesh != "none"),
    (
        ("deployment", "gateway_controller"),
        lambda deployment, gateway: deployment != "kubernetes" and gateway != "none",
    ),
    (
        ("service_mesh", "gateway_controller"),
        lambda mesh, gateway: (mesh, gateway) in {("istio", "envoy-gateway"), ("linkerd", "istio")},
    ),
    (("deployment", "regions"), lambda deployment, regions: deployment not in CLUSTERS and "," in regions),
    (("regions", "replica_state"), lambda regions, state: "," in regions and state == "memory"),
]
"""What the questions refuse; `test_questions` shows that they do."""


def pairs() -> list[Answers]:
    """Answer sets in which every pair of values that may stand together does (a covering array of strength 2)."""
    names = list(VALUES)
    rows = AllPairs([VALUES[name] for name in names], filter_func=lambda row: _is_allowed(names, row))
    return [complete(dict(zip(names, row, strict=True))) for row in rows]


def lives() -> list[Answers]:
    """A few answer sets that hold every value and every text that hurts at least once, one for each provider."""
    deployments = VALUES["deployment"]
    rows: list[Answers] = [
        {"transport": "stdio", "compliance": ["hipaa"], "telemetry": "otlp", "ci": "none", "license": "mit"},
        {"transport": "http", "auth_provider": "none", "deployment": "compose", "telemetry": "none", "ci": "gitlab"},
    ]
    for number, provider in enumerate(ISSUERS):
        deployment = deployments[number % len(deployments)]
        in_cluster = deployment == "kubernetes"
        rows.append(
            {
                "transport": ("http", "both")[number % 2],
                "auth_provider": provider,
                "deployment": deployment,
                "telemetry": VALUES["telemetry"][number % 4],
                "compliance": VALUES["compliance"][number % 6],
                "license": VALUES["license"][number % 4],
                "ci": VALUES["ci"][number % 3],
                "replica_state": "redis" if deployment in CLUSTERS else "memory",
                "service_mesh": ("istio", "linkerd")[number // 6] if in_cluster else "none",
                "gateway_controller": ("istio", "envoy-gateway")[number // 6] if in_cluster else "none",
                "regions": "eu-west-1,us-east-1" if number % 2 else "eu-west-1",
            }
        )
    return [hurt(complete(row), number) for number, row in enumerate(rows)]


def hurt(answers: Answers, number: int) -> Answers:
    """These answers with some of the names and texts that hurt."""
    return answers | HURTING[number % len(HURTING)]


def complete(row: Answers) -> Answers:
    """The answers to give: without those that are not asked, and with what a provider needs."""
    answers = dict(row)
    if provider_issuer := ISSUERS.get(answers.get("auth_provider", "none")):
        answers["auth_issuer"] = provider_issuer
        if audience := AUDIENCES.get(answers["auth_provider"]):
            answers["auth_audience"] = audience
    if "regions" in answers:
        answers["regions"] = regions_of(answers)
    unasked = []
    if answers["transport"] == "stdio":
        unasked += ["auth_provider", "deployment", "replica_state"]
    if answers.get("deployment", "none") not in CLUSTERS:
        unasked += ["regions"]
    if answers.get("deployment", "none") != "kubernetes":
        unasked += ["service_mesh", "gateway_controller"]
    return {name: value for name, value in answers.items() if name not in unasked}


def regions_of(answers: Answers) -> str:
    """As many regions as are answered, by names that the deployment and the frameworks take."""
    known = TARGETS[answers.get("deployment", "none")]["regions"] or {"example": VALUES["regions"][-1]}
    if "fedramp-moderate" in answers.get("compliance", []):
        known = known | (known.get("fedramp") or {})
    return ",".join(known["example"].split(",")[: answers["regions"].count(",") + 1])


def label(answers: Answers) -> str:
    """A short name for a combination, for test ids."""
    told = ("transport", "auth_provider", "deployment", "replica_state", "telemetry", "ci")
    return "-".join(str(answers[name]) for name in told if name in answers)


def _is_allowed(names: Sequence[str], row: Sequence[Any]) -> bool:
    chosen = dict(zip(names, row, strict=False))
    return not any(
        all(key in chosen for key in keys) and refuses(*(chosen[key] for key in keys)) for keys, refuses in REFUSED
    )
