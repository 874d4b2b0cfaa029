"""Controls: what a rendered repository claims about its security, and whether its structure still bears the claim."""

from scaffold.controls.catalogue import Control, read_catalogue
from scaffold.controls.structure import Finding, Report, find_regressions, find_unlisted

__all__ = ["Control", "Finding", "Report", "find_regressions", "find_unlisted", "read_catalogue"]
