"""Texts that were typed and could not be saved: kept until they are, in a file where one can be written."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from traceview.files.atomic import atomic_write
from traceview.files.dirs import state_dir
from traceview.model.errors import TraceviewError
from traceview.model.labels import Target

FOLDER = "unsaved"


@dataclass(slots=True)
class Drafts:
    """Notes and corrections by what they are about; they come back when they are written again."""

    _texts: dict[tuple[Target, str], str] = field(default_factory=dict)
    _files: dict[tuple[Target, str], Path] = field(default_factory=dict)

    def keep(self, target: Target, name: str, text: str) -> Path | None:
        """Keep a text; the file that it is in, None if it is only in memory."""
        key = (target, name)
        self._texts[key] = text
        head = f"{name} on {target.kind} {target.id}\n\n"
        content = (head + text + "\n").encode("utf-8", "replace")
        file = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{len(self._texts)}.md"
        places: tuple[Callable[[], Path], ...] = (
            _folder,
            lambda: Path(tempfile.mkdtemp(prefix="traceview-")),
        )
        for place in places:
            try:
                written = atomic_write(self._files.get(key) or place() / file, content)
            except (OSError, TraceviewError):
                self._files.pop(key, None)
                continue
            self._files[key] = written
            return written
        return None

    def text(self, target: Target | None, name: str) -> str | None:
        """What was typed and is not saved; None if there is nothing."""
        return self._texts.get((target, name)) if target is not None else None

    def saved(self, target: Target, name: str) -> None:
        """It is on disk now, or something else is: the draft has done its service."""
        self._texts.pop((target, name), None)
        file = self._files.pop((target, name), None)
        if file is not None:
            try:
                file.unlink(missing_ok=True)
            except OSError:
                return

    @property
    def homeless(self) -> tuple[str, ...]:
        """What is in memory only and would be lost with the app: the names of the texts."""
        return tuple(name for target, name in self._texts if (target, name) not in self._files)


def _folder() -> Path:
    folder = state_dir() / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
