"""An endpoint whose path and host the public URL tells."""

from typing import Any

from issuer import Issuer


def test_the_endpoint_is_where_the_public_url_says(start: Any, issuer: Issuer) -> None:
    public_url = "https://tools.example.com/team/mcp"
    server, _ = start(public_url=public_url)
    token = issuer.sign(issuer.claims(public_url, "mcp:read"))
    server.http.base_url = f"{server.url}/team"
    called = server.call("read_item", token=token)
    refused = server.call("read_item")
    metadata = server.http.get(f"{server.url}/.well-known/oauth-protected-resource/team/mcp")
    assert called.status_code == 200
    where = "https://tools.example.com/.well-known/oauth-protected-resource/team/mcp"
    assert f'resource_metadata="{where}"' in refused.headers["www-authenticate"]
    assert metadata.json()["resource"] == public_url
