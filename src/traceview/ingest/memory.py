"""What a store remembers of the files that were imported into it, so that an unchanged one is not read again.

It is a comfort: without it files are read again, and nothing is added twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from traceview.files.atomic import atomic_write
from traceview.model.errors import BadInput
from traceview.model.schema import SCHEMA_VERSION
from traceview.sources.convert import CONVERTER_VERSION
from traceview.sources.identity import FileIdentity

MANIFEST = ".traceview-store.json"


class Memory:
    """The manifest of a store. Raises BadInput if it is damaged or was written by a newer traceview."""

    def __init__(self, store: Path) -> None:
        self._path = store / MANIFEST
        self._imports = _read(self._path, store)
        self._changed = False

    def knows(self, key: str) -> bool:
        """Whether a file was imported as it is now."""
        return key in self._imports

    def note(self, key: str, path: Path, read: int) -> None:
        """A file is in the store."""
        self._imports[key] = {
            "file": str(path),
            "read": read,
            "imported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._changed = True

    def save(self) -> None:
        """Write what was noted. Raises OSError."""
        if self._changed:
            told = {"schema": SCHEMA_VERSION, "imports": self._imports}
            atomic_write(self._path, json.dumps(told, indent=1))
            self._changed = False


def key_of(path: Path, reader: str, mapping: Mapping[str, str] | None = None) -> str:
    """What tells one state of a file, and one way of reading it, from another. Raises OSError."""
    told = [SCHEMA_VERSION, CONVERTER_VERSION, reader, asdict(FileIdentity.of(path)), dict(mapping or {})]
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(path: Path, store: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInput(
            f"{path} is damaged: {error}", hint="remove it: spans are still not imported twice"
        ) from error
    if not isinstance(told, dict) or not isinstance(told.get("imports"), dict):
        raise BadInput(f"{path} is no manifest of a store", hint="give --to another directory")
    if told.get("schema", 0) > SCHEMA_VERSION:
        raise BadInput(f"{store} was written by a newer traceview (schema {told['schema']})")
    imports: dict[str, Any] = told["imports"]
    return imports
