# Managed by the template; updates merge into this file.
"""Settings of a server that knows nobody."""

from typing import Self

from pydantic import model_validator

from .fields import LOOPBACK
from .http import HttpSettings


class UnauthenticatedSettings(HttpSettings):
    """Whether it may be open to others."""

    allow_unauthenticated: bool = False
    """Serve beyond loopback although nobody is authenticated."""

    @model_validator(mode="after")
    def _refuse_to_be_open(self) -> Self:
        if self.host not in LOOPBACK and not self.allow_unauthenticated:
            raise ValueError("MCP_HOST is open to all: use 127.0.0.1, or set MCP_ALLOW_UNAUTHENTICATED=true")
        return self
