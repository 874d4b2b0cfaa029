"""Every probe, in the order in which they are asked; the last one ends the server."""

from __future__ import annotations

from scaffold.proof.probe import Probe
from scaffold.proof.probes import authorization, discovery, inputs, lifecycle, limits, network, stdio, tokens

FAMILIES = (
    lifecycle.STARTING,
    discovery.FAMILY,
    tokens.FAMILY,
    authorization.FAMILY,
    network.FAMILY,
    inputs.FAMILY,
    limits.FAMILY,
    stdio.FAMILY,
    lifecycle.ENDING,
)
ALL: tuple[Probe, ...] = tuple(probe for family in FAMILIES for probe in family.probes)
