"""A Keycloak as docs/authorization.md of a rendered repository asks for it: scopes, audience, second factor."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.servers.started import free_port, started

ARTIFACT = "org.keycloak:keycloak-quarkus-dist:26.7.3:zip"
START_SECONDS = 420
ADMINISTRATOR = "administrator"
REALM = "mcp"
SCOPES = ("mcp:read", "mcp:write", "mcp:admin")
PASSWORD = "correct horse"
OTP_SECRET = "a secret that both sides keep"
OTP_SECONDS = 30


def find_distribution(cache: pytest.Cache) -> Path:
    """An unpacked Keycloak: `KEYCLOAK_HOME`, or what Maven fetches; without Java or both the test is skipped."""
    if shutil.which("java") is None:
        pytest.skip("Keycloak needs Java 17 or newer, which is missing")
    if own := os.environ.get("KEYCLOAK_HOME"):
        return Path(own)
    folder = cache.mkdir("keycloak")
    version = ARTIFACT.split(":")[2]
    home = folder / f"keycloak-{version}"
    if not home.exists():
        maven = shutil.which("mvn")
        if maven is None:
            pytest.skip("KEYCLOAK_HOME is not set, and Maven, which would fetch a Keycloak, is missing")
        fetch = [maven, "-q", "-B", "dependency:unpack", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
        done = subprocess.run(fetch, cwd=folder, capture_output=True, encoding="utf-8", timeout=600, check=False)
        assert done.returncode == 0, done.stdout
    return home


@contextmanager
def running_keycloak(home: Path, log: Path, *options: str) -> Iterator[Keycloak]:
    """A Keycloak on loopback that forgets everything when the block ends."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    serving = ["--db", "dev-mem", "--http-host", "127.0.0.1", "--http-port", str(port)]
    command = ["bash", str(home / "bin/kc.sh"), "start-dev", *serving, *options]
    administrator = {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR, "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD}
    with started(command, f"{url}/realms/master", log, administrator, seconds=START_SECONDS):
        yield Keycloak(url)


def one_time_password(now: float | None = None) -> str:
    """The code that alice's phone shows (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time() if now is None else now) // OTP_SECONDS)
    digest = hmac.digest(OTP_SECRET.encode(), counter, hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"


@dataclass
class Keycloak:
    """The administrator's side of a started Keycloak."""

    url: str
    _http: httpx2.Client = field(init=False)

    def create_realm(self, resource: str) -> str:
        """Set a realm up for one resource; returns its issuer."""
        self._sign_in()
        self._post("", {"realm": REALM, "enabled": True, "otpPolicyCodeReusable": True})
        self._post("/users", _alice())
        for scope in SCOPES:
            place = self._post("/client-scopes", _scope(scope, resource))
            self._http.put(f"/{REALM}/default-optional-client-scopes/{place}").raise_for_status()
        self._demand_second_factor()
        self._let_clients_register()
        return f"{self.url}/realms/{REALM}"

    def allow_scopes(self, client_id: str) -> None:
        """Let a client that registered itself ask for more than it named when it registered."""
        self._sign_in()
        (client,) = self._http.get(f"/{REALM}/clients", params={"clientId": client_id}).raise_for_status().json()
        for scope in self._http.get(f"/{REALM}/client-scopes").raise_for_status().json():
            if scope["name"] in SCOPES:
                place = f"/{REALM}/clients/{client['id']}/optional-client-scopes/{scope['id']}"
                self._http.put(place).raise_for_status()

    def _sign_in(self) -> None:
        """Sign the administrator in, for a minute."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMINISTRATOR, "password": PASSWORD}
        told = httpx2.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form, timeout=60)
        headers = {"authorization": f"Bearer {told.raise_for_status().json()['access_token']}"}
        self._http = httpx2.Client(base_url=f"{self.url}/admin/realms", headers=headers, timeout=60)

    def _demand_second_factor(self) -> None:
        flows = f"/{REALM}/authentication/flows"
        self._post("/authentication/flows", {"alias": "mcp", "providerId": "basic-flow", "topLevel": True})
        for parent, kind, name in _BROWSER_FLOW:
            named = {"alias": name, "type": "basic-flow"} if kind == "flow" else {"provider": name}
            self._post(f"/authentication/flows/{parent}/executions/{kind}", named)
        executions = self._http.get(f"{flows}/mcp/executions").raise_for_status().json()
        for execution in executions:
            name = execution.get("providerId") or execution["displayName"]
            changed = {**execution, "requirement": _REQUIREMENTS.get(name, "REQUIRED")}
            self._http.put(f"{flows}/mcp/executions", json=changed).raise_for_status()
            if config := _CONFIGURATIONS.get(name):
                self._post(f"/authentication/executions/{execution['id']}/config", {"alias": name, "config": config})
        self._http.put(f"/{REALM}", json={"browserFlow": "mcp"}).raise_for_status()

    def _let_clients_register(self) -> None:
        """Whoever reaches this Keycloak may register: the default wants the hosts of clients named."""
        for component in self._http.get(f"/{REALM}/components").raise_for_status().json():
            if component["providerId"] == "trusted-hosts":
                self._http.delete(f"/{REALM}/components/{component['id']}").raise_for_status()

    def _post(self, path: str, document: dict[str, Any]) -> str:
        """Create something; returns its id."""
        place = f"/{REALM}{path}" if path else ""
        response = self._http.post(place, json=document)
        assert response.is_success, f"{place}: {response.status_code} {response.text}"
        return str(response.headers.get("location", "")).rpartition("/")[2]


_BROWSER_FLOW = (
    ("mcp", "flow", "sign-in"),
    ("sign-in", "execution", "auth-cookie"),
    ("sign-in", "flow", "forms of mcp"),
    ("forms of mcp", "execution", "auth-username-password-form"),
    ("mcp", "flow", "second factor"),
    ("second factor", "execution", "conditional-client-scope"),
    ("second factor", "execution", "auth-otp-form"),
)
"""In the order of execution."""
_REQUIREMENTS = {"auth-cookie": "ALTERNATIVE", "forms of mcp": "ALTERNATIVE", "second factor": "CONDITIONAL"}
_CONFIGURATIONS = {
    "conditional-client-scope": {"client_scope": "mcp:admin"},
    "auth-otp-form": {"default.reference.value": "mfa", "default.reference.maxAge": "3600"},
}


def _scope(name: str, resource: str) -> dict[str, Any]:
    audience = _mapper("audience", "oidc-audience-mapper", {"included.custom.audience": resource})
    methods = [_mapper("methods", "oidc-amr-mapper", {})] if name == "mcp:admin" else []
    return {
        "name": name,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [audience, *methods],
    }


def _mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", **config},
    }


def _alice() -> dict[str, Any]:
    otp = {"subType": "totp", "digits": 6, "counter": 0, "period": OTP_SECONDS, "algorithm": "HmacSHA1"}
    return {
        "username": "alice",
        "email": "alice@example.com",
        "firstName": "Alice",
        "lastName": "Example",
        "emailVerified": True,
        "enabled": True,
        "credentials": [
            {"type": "password", "value": PASSWORD},
            {"type": "otp", "secretData": json.dumps({"value": OTP_SECRET}), "credentialData": json.dumps(otp)},
        ],
    }
