"""Finished files put in their place: each whole, the manifest last."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from traceview.annotation.splitting import check_split
from traceview.exports.training.manifest import KEY, read_manifest
from traceview.exports.training.sinks import WHOLE
from traceview.files.atomic import fsync_directory
from traceview.files.replaceable import check_replaceable
from traceview.model.errors import BadInput


def places(format: str, path: Path, splits: tuple[str, ...]) -> dict[str, Path]:
    """Where each part of an export goes, `manifest.json` among them: beside PATH, or in the directory PATH for hf.

    Raises BadInput for a split that cannot be part of a file's name.
    """
    for split in splits:
        check_split(split)
    if format == "hf":
        return {"": path}
    parts = {
        name: path if name == WHOLE else path.with_name(f"{path.stem}.{name}{path.suffix}")
        for name in splits or (WHOLE,)
    }
    return parts | {"manifest.json": path.with_name(f"{path.name}.manifest.json")}


def check_free(found: Mapping[str, Path], force: bool, read: tuple[str, ...]) -> None:
    """Raise BadInput if something may not be written at one of these places."""
    for name, path in found.items():
        if not path.parent.is_dir():
            raise BadInput(f"the folder {path.parent} does not exist", hint="create it first")
        if not path.exists():
            continue
        if any(Path(one).exists() and path.samefile(one) for one in read):
            raise BadInput(f"{path} is what the rows are read from; it is never written")
        if not force:
            raise BadInput(f"{path} exists", hint="name another one, or replace it with --force")
        check_replaceable(path)
        if name == "" and not _is_own(path):
            raise BadInput(
                f"{path} holds something else than an export of traceview, and is never replaced",
                hint="name another directory",
            )
        if name != "" and path.is_dir():
            raise BadInput(f"{path} is a directory", hint="name a file in it")
        if name != "" and not path.is_file():
            raise BadInput(f"{path} is not a regular file, and never replaced by one", hint="name a file")


@contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """An empty folder on the file system of PATH, removed at the end. Raises BadInput."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".traceview-export-", dir=path.parent))
    except OSError as error:
        raise BadInput(f"cannot write in {path.parent}: {error.strerror or error}") from error
    try:
        yield folder
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, found: Mapping[str, Path], parts: Mapping[str, Path]) -> None:
    """Move finished files from a workshop to their places, synced; what was there is replaced. Raises OSError."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            file.chmod(0o644)
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
    if "" in found:
        _swap_directory(folder, found[""])
        return
    for name, place in found.items():
        source = parts.get(name, folder / name)
        source.replace(place)
        fsync_directory(place.parent)


def _swap_directory(folder: Path, place: Path) -> None:
    whole = folder / "whole"
    whole.mkdir()
    for entry in list(folder.iterdir()):
        if entry != whole:
            entry.rename(whole / entry.name)
    if place.exists():
        place.rename(folder / "old")
    whole.rename(place)
    fsync_directory(place.parent)


def _is_own(path: Path) -> bool:
    """Whether a directory is an export of this program, or empty."""
    if not path.is_dir():
        return False
    if not any(path.iterdir()):
        return True
    try:
        return KEY in read_manifest(path / "manifest.json")
    except BadInput:
        return False
