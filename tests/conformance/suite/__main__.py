"""Serves the suite's fixtures over HTTP with the real runtime. The suite sends no token, so one is put in for it."""

import os
from dataclasses import replace
from pathlib import Path

from notes_server.runtime.http.app import SharedState, build_app
from notes_server.runtime.http.lifecycle import run_server
from notes_server.runtime.observability.logs import configure_logs
from notes_server.runtime.server import build_server
from notes_server.runtime.settings import load_settings
from starlette.types import ASGIApp, Receive, Scope, Send


def with_token(app: ASGIApp, token: str) -> ASGIApp:
    """The application for a client that always sends this token."""
    header = (b"authorization", f"Bearer {token}".encode())

    async def send_token(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "headers": [*scope.get("headers", ()), header]}, receive, send)

    return send_token


def main() -> None:
    """Build and serve the application as `runtime.http.app.serve_http` does."""
    settings = load_settings().model_copy(update={"policy_file": Path(__file__).with_name("policy.yaml")})
    configure_logs(settings.log_level)
    shared = SharedState(settings)
    server = build_server(settings, shared.bus, parts=("suite.features",))
    application = build_app(settings, server, shared)
    if token := os.environ.get("CONFORMANCE_TOKEN"):
        application = replace(application, asgi=with_token(application.asgi, token))
    run_server(application, settings)


main()
