"""Labels in and out as JSON lines, and their check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.annotation.values import validate_value
from traceview.definitions.feedback import with_relevance
from traceview.files.atomic import replacing
from traceview.files.dirs import cache_dir, private_dir
from traceview.files.replaceable import check_replaceable, is_database
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import RESERVED_NAMES, LabelRow, Target
from traceview.store.labels import check as store_check
from traceview.store.labels import rows as codec
from traceview.store.labels.current import key_of
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

BATCH = 1_000
BATCH_CHARACTERS = 16_000_000


class ImportReport(Struct, frozen=True):
    """What an import did: rows added, rows that were there already, undefined names, refused lines with reasons.

    `lines` counts lines that are not blank.
    """

    lines: int
    added: int
    known: int
    undefined: Mapping[str, int]
    refused: tuple[tuple[int, str], ...]


class CheckReport(Struct, frozen=True):
    """What a check found. `problems` make it broken; orphans and undefined names do not."""

    rows: int
    current: int
    problems: tuple[str, ...]
    orphans: tuple[Target, ...]
    undefined: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """True if nothing is broken."""
        return not self.problems


def list_labels(
    store: LabelStore, *, names: Collection[str] | None = None, history: bool = False
) -> Iterator[dict[str, Any]]:
    """Current rows (or all, with op, ref and action_id) as the JSON objects of `labels list --json`."""
    for row in store.history() if history else store.current():
        if names is None or row.name in names:
            yield codec.to_json(row, history=history)


def export_labels(
    store: LabelStore,
    path: Path,
    *,
    names: Collection[str] | None = None,
    history: bool = False,
    force: bool = False,
) -> int:
    """Write `list_labels` as JSON lines, atomically; the number of rows. Raises BadInput if `path` exists."""
    store.check_not_own(path)
    if path.exists() and not force:
        raise BadInput(f"{path} exists", hint="name another file, or replace it with --force")
    check_replaceable(path)
    count = 0
    try:
        with (
            replacing(path, mode=0o644) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as stream,
        ):
            for row in list_labels(store, names=names, history=history):
                stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
                count += 1
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    return count


def import_labels(
    store: LabelStore,
    lines: Iterable[bytes | str],
    definitions: Collection[FeedbackDefinition],
    *,
    default_annotator: str | None = None,
    trace_of_span: Callable[[str], str | None] | None = None,
) -> ImportReport:
    """Add the rows of JSON lines; what is there already is skipped, what does not fit is refused with its line number.

    A row without an id is there already if a row has all the fields that it gives. A missing source is `import`, a
    missing annotator `default_annotator`, a missing created_at the present; `trace_of_span` finds a span's missing
    trace. op, ref and action_id of a history are kept, and `undo` does not reach what was imported. Raises Unsaved.
    """
    known_definitions = {definition.name: definition for definition in with_relevance(tuple(definitions))}
    lines_read = added = known = 0
    undefined: Counter[str] = Counter()
    refused: list[tuple[int, str]] = []
    batch: list[_Parsed] = []
    batch_characters = 0
    early: list[_Parsed] = []

    def flush() -> None:
        nonlocal added, known, batch_characters
        if batch:
            outcome = store.transact(_adder(list(batch))).result()
            added += outcome.added
            known += outcome.known
            refused.extend(outcome.refused)
            early.extend(outcome.early)
            batch.clear()
            batch_characters = 0

    for number, line in enumerate(lines, start=1):
        try:
            text = (line.decode() if isinstance(line, bytes) else line).removeprefix("\ufeff").strip()
            if not text:
                continue
            lines_read += 1
            parsed = _parse_line(number, text, known_definitions, default_annotator, trace_of_span)
        except UnicodeDecodeError:
            lines_read += 1
            refused.append((number, "not UTF-8 text"))
            continue
        except BadInput as error:
            refused.append((number, _one_line(error)))
            continue
        if parsed.row.name not in known_definitions and parsed.row.name not in RESERVED_NAMES:
            undefined[parsed.row.name] += 1
        batch.append(parsed)
        batch_characters += len(text)
        if len(batch) >= BATCH or batch_characters >= BATCH_CHARACTERS:
            flush()
    flush()
    # Undo and redo may stand before the row they refer to: once all lines are read, it is there or it is missing.
    while early:
        batch[:], early[:] = early[:BATCH], early[BATCH:]
        rest = len(early)
        flush()
        refused.extend((parsed.number, _missing_ref(parsed.row)) for parsed in early[rest:])
        del early[rest:]
    return ImportReport(lines_read, added, known, dict(undefined), tuple(sorted(refused)))


@contextmanager
def lines_of(store: LabelStore, other: Path) -> Iterator[Iterable[bytes | str]]:
    """The lines of another label file's whole history, or of a JSON lines export, for `import_labels` into `store`.

    Raises BadInput for the store's own file and for what cannot be read.
    """
    if other.exists() and store.path.exists() and other.samefile(store.path):
        raise BadInput(f"{other} is the label file itself")
    try:
        stream = None if is_database(other) else other.open("rb")
    except OSError as error:
        raise BadInput(f"cannot read {other}: {error.strerror}") from error
    if stream is not None:
        with stream:
            yield stream
        return
    # Opened as a base: it is read, never written or migrated.
    with TemporaryDirectory(prefix="merge-", dir=private_dir(cache_dir())) as directory:
        opened = LabelStore.open(Path(directory) / "empty.labels.db", base=other)
        try:
            yield (json.dumps(row) for row in list_labels(opened, history=True))
        finally:
            opened.close()


def check_labels(
    store: LabelStore,
    definitions: Collection[FeedbackDefinition],
    missing: Callable[[Sequence[Target]], Sequence[Target]] | None = None,
) -> CheckReport:
    """Integrity of the file, targets that the source does not have (`missing`), names that nothing defines.

    Orphans and undefined names are counted among the current rows.
    """
    problems = store_check.problems(store)
    defined = {definition.name for definition in with_relevance(tuple(definitions))} | set(RESERVED_NAMES)
    try:
        counts = store.counts()
        current = store.current()
    except (BadInput, ValueError) as error:
        problems = problems or [str(error)]
        return CheckReport(0, 0, tuple(problems), (), {})
    targets = list(dict.fromkeys(row.target for row in current))
    orphans = () if missing is None else tuple(missing(targets))
    undefined = Counter(row.name for row in current if row.name not in defined)
    return CheckReport(counts.rows, counts.current, tuple(problems), orphans, dict(undefined))


class _Parsed(Struct, frozen=True):
    """A line that can be added: its row, and which fields it gave itself."""

    number: int
    row: LabelRow
    given: frozenset[str]


@dataclass
class _Outcome:
    """What became of a batch; `early` are undo and redo lines whose row is not there (yet)."""

    added: int
    known: int
    refused: list[tuple[int, str]]
    early: list[_Parsed]


def _adder(batch: list[_Parsed]) -> Callable[[WriteTransaction], _Outcome]:
    """A job that adds the lines that are not there yet."""

    def job(transaction: WriteTransaction) -> _Outcome:
        outcome = _Outcome(0, 0, [], [])
        for parsed in batch:
            row = parsed.row
            same = transaction.rows_by_id([row.id]) if row.id else _with_these_fields(transaction, parsed)
            if same:
                if row.id and not _says_the_same(same[0], parsed):
                    outcome.refused.append(
                        (parsed.number, f"id {row.id} is there already with other content")
                    )
                else:
                    outcome.known += 1
                continue
            if row.ref is not None:
                referred = transaction.rows_by_id([row.ref])
                if not referred:
                    outcome.early.append(parsed)
                    continue
                problem = _wrong_ref(row, referred[0])
                if problem is not None:
                    outcome.refused.append((parsed.number, problem))
                    continue
            # Without a time of its own the row gets the present one, later than any of its key.
            transaction.append([row], imported=True)
            outcome.added += 1
        return outcome

    return job


def _missing_ref(row: LabelRow) -> str:
    return f"{row.op} of {row.ref}, which is not there"


def _wrong_ref(row: LabelRow, referred: LabelRow) -> str | None:
    """Why an undo or redo may not refer to a row: nobody takes back what another one said."""
    if referred.op not in ("set", "clear"):
        return f"{row.op} of {row.ref}, which is itself an {referred.op}"
    if key_of(referred) != key_of(row):
        return f"{row.op} of {row.ref}, which is on another target or name, or someone else's"
    return None


def _with_these_fields(transaction: WriteTransaction, parsed: _Parsed) -> list[LabelRow]:
    """Rows that have every field that a line without an id gives."""
    row = parsed.row
    condition = (
        "target_id = ? AND target_kind = ? AND trace_id IS ? AND name = ? AND source = ? AND annotator = ?"
    )
    target = row.target
    key = (target.id, target.kind, target.trace_id, row.name, row.source, row.annotator)
    return [other for other in transaction.rows(condition, key) if _says_the_same(other, parsed)]


def _says_the_same(stored: LabelRow, parsed: _Parsed) -> bool:
    """True if a stored row is the one that the line means: the same in all that the line gives."""
    row = parsed.row
    same = replace(
        stored,
        id=row.id,
        created_at=stored.created_at if "created_at" in parsed.given else row.created_at,
        action_id=stored.action_id if "action_id" in parsed.given else row.action_id,
        blind=stored.blind if "blind" in parsed.given else row.blind,
    )
    return same == row and type(same.value) is type(row.value)


def _parse_line(
    number: int,
    text: str,
    definitions: Mapping[str, FeedbackDefinition],
    default_annotator: str | None,
    trace_of_span: Callable[[str], str | None] | None,
) -> _Parsed:
    """The row of a line. Raises BadInput."""
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BadInput(f"not valid JSON (column {error.colno}): {error.msg}") from None
    except RecursionError:
        raise BadInput("not valid JSON: nested too deeply") from None
    except ValueError:
        # Python reads no integer of more than 4,300 digits.
        raise BadInput("a number is too large") from None
    if not isinstance(data, dict):
        raise BadInput("expected a JSON object")
    fields = (*codec.JSON_FIELDS, *codec.HISTORY_FIELDS)
    for key in data:
        if key not in fields:
            raise BadInput(f"unknown field {key!r}; known: {', '.join(fields)}")
    given = frozenset(key for key, value in data.items() if value is not None)
    texts = {key: _text(data, key) for key in fields if key not in ("value", "blind")}
    name = texts["name"]
    if not name:
        raise BadInput("name is missing")
    annotator = texts["annotator"] or default_annotator
    if not annotator:
        raise BadInput("annotator is missing")
    if not isinstance(data.get("blind"), bool | None):
        raise BadInput("blind is true or false")
    op = texts["op"] or "set"
    target = _target(texts, trace_of_span)
    value = None
    if op == "set":
        if data.get("value") is None:
            raise BadInput("value is missing")
        value = codec.value_of_json(data["value"])
        if name in definitions or name in RESERVED_NAMES:
            value = validate_value(name, definitions.get(name), value, target.scope)
    row = LabelRow(
        id=texts["id"] or "",
        target=target,
        name=name,
        value=value,
        source=codec.source_of(texts["source"] or "import"),
        annotator=annotator,
        created_at=codec.normal_time(texts["created_at"]) if texts["created_at"] else "",
        op=op,  # type: ignore[arg-type]  # checked refuses what is no op
        ref=texts["ref"],
        reason=texts["reason"],
        blind=bool(data.get("blind")),
        session=texts["session"],
        definition_hash=texts["definition_hash"],
        action_id=texts["action_id"],
    )
    codec.checked(row)
    return _Parsed(number, row, given)


def _target(texts: Mapping[str, str | None], trace_of_span: Callable[[str], str | None] | None) -> Target:
    if not texts["target_id"]:
        raise BadInput("target_id is missing")
    kind = codec.kind_of(texts["target_kind"])
    trace_id = texts["trace_id"]
    if kind == "span" and not trace_id and trace_of_span is not None:
        trace_id = trace_of_span(Target("span", texts["target_id"]).span_id or "")
    return codec.normal_target(Target(kind, texts["target_id"], trace_id))


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if isinstance(value, str):
        codec.check_text(value)
    if value is None or isinstance(value, str):
        return value
    raise BadInput(f"{key} is a text, not {json.dumps(value)[:40]}")


def _no_constant(name: str) -> Any:
    raise BadInput(f"{name} is not JSON")


def _one_line(error: BadInput) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
