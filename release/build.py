"""The build hook of hatchling: puts the template's bundle into the wheel and into the sdist."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parents[1]))

from release import bundle

TARGET = "scaffold/_template"


class TemplateBundleHook(BuildHookInterface[Any]):
    """Builds the bundle from git; an sdist already carries it, and a wheel made of an sdist takes it as it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the bundle to what is built; an editable install reads the checkout instead."""
        if version == "editable":
            return
        finished = Path(self.root, TARGET)
        build_data["force_include"][str(finished if self._is_sdist() else self._built())] = TARGET

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built for this artifact only."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def _is_sdist(self) -> bool:
        return Path(self.root, "PKG-INFO").is_file() and not Path(self.root, ".git").exists()

    def _built(self) -> Path:
        self._folder = TemporaryDirectory(prefix="mcp-scaffold-")
        bundle.build(Path(self.root), Path(self._folder.name))
        return Path(self._folder.name)
