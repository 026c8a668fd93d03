"""A Markdown file per failure mode, for the tracker of whoever repairs it: how often, examples, where to see them."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from traceview.annotation.modes import ModeFigures
from traceview.exports.marked import escaped, fenced
from traceview.files.atomic import atomic_write
from traceview.filters.printer import quoted
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine
from traceview.text.redact import Redactor

EXAMPLES = 3
_LONGEST_STEM = 60
OURS = "<!-- a failure mode, by traceview labels modes --tickets; written anew each time -->"
"""Stands in each file."""


def write_tickets(
    directory: Path,
    modes: Sequence[ModeFigures],
    engine: Engine,
    source: str,
    token: CancelToken | None = None,
) -> tuple[list[Path], list[Path]]:
    """Write the file of every mode that an item has, replacing those of before. Raises BadInput.

    The paths, and those of files that were written for modes that no item has any more: renamed, merged or taken off.
    They are left as they are, since somebody may have written into them. Texts are redacted with placeholders that
    begin anew in each file.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for mode in modes:
            if mode.count:
                path = directory / f"{_stem(mode.mode.name)}.md"
                if path in paths:
                    digest = hashlib.sha256(mode.mode.name.encode()).hexdigest()[:8]
                    path = path.with_stem(f"{path.stem}-{digest}")
                atomic_write(path, "\n".join(_lines(mode, engine, source, token)) + "\n", mode=0o644)
                paths.append(path)
    except OSError as error:
        raise BadInput(f"cannot write {error.filename or directory}: {error.strerror}") from error
    return paths, _stale(directory, paths)


def _stale(directory: Path, written: Sequence[Path]) -> list[Path]:
    """Files of this directory that are tickets and were not written now."""
    found = []
    for path in sorted(directory.glob("*.md")):
        if path not in written and path.is_file() and OURS.encode() in path.read_bytes():
            found.append(path)
    return found


def mode_filter(name: str) -> str:
    """The filter of the items that have a failure mode."""
    return f"mode:{quoted(name)}"


def _lines(mode: ModeFigures, engine: Engine, source: str, token: CancelToken | None) -> Iterator[str]:
    redactor = Redactor()
    about = mode.mode
    yield f"# {escaped(redactor.text(about.name))}"
    yield ""
    yield f"- {mode.count:,} of {mode.reviewed:,} items that were looked at{_rate(mode)}"
    yield f"- status: {about.status}" + (f", ticket {escaped(about.ticket)}" if about.ticket else "")
    if mode.first_seen and mode.last_seen:
        yield f"- labelled from {mode.first_seen[:10]} to {mode.last_seen[:10]}"
    if about.description:
        yield ""
        yield from fenced(redactor.text(about.description), "text")
    command = ["traceview", "threads" if mode.targets[0].kind == "thread" else "traces", source, "-f"]
    yield ""
    yield "All of them:"
    yield ""
    yield from fenced(shlex.join([*command, mode_filter(about.name)]), "sh")
    for number, target in enumerate(mode.targets[:EXAMPLES], 1):
        yield ""
        yield f"## Example {number}: {target.kind} {escaped(target.id)}"
        for title, text in _texts(mode, target, engine, token):
            yield ""
            yield f"{title}:"
            yield ""
            yield from fenced(redactor.text(text), "text")
        yield ""
        yield from fenced(shlex.join(["traceview", "show", source, target.id]), "sh")
    left = mode.count - EXAMPLES
    if left > 0:
        yield ""
        yield f"{left:,} more items have it."
    yield ""
    yield f"Texts are beginnings; {redactor.sentence()}."
    yield ""
    yield OURS


def _rate(mode: ModeFigures) -> str:
    if mode.rate is None or mode.interval is None:
        return ""
    low, high = mode.interval
    return f": {mode.rate:.1%} (95 % interval {low:.1%} to {high:.1%})"


def _texts(
    mode: ModeFigures, target: Target, engine: Engine, token: CancelToken | None
) -> Iterator[tuple[str, str]]:
    row = _row(target, engine, token)
    if row is None:
        yield "Content", "not in the source any more"
        return
    for title, names in (
        ("Input", ("input_preview", "first_input")),
        ("Output", ("output_preview", "last_output")),
    ):
        text = next((str(row[name]) for name in names if row.get(name)), "")
        if text:
            yield title, text
    for note in mode.notes.get(target, ()):
        yield "Note", note


def _row(target: Target, engine: Engine, token: CancelToken | None) -> dict[str, Any] | None:
    """The list row of what a target stands for: a span's is that of its trace."""
    try:
        if target.kind == "thread":
            return engine.thread(target.id, token).thread
        return engine.trace(target.trace_id or target.id, token).trace
    except BadInput:
        return None


def _stem(name: str) -> str:
    """A file name that can be had everywhere."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:_LONGEST_STEM] or "mode"
