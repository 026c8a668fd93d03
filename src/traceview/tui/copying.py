"""What can be copied of the thing that has the focus: its id, its text, its row as JSON, a command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

INTERNAL = frozenset({"trace_no", "thread_no", "span_no", "first_span", "last_span"})
"""Numbers of rows in an index: they say nothing elsewhere and change with it."""


class Invocation(Struct, frozen=True):
    """How the app was started: options before the command's name, sources, options that say how they are read."""

    sources: Sequence[str] = ()
    before: Sequence[str] = ()
    options: Sequence[str] = ()

    def show(self, target_id: str, *, transcript: bool = False) -> str | None:
        """The command line that shows one item; None unless there is one source to read it from again."""
        if len(self.sources) != 1 or "-" in self.sources:
            return None
        words = ["show", *self.options, *(["--transcript"] if transcript else [])]
        words += ["--"] if target_id.startswith("-") else []
        return self._line([*words, self.sources[0], target_id])

    def listing(self, level: str, filter_text: str, sort: tuple[str, bool] | None) -> str | None:
        """The command line that prints a list; `sort` is a field and whether it descends. None for `-`."""
        if not self.sources or "-" in self.sources:
            return None
        words = [level, *self.sources, *self.options]
        if filter_text:
            words += [f"--filter={filter_text}"] if filter_text.startswith("-") else ["--filter", filter_text]
        if sort is not None:
            words.append(f"--sort={'-' if sort[1] else ''}{sort[0]}")
        return self._line(words)

    def groups(
        self, command: str, filter_text: str, *, by: Sequence[str] = (), over: str | None = None
    ) -> str | None:
        """The command line (`stats` or `prompts`) that prints figures of groups; None for `-`."""
        if not self.sources or "-" in self.sources or (command == "prompts" and len(self.sources) > 1):
            return None
        words = [command, *self.sources, *self.options]
        if by:
            words += ["--by", ",".join(by)]
        if over:
            words += ["--over", over]
        if filter_text:
            words += [f"--filter={filter_text}"] if filter_text.startswith("-") else ["--filter", filter_text]
        return self._line(words)

    def _line(self, words: Sequence[str]) -> str:
        return shlex.join(["traceview", *self.before, *words])


class Copies(Struct, frozen=True):
    """What the copy menu offers; what is None is not there to be copied."""

    id: str | None
    what: str
    """What the id is of: `trace`, `span`."""
    text: str | None
    text_name: str
    row: Mapping[str, Any] | None
    command: str | None

    @property
    def json(self) -> str | None:
        """The row as JSON, without what only the index here knows it by."""
        if self.row is None:
            return None
        row = {name: value for name, value in self.row.items() if name not in INTERNAL}
        return json.dumps(row, ensure_ascii=False, indent=2, default=str)
