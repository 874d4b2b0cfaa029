# Managed by the template; updates merge into this file.
"""What a client is told when its token is missing or not enough: RFC 6750, RFC 9728 and RFC 9470."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ..about import TITLE
from ..policy import Policy
from ..refused import Refused
from ..settings import Settings
from .provider import PROVIDER

WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Challenges:
    """Refusals that carry `WWW-Authenticate`, and the metadata that they point to."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self._settings = settings
        self._policy = policy
        url = urlsplit(settings.public_url)
        self.metadata_path = WELL_KNOWN + url.path.rstrip("/")
        self._metadata_url = f"{url.scheme}://{url.netloc}{self.metadata_path}"

    def metadata(self) -> dict[str, Any]:
        """The protected resource metadata (RFC 9728 section 2)."""
        document: dict[str, Any] = {
            "resource": self._settings.public_url,
            "resource_name": TITLE,
            "authorization_servers": [self._settings.auth_issuer],
            "bearer_methods_supported": ["header"],
        }
        if PROVIDER.custom_scopes:
            document["scopes_supported"] = self._outward(self._policy.scopes)
        return document

    def missing_token(self) -> Refused:
        """401 without an error code, as none was sent (RFC 6750 section 3.1)."""
        first = next(iter(self._policy.scopes), None)
        return self._refused(401, "no_token", "Authentication is required.", scope=[first] if first else [])

    def invalid_token(self, detail: str) -> Refused:
        """401 `invalid_token`; the client learns only that much, the audit learns the detail."""
        refused = self._refused(401, "invalid_token", "The access token is not valid.", error="invalid_token")
        refused.detail = detail
        return refused

    def insufficient_scope(self, required: Iterable[str]) -> Refused:
        """403 naming every scope that the request needs, so that one more authorization is enough."""
        return self._refused(
            403, "insufficient_scope", "The access token lacks a scope.", error="insufficient_scope", scope=required
        )

    def missing_second_factor(self, required: Iterable[str]) -> Refused:
        """401 asking for a stronger authentication (RFC 9470 section 3)."""
        max_age = self._settings.auth_second_factor_max_age_seconds
        return self._refused(
            401,
            "no_second_factor",
            "A second factor is required.",
            error="insufficient_user_authentication",
            scope=required,
            max_age=str(max_age) if max_age else None,
        )

    def _refused(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        error: str | None = None,
        scope: Iterable[str] = (),
        max_age: str | None = None,
    ) -> Refused:
        scopes = " ".join(self._outward(scope)) if PROVIDER.custom_scopes else ""
        parameters = {
            "error": error,
            "error_description": message if error else None,
            "scope": scopes or None,
            "max_age": max_age,
            "resource_metadata": self._metadata_url,
        }
        challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)
        return Refused(status, reason, message, headers={"www-authenticate": f"Bearer {challenge}"})

    def _outward(self, scopes: Iterable[str]) -> list[str]:
        """Scopes as the authorization server knows them."""
        return [self._settings.auth_scope_prefix + scope for scope in sorted(scopes)]
