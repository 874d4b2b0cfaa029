# Managed by the template; updates merge into this file.
"""Settings of a server whose replicas would share nothing."""

from typing import Self

from pydantic import model_validator

from .http import HttpSettings


class MemorySettings(HttpSettings):
    """None of its own."""

    @model_validator(mode="after")
    def _refuse_replicas(self) -> Self:
        if self.replicas > 1:
            raise ValueError("MCP_REPLICAS above 1 needs shared state: answer replica_state with redis")
        return self
