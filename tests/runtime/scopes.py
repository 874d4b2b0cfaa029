"""Scopes that a provider writes with a prefix, and tokens that expired, which make nobody suspect."""

from typing import Any

import pytest
from issuer import Issuer
from notes_server.runtime.oauth.provider import PROVIDER
from runtime.test_authentication import mint


@pytest.mark.skipif(not PROVIDER.custom_scopes, reason="this provider grants roles")
def test_scopes_are_told_with_the_providers_prefix_and_read_without(start: Any, issuer: Issuer) -> None:
    prefix = "https://api.example.com/"
    server, _ = start(auth_scope_prefix=prefix)
    reader = mint(issuer, server, f"{prefix}mcp:read")
    read = server.call("read_item", token=reader)
    refused = server.call("write_item", {"text": "x"}, reader)
    scopes = server.http.get("/.well-known/oauth-protected-resource").json()["scopes_supported"]
    assert (read.status_code, refused.status_code) == (200, 403)
    assert f'scope="{prefix}mcp:write"' in refused.headers["www-authenticate"]
    assert all(scope.startswith(prefix) for scope in scopes)


def test_a_peer_with_tokens_that_expired_is_not_suspected(start: Any, issuer: Issuer) -> None:
    server, _ = start()
    expired, old = (mint(issuer, server, "mcp:read", changes={claim: 1}) for claim in ("exp", "iat"))
    assert {server.call("read_item", token=token).status_code for token in (expired, old) * 35} == {401}
