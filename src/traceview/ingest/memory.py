"""What a store remembers of the files that were imported into it, so that an unchanged one is not read again.

It is a comfort: without it files are read again, and nothing is added twice. Of a file its last state is remembered,
for as long as all parts and files of scores that were in the store then are there; a compaction writes down what became
of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from traceview.files.atomic import atomic_write
from traceview.model.errors import BadInput
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.convert import CONVERTER_VERSION
from traceview.sources.identity import FileIdentity
from traceview.sources.part_names import numbers_of
from traceview.sources.superseding import current

MANIFEST = ".traceview-store.json"


class Memory:
    """The manifest of a store. Raises BadInput if it is damaged or was written by a newer traceview."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store / MANIFEST
        self._imports, files = _read(self._path, store)
        self.gone = sorted(name for name, size in files.items() if _size(store / name) != size)
        """The files that were in the store and are not: what was imported may have been in them."""
        there = _files(store)
        if self.gone or not there:
            self._imports = {}
        self._changed = files != there

    def knows(self, key: str) -> bool:
        """Whether a file was imported as it is now."""
        return key in self._imports

    def note(self, key: str, path: Path, reader: str, read: int) -> None:
        """A file is in the store, and what it was before is not what counts any more."""
        state = {"file": str(path), "reader": reader}
        self._imports = {
            one: entry for one, entry in self._imports.items() if state != {n: entry.get(n) for n in state}
        }
        self._imports[key] = {
            **state,
            "read": read,
            "imported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._changed = True

    def save(self) -> None:
        """Write what was noted. Raises OSError."""
        if self._changed:
            self.follow()

    def follow(self) -> None:
        """Write which files there are now, unless nothing was ever imported. Raises OSError."""
        if self._imports or self._path.exists():
            told = {"schema": SCHEMA_VERSION, "imports": self._imports, "files": _files(self._store)}
            atomic_write(self._path, json.dumps(told, indent=1))
        self._changed = False


def key_of(path: Path, reader: str, mapping: Mapping[str, str] | None = None) -> str:
    """What tells one state of a file, and one way of reading it, from another. Raises OSError."""
    told = [
        SCHEMA_VERSION,
        CONVERTER_VERSION,
        reader,
        to_builtins(FileIdentity.of(path)),
        dict(mapping or {}),
    ]
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(path: Path, store: Path) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """The imports of a manifest, and the files that were there with their sizes; older ones do not tell them."""
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, {}
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{path} is damaged: {error}", hint="remove it: spans are still not imported twice"
        ) from error
    told = told if isinstance(told, dict) else {}
    schema, imports, files = told.get("schema", 0), told.get("imports"), told.get("files", {})
    if (
        not isinstance(schema, int)
        or not isinstance(imports, dict)
        or not all(isinstance(entry, dict) for entry in imports.values())
        or not isinstance(files, dict)
    ):
        raise BadInput(
            f"{path} is no manifest of a store",
            hint="give --to another directory; in a store of traceview, remove it: nothing is imported twice",
        )
    if schema > SCHEMA_VERSION:
        raise BadInput(f"{store} was written by a newer traceview (schema {schema})")
    return imports, files


def _files(store: Path) -> dict[str, int]:
    """The parts and files of scores that readers see now, with their sizes."""
    numbered = sorted(path for path in store.iterdir() if numbers_of(path.name) is not None)
    sizes = {path.name: _size(path) for path in current(numbered)}
    return {name: size for name, size in sizes.items() if size is not None}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None
