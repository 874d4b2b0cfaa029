"""The password in Redis's URL, where it has signs that a URL gives a meaning."""

from urllib.parse import quote

import pytest
from notes_server.runtime.settings.redis import RedisSettings
from notes_server.runtime.startup import ConfigurationError
from runtime.test_settings import _without_the_store_of_other_tests, load


@pytest.mark.parametrize("url", ["redis://:%s@127.0.0.1/0", "redis://%s:x@127.0.0.1:6379/0", "redis://user:1%s@[::1]"])
@pytest.mark.parametrize("password", ["a@Hidden/b:c", "Hidden?b", "Hidden#b", "1/Hidden", "[Hidden", "%Hidden"])
def test_no_piece_of_a_password_that_is_not_escaped_is_told(
    url: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_ENVIRONMENT", "development")
    with pytest.raises(ConfigurationError, match="URL-escaped") as refused:
        load(monkeypatch, MCP_REDIS_URL=url % password)
    assert "hidden" not in str(refused.value).lower()
    load(monkeypatch, MCP_REDIS_URL=url % quote(password, safe=""))
