"""Does the server refuse every token that was not made for it?"""

# ruff: noqa: D103, PLR2004 -- a probe is documented by its title and expectation, which name the numbers

from __future__ import annotations

from scaffold.proof.issuer import jwk
from scaffold.proof.needs import Need
from scaffold.proof.outcomes import Deviation, Skip
from scaffold.proof.probe import Family, check
from scaffold.proof.sources import ACCESS_TOKENS, BEARER, JWT, JWT_PRACTICE, MCP_AUTHORIZATION
from scaffold.proof.subject import Subject

FAMILY = Family("tokens", Need.ENDPOINT, Need.CHALLENGE)

REFUSED = "401 with error=invalid_token"
OTHER_RESOURCE = "https://other.example.com/mcp"
HOUR = 3600
YEAR = 365 * 24 * HOUR


@FAMILY.probe(
    "absent",
    "A request without a token is challenged",
    expect="401 with resource_metadata=, with scope= where clients can ask for scopes, and no error=",
    source=MCP_AUTHORIZATION.section("Scope Selection Strategy", "scope-selection-strategy"),
    control="AUTH-02",
    core=True,
)
def absent(subject: Subject) -> str:
    reply = subject.unauthenticated
    challenge = reply.challenge
    check(reply.status == 401, reply)
    check("resource_metadata" in challenge, "401 without resource_metadata")
    grants_scopes = subject.issuer is None or subject.issuer.shape.custom_scopes
    check("scope" in challenge or not grants_scopes, "401 without scope")
    check("error" not in challenge, f"401 with error={challenge.get('error')} although no token was sent")
    return "401 with " + " and ".join(sorted(challenge))


@FAMILY.probe(
    "garbage",
    "A text that is no token is refused",
    expect=REFUSED,
    source=BEARER.section("section 3.1", "section-3.1"),
    control="AUTH-02",
)
def garbage(subject: Subject) -> str:
    return _refused(subject, "not-a-token")


@FAMILY.probe(
    "expired",
    "An expired token is refused",
    expect=REFUSED,
    source=MCP_AUTHORIZATION.section("Token Handling", "token-handling"),
    control="AUTH-03",
    needs=(Need.ISSUER,),
    core=True,
)
def expired(subject: Subject) -> str:
    now = subject.claims()["iat"]
    return _refused(subject, subject.token({"iat": now - 2 * HOUR, "exp": now - HOUR}))


@FAMILY.probe(
    "endless",
    "A token without an end is refused",
    expect=REFUSED,
    source=ACCESS_TOKENS.section("section 2.2", "section-2.2"),
    control="AUTH-03",
    needs=(Need.ISSUER,),
)
def endless(subject: Subject) -> str:
    return _refused(subject, subject.token({"exp": None}))


@FAMILY.probe(
    "early",
    "A token that is not valid yet is refused",
    expect=REFUSED,
    source=JWT.section("section 4.1.5", "section-4.1.5"),
    control="AUTH-03",
    needs=(Need.ISSUER,),
)
def early(subject: Subject) -> str:
    return _refused(subject, subject.token({"nbf": subject.claims()["iat"] + HOUR}))


@FAMILY.probe(
    "old",
    "A token issued a year ago is refused, though it says that it is still valid",
    expect=REFUSED,
    source=JWT_PRACTICE,
    control="AUTH-03",
    needs=(Need.ISSUER,),
)
def old(subject: Subject) -> str:
    return _refused(subject, subject.token({"iat": subject.claims()["iat"] - YEAR}))


@FAMILY.probe(
    "wrong-audience",
    "A token for another resource is refused",
    expect=REFUSED,
    source=MCP_AUTHORIZATION.section("Token Handling", "token-handling"),
    control="AUTH-04",
    needs=(Need.ISSUER,),
    core=True,
)
def wrong_audience(subject: Subject) -> str:
    return _refused(subject, subject.token({subject.signer.shape.audience_claim: OTHER_RESOURCE}))


@FAMILY.probe(
    "no-audience",
    "A token for no resource in particular is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.9", "section-3.9"),
    control="AUTH-04",
    needs=(Need.ISSUER,),
)
def no_audience(subject: Subject) -> str:
    return _refused(subject, subject.token({subject.signer.shape.audience_claim: None}))


@FAMILY.probe(
    "wrong-issuer",
    "A token of another issuer is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.8", "section-3.8"),
    control="AUTH-05",
    needs=(Need.ISSUER,),
    core=True,
)
def wrong_issuer(subject: Subject) -> str:
    return _refused(subject, subject.token({"iss": "https://issuer.example.com"}))


@FAMILY.probe(
    "unsigned",
    "A token with the algorithm none is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.2", "section-3.2"),
    control="AUTH-06",
    needs=(Need.ISSUER,),
    core=True,
)
def unsigned(subject: Subject) -> str:
    return _refused(subject, subject.signer.unsigned(subject.claims()))


@FAMILY.probe(
    "confused",
    "A token signed by HMAC with the public key is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.1", "section-3.1"),
    control="AUTH-06",
    needs=(Need.ISSUER,),
    core=True,
)
def confused(subject: Subject) -> str:
    return _refused(subject, subject.signer.confused(subject.claims()))


@FAMILY.probe(
    "unknown-key",
    "A token of an unpublished key is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.8", "section-3.8"),
    control="AUTH-06",
    needs=(Need.ISSUER,),
    core=True,
)
def unknown_key(subject: Subject) -> str:
    return _refused(subject, subject.signer.sign_as_stranger(subject.claims(), kid="nobody-1"))


@FAMILY.probe(
    "forged",
    "A token that only claims a published key is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.3", "section-3.3"),
    control="AUTH-06",
    needs=(Need.ISSUER,),
    core=True,
)
def forged(subject: Subject) -> str:
    return _refused(subject, subject.signer.sign_as_stranger(subject.claims()))


@FAMILY.probe(
    "own-key",
    "A token that brings its own key is refused",
    expect=REFUSED,
    source=JWT_PRACTICE.section("section 3.10", "section-3.10"),
    control="AUTH-06",
    needs=(Need.ISSUER,),
)
def own_key(subject: Subject) -> str:
    signer = subject.signer
    key = jwk(signer.stranger.public_key(), "nobody-1")
    return _refused(subject, signer.sign_as_stranger(subject.claims(), kid="nobody-1", jwk=key))


@FAMILY.probe(
    "id-token",
    "An ID token is no access token",
    expect=REFUSED,
    source=ACCESS_TOKENS.section("section 5", "section-5"),
    control="AUTH-07",
    needs=(Need.ISSUER,),
)
def id_token(subject: Subject) -> str:
    shape = subject.signer.shape
    telling = shape.id_token_claims or shape.required_claims or "JWT" not in shape.header_types
    if not telling:
        raise Skip("this provider's ID tokens differ by their audience alone, which another probe looks at")
    claims = subject.claims() | dict.fromkeys((*shape.id_token_claims, *shape.required_claims), "id")
    return _refused(subject, subject.signer.sign(claims, typ="JWT"))


def _refused(subject: Subject, token: str | None) -> str:
    reply = subject.bare_client(token).request("tools/list")
    if reply.status == 429:
        raise Deviation("429: the limit for failed attempts came first")
    check(reply.status == 401, reply)
    check(reply.challenge.get("error") == "invalid_token", f"401 with error={reply.challenge.get('error')}")
    return "401, invalid_token"
