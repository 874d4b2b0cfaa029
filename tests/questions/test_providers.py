"""The provider table: one shape for every row, issuers told apart, and the rules that keep tokens apart."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from ruamel.yaml import YAML

from tests.support.rows import FRAMEWORKS
from tests.support.template import CHECKOUT

TABLE = CHECKOUT / "data" / "providers.yml"
TYPES: dict[str, type | tuple[type, ...]] = {
    "label": str,
    "title": str,
    "issuer_pattern": str,
    "issuer_example": str,
    "issuer_hint": str,
    "issuers_taken": list,
    "issuers_refused": list,
    "audience_default": str,
    "audience_hint": str,
    "audience_pattern": str,
    "audiences_taken": list,
    "audiences_refused": list,
    "token_types": list,
    "audience_claim": str,
    "required_claims": dict,
    "forbidden_claims": list,
    "scope_claims": list,
    "client_claims": list,
    "subject_claims": list,
    "role_claims": list,
    "person_claims": list,
    "second_factor": (dict, type(None)),
    "scope_prefix": str,
    "custom_scopes": bool,
    "keycloak_stands_in": bool,
    "token_life": (dict, type(None)),
    "iat_backdated_seconds": int,
    "announces_pkce": bool,
    "registration": list,
    "jwt_setting": str,
    "examples": dict,
    "setup": list,
    "sources": list,
    "unverified": list,
}
TENANT = "01234567-89ab-4cde-8f01-23456789abcd"
Row = dict[str, Any]
QUESTION: Row = YAML(typ="safe").load(TABLE)["providers"]
ROWS: dict[str, Row] = QUESTION["default"]
NAMES = list(ROWS)
AUTHENTICATED = [name for name in NAMES if name != "none"]
EXAMPLES = [
    (name, pattern, value, verdict)
    for name, row in ROWS.items()
    for pattern, kind in (("issuer_pattern", "issuers"), ("audience_pattern", "audiences"))
    for verdict in ("taken", "refused")
    for value in row[f"{kind}_{verdict}"]
]


def accepts(name: str, issuer: str) -> bool:
    """Whether a row takes an issuer, searched rather than matched whole: the anchors have to do it."""
    return re.search(ROWS[name]["issuer_pattern"], issuer) is not None


def test_the_table_is_a_hidden_question_with_every_provider() -> None:
    assert (QUESTION["type"], QUESTION["when"]) == ("yaml", False)
    assert "none" in ROWS


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_the_same_keys_in_the_same_order_and_of_the_right_type(name: str) -> None:
    assert list(ROWS[name]) == list(TYPES)
    wrong = {key for key, kind in TYPES.items() if not isinstance(ROWS[name][key], kind)}
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_lists_hold_texts_and_role_claims_hold_paths(name: str) -> None:
    row = ROWS[name]
    for key in (key for key, kind in TYPES.items() if kind is list and key != "role_claims"):
        assert all(isinstance(item, str) for item in row[key]), key
        assert len(set(row[key])) == len(row[key]), key
    for path in row["role_claims"]:
        parts = path if isinstance(path, list) else path.split(".")
        assert parts
        assert all(isinstance(part, str) and part for part in parts)
    assert all(isinstance(claim, str) and isinstance(value, str) for claim, value in row["required_claims"].items())


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_an_issuer_of_the_row(name: str) -> None:
    assert accepts(name, ROWS[name]["issuer_example"])


@pytest.mark.parametrize("name, pattern, value, verdict", EXAMPLES)
def test_an_example_is_taken_or_refused_as_its_row_says(name: str, pattern: str, value: str, verdict: str) -> None:
    assert bool(re.search(ROWS[name][pattern], value)) is (verdict == "taken")


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_a_row_brings_examples(name: str) -> None:
    assert all(ROWS[name][key] for key in ("issuers_taken", "issuers_refused", "audiences_taken"))


@pytest.mark.parametrize("name", AUTHENTICATED)
@pytest.mark.parametrize(
    "found,put",
    [
        pytest.param(r"^https:", "http:", id="http"),
        pytest.param(r"^https:", " https:", id="leading space"),
        pytest.param(r"^https://", "https://user@", id="user"),
        pytest.param(r"^https://", "https://user:secret@", id="password"),
        pytest.param(r"\Z", "?a=b", id="query"),
        pytest.param(r"\Z", "#a", id="fragment"),
        pytest.param(r"\Z", "\n", id="final newline"),
        pytest.param(r"\Z", "/$(id)", id="shell"),
        pytest.param(r"\Z", '"', id="quote"),
    ],
)
def test_no_row_takes_what_is_not_a_plain_https_url(name: str, found: str, put: str) -> None:
    issuer = re.sub(found, put, ROWS[name]["issuer_example"], count=1)
    assert issuer != ROWS[name]["issuer_example"]
    assert not accepts(name, issuer)


@pytest.mark.parametrize("name", NAMES)
def test_texts_have_known_placeholders_and_no_jinja(name: str) -> None:
    row = ROWS[name]
    for key in ("audience_default", "scope_prefix"):
        assert "{{" not in row[key]
        row[key].format(public_url="https://mcp.example.com/mcp", audience="id")
    assert "{audience}" not in row["audience_default"], "the audience is not known before it is asked"
    assert not row["scope_prefix"] or row["scope_prefix"].endswith("/")


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_a_row_says_how_an_access_token_is_recognised(name: str) -> None:
    row = ROWS[name]
    assert row["token_types"]
    assert set(row["token_types"]) <= {"at+jwt", "application/at+jwt", "JWT", ""}
    assert {"at+jwt", "application/at+jwt"} <= set(row["token_types"]), "only an access token carries RFC 9068's type"
    assert row["audience_claim"] in {"aud", "client_id"}
    assert {"at_hash", "c_hash"} <= set(row["forbidden_claims"])
    for key in ("scope_claims", "client_claims", "subject_claims"):
        assert row[key], key


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_what_a_row_requires_it_does_not_forbid(name: str) -> None:
    row = ROWS[name]
    read = {*row["required_claims"], *row["scope_claims"], *row["client_claims"], *row["subject_claims"]}
    read |= {row["audience_claim"], (row["second_factor"] or {}).get("claim")}
    assert not read & set(row["forbidden_claims"])


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_a_second_factor_names_a_claim_and_its_values(name: str) -> None:
    factor = ROWS[name]["second_factor"]
    if factor is not None:
        assert set(factor) == {"claim", "values"}
        assert factor["claim"]
        assert factor["values"]
        assert all(isinstance(value, str) for value in factor["values"])


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_a_row_can_be_followed_and_checked(name: str) -> None:
    row = ROWS[name]
    assert 3 <= len(row["setup"]) <= 6
    assert any("mcp:admin" in step and re.search("factor|multi-factor", step) for step in row["setup"])
    assert row["sources"]
    assert all(re.fullmatch(r"https://[^\s]+", source) for source in row["sources"])
    assert row["jwt_setting"]
    assert row["registration"]
    assert set(row["registration"]) <= {"cimd", "dcr", "pre-registered"}
    for sentence in (row["issuer_hint"], row["audience_hint"], row["jwt_setting"], *row["setup"], *row["unverified"]):
        assert sentence[0].isupper() or sentence.startswith("`"), sentence
        assert sentence.endswith("."), sentence


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_tokens_of_a_row_fit_every_framework_or_can_be_set_to(name: str) -> None:
    life = ROWS[name]["token_life"]
    if life is not None:
        assert set(life) == {"default", "shortest", "setting"}
        assert life["setting"]
        strictest = min(framework["token_max_age_seconds"] for framework in FRAMEWORKS.values())
        assert (life["shortest"] or 0) <= strictest


def test_entra_says_what_its_tokens_need_to_be_taken_under_strict_frameworks() -> None:
    entra = ROWS["entra"]
    assert entra["person_claims"] == ["tid", "oid"]
    assert (entra["iat_backdated_seconds"], entra["announces_pkce"]) == (300, False)
    assert (entra["token_life"]["default"], entra["token_life"]["shortest"]) == (5400, 600)


@pytest.mark.parametrize("name", [name for name in AUTHENTICATED if ROWS[name]["audience_claim"] == "client_id"])
def test_a_client_that_registers_itself_is_in_no_list_of_clients(name: str) -> None:
    assert ROWS[name]["registration"] == ["pre-registered"]


@pytest.mark.parametrize("name", ["keycloak", "none"])
def test_the_table_and_a_row_arrive_in_a_template_as_they_are_written(name: str, tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    shutil.copy(TABLE, template)
    (template / "copier.yml").write_text(
        "_envops: {undefined: jinja2.StrictUndefined}\n"
        "_exclude: [copier.yml, providers.yml]\n"
        "auth_provider: {type: str, default: none}\n"
        "---\n!include providers.yml\n---\n"
        'provider: {type: yaml, when: false, default: "{{ providers[auth_provider] | tojson }}"}\n'
    )
    (template / "row.json.jinja").write_text("[{{ providers | tojson }}, {{ provider | tojson }}]")
    run_copy(str(template), tmp_path / "out", data={"auth_provider": name}, defaults=True, quiet=True)
    assert json.loads((tmp_path / "out" / "row.json").read_text()) == [ROWS, ROWS[name]]


@pytest.mark.parametrize("name", AUTHENTICATED)
def test_somebody_can_be_granted_something(name: str) -> None:
    assert ROWS[name]["custom_scopes"] or ROWS[name]["role_claims"]
