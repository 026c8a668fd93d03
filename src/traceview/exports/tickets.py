"""A Markdown file per failure mode, for the tracker of whoever repairs it: how often, examples, where to see them."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from traceview.annotation.modes import ModeFigures
from traceview.exports.marked import escaped, fenced
from traceview.files.atomic import atomic_write
from traceview.filters.printer import quoted
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine
from traceview.text.redact import Redactor
from traceview.text.safe import safe_block

EXAMPLES = 3
_LONGEST_STEM = 60
OURS = "<!-- a failure mode, by traceview labels modes --tickets; written anew each time"
"""Begins the last line of each file, which goes on with whose it is and a digest of what stands above it."""
_LAST_LINE = re.compile(rf"{re.escape(OURS)} · (?P<whose>\w+ \w+) · (?P<digest>\w+) -->\n\Z")


class Written(Struct, frozen=True):
    """The files that were written; of those from before, about modes that no item of this label file has any more
    (renamed, merged, taken off), what was removed, and what was left since somebody wrote into it."""

    paths: tuple[Path, ...]
    removed: tuple[Path, ...]
    left: tuple[Path, ...]


def write_tickets(
    directory: Path,
    modes: Sequence[ModeFigures],
    engine: Engine,
    source: str,
    *,
    labels: Path,
    alive: Collection[str],
    token: CancelToken | None = None,
) -> Written:
    """Write the file of every mode that an item has, replacing those of before. Raises BadInput.

    Only files that this wrote are replaced or removed, and removed only as they were written, from the same label
    file, about modes that are not `alive` or have another file now. Texts are redacted with placeholders that begin
    anew in each file.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for mode in modes:
            if mode.count:
                path = directory / f"{_stem(mode.mode.name)}.md"
                if path in paths:
                    path = path.with_stem(f"{path.stem}-{_digest(mode.mode.name)}")
                if path.exists() and OURS not in path.read_text("utf-8", "replace"):
                    raise BadInput(
                        f"{path} was not written by this, and is not replaced",
                        hint="rename it, or name another directory",
                    )
                text = "\n".join(map(safe_block, _lines(mode, engine, source, token))) + "\n"
                last = f"{OURS} · {_whose(labels, mode.mode.name)} · {_digest(text)} -->\n"
                atomic_write(path, text + last, mode=0o644)
                paths.append(path)
        elsewhere = set(alive) - {mode.mode.name for mode in modes if mode.count}
        kept = {_whose(labels, name) for name in elsewhere}
        removed, left = _remove_stale(directory, paths, _whose(labels, ""), kept)
    except OSError as error:
        raise BadInput(f"cannot write {error.filename or directory}: {error.strerror}") from error
    return Written(tuple(paths), removed, left)


def _remove_stale(
    directory: Path, written: Sequence[Path], whose: str, kept: Collection[str]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Remove tickets of this label file but those written now and those of `kept` modes; what was removed, and left."""
    removed, left = [], []
    for path in sorted(directory.glob("*.md")):
        if path in written or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if OURS not in text:
            continue
        last = _LAST_LINE.search(text)
        if last is None:
            left.append(path)
        elif last["whose"].split()[0] == whose.split()[0] and last["whose"] not in kept:
            if last["digest"] == _digest(text[: last.start()]):
                path.unlink()
                removed.append(path)
            else:
                left.append(path)
    return tuple(removed), tuple(left)


def _whose(labels: Path, mode: str) -> str:
    """The label file and the mode that a ticket is about, without telling either."""
    return f"{_digest(str(labels.resolve()))} {_digest(mode)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


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
