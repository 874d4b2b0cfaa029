"""Proves a server on the wire: what it must do, it does; what it must refuse, it refuses."""

from __future__ import annotations

from scaffold.proof.proving import prove_repository, prove_url
from scaffold.proof.report import ProofReport

__all__ = ["ProofReport", "prove_repository", "prove_url"]
