"""Writes the files of an evidence: each whole, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scaffold.errors import RefusedError
from scaffold.workspace import ignore_signals


@contextmanager
def folder_beside(destination: Path) -> Iterator[Path]:
    """A temporary folder from which files can be moved to the destination; it is gone afterwards.

    Raises:
        RefusedError: The destination cannot be written to.
    """
    missing = [parent for parent in destination.parents if not parent.exists()]
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    except OSError as error:
        raise RefusedError(f"{destination.parent} cannot be written to: {error.strerror}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in missing:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def deliver(files: Mapping[str, bytes], folder: Path, destination: Path) -> list[Path]:
    """Write files into a temporary folder, and move all to the destination once all are written.

    Raises:
        RefusedError: The destination cannot be written to.
    """
    try:
        staged = {name: folder / "files" / name for name in files}
        (folder / "files").mkdir()
        for name, path in staged.items():
            path.write_bytes(files[name])
        ignore_signals()
        destination.mkdir(exist_ok=True)
        return [path.replace(destination / name) for name, path in staged.items()]
    except OSError as error:
        raise RefusedError(f"{destination} cannot be written to: {error.strerror}.") from error
