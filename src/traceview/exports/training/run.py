"""One export for training: read, split, redact, write, and say what was written."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, to_builtins
from msgspec.structs import replace

from traceview.annotation.splitting import Conflict, Leak, SplitText, group_of, leaks, split_of
from traceview.exports.content import Labels
from traceview.exports.training.card import card
from traceview.exports.training.chat import Unwritable
from traceview.exports.training.examples import Example, LeftOut
from traceview.exports.training.manifest import ExportPlan, manifest_of, manifest_text
from traceview.exports.training.reading import read_examples
from traceview.exports.training.redaction import annotator_names, redacted
from traceview.exports.training.sinks import DatasetDirectory, JsonLines, Sink, json_bytes
from traceview.filters.ast import Node
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import LabelRow, Target, TargetKind
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.frozen import LabelState
from traceview.text.redact import Redactor

NO_LABEL = "no label"
NOT_FROZEN = "not in the data set"
DIFFER = "people differ"
SAME = "the same as another row"
REST = "rest"
"""The split of what has none in a data set where others have one."""


class ExportInput(Struct, frozen=True):
    """What an export is made of. `labels` are the current rows; `conflicts` where people differ.

    With `only` the targets that are in it are written, each in the split it names (None: by the plan).
    """

    engine: Engine
    kinds: Sequence[TargetKind]
    filter: Node | None
    labels: Sequence[LabelRow]
    state: LabelState
    definitions: Sequence[FeedbackDefinition] = ()
    conflicts: Sequence[Conflict] = ()
    only: Mapping[Target, str | None] | None = None
    expected: Mapping[Target, str] = msgspec.field(default_factory=dict)
    """What the answer should be, where a data set says it."""
    must_pass: Collection[Target] = frozenset()
    """What fails a gate by itself, where a data set says it."""
    read_from: tuple[str, ...] = ()
    """The files of the labels, which are never written over."""
    authored: Sequence[Example | LeftOut] = ()
    """What a data set holds besides targets of the source."""


@dataclass(slots=True)
class ExportResult:
    """What was written. `parts` are files by name with rows; `left_out` how many targets for which reason."""

    targets: int = 0
    written: int = 0
    must_pass: int = 0
    parts: dict[str, tuple[Path, int]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    leaks: tuple[Leak, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)


class Prepared(Struct, frozen=True):
    """A target as it would be written: its records, redacted, and what was replaced in it."""

    original: Example
    example: Example
    records: list[dict[str, Any]]
    redactor: Redactor


def prepared(
    plan: ExportPlan, given: ExportInput, sink: Sink, token: CancelToken | None = None
) -> Iterator[Prepared | LeftOut]:
    """Every target that matches, as what would be written of it or as what is left out and why."""
    labels = Labels(given.labels)
    excluded: set[Target] = set()
    if plan.conflicts != "report":
        excluded = {
            one.target for one in given.conflicts if plan.conflicts == "exclude" or not one.adjudicated
        }

    def reason(target: Target) -> str | None:
        if given.only is not None and target not in given.only:
            return NOT_FROZEN
        if not plan.unlabelled and given.only is None and not labels.of(target):
            return NO_LABEL
        return DIFFER if target in excluded else None

    names = annotator_names(given.labels, plan.redact)
    rest = REST if REST in splits_of(plan, given) else None
    seen: set[bytes] = set()
    read = read_examples(given.engine, given.kinds, given.filter, labels, names, reason, token)
    for one in chain(read, given.authored):
        if isinstance(one, LeftOut):
            yield one
            continue
        if (told := given.expected.get(one.target)) is not None:
            one = replace(one, corrections=(*(text for text in one.corrections if text != told), told))
        if one.target in given.must_pass:
            one = replace(one, must_pass=True)
        split = given.only.get(one.target, one.split) if given.only is not None else None
        if plan.split is not None and split is None:
            split = split_of(
                group_of(one.thread_id, one.target.trace_id or one.target.id), plan.split, plan.seed
            )
        hidden, redactor = redacted(replace(one, split=split or rest), plan.redact)
        try:
            records = sink.records(hidden)
        except Unwritable as error:
            yield LeftOut(one.target, str(error))
            continue
        said = [hidden.conversation.prompt, hidden.conversation.output, hidden.corrections]
        digest = sha256(json.dumps(said, sort_keys=True).encode()).digest()
        if digest in seen:
            yield LeftOut(one.target, SAME)
            continue
        seen.add(digest)
        yield Prepared(one, hidden, records, redactor)


def preview(
    plan: ExportPlan, given: ExportInput, folder: Path, count: int, token: CancelToken | None = None
) -> list[Prepared]:
    """The first targets as they would be written; nothing is kept in `folder`."""
    sink = sink_of(plan, folder, splits_of(plan, given))
    found = (one for one in prepared(plan, given, sink, token) if isinstance(one, Prepared))
    return list(islice(found, count))


def write_export(
    plan: ExportPlan, given: ExportInput, folder: Path, token: CancelToken | None = None
) -> ExportResult:
    """Write every file of an export into an empty folder, with `manifest.json`; the same input gives the same bytes."""
    sink = sink_of(plan, folder, splits_of(plan, given))
    result = ExportResult()
    hashes: dict[str, Counter[str]] = defaultdict(Counter)
    texts: list[SplitText] = []
    targets: set[Target] = set()
    seen: set[Target] = set()
    try:
        for one in prepared(plan, given, sink, token):
            if isinstance(one, LeftOut) and one.reason == NOT_FROZEN:
                continue
            result.targets += 1
            seen.add(one.target if isinstance(one, LeftOut) else one.original.target)
            if isinstance(one, LeftOut):
                result.left_out[one.reason] += 1
                if one.reason == DIFFER:
                    targets.add(one.target)
                continue
            example = one.example
            targets.add(one.original.target)
            result.written += 1
            result.must_pass += example.must_pass
            result.redacted += one.redactor.counts
            for label in one.original.labels:
                hashes[label["name"]][label["definition_hash"] or "none"] += 1
            if example.split is not None:
                texts.append(SplitText(example.target.id, example.split, example.question, example.whole))
            sink.write(example, one.records)
    finally:
        result.parts = sink.close()
    if given.only is not None and (gone := len(given.only.keys() - seen)):
        result.left_out["no longer in the source"] = gone
        result.targets += gone
    result.conflicts = [one for one in given.conflicts if one.target in targets]
    result.leaks = leaks(texts)
    result.manifest = _manifest(plan, given, result, hashes)
    if plan.format == "hf":
        (folder / "README.md").write_text(card(result.manifest), encoding="utf-8", newline="\n")
    (folder / "manifest.json").write_text(manifest_text(result.manifest), encoding="utf-8", newline="\n")
    return result


def sink_of(plan: ExportPlan, folder: Path, splits: Collection[str]) -> Sink:
    """Where the plan's format is written."""
    names = tuple(splits)
    return DatasetDirectory(folder, names) if plan.format == "hf" else JsonLines(folder, plan.format, names)


def splits_of(plan: ExportPlan, given: ExportInput) -> tuple[str, ...]:
    """The splits of an export: those of the plan, and those that a data set has."""
    if given.only is None or plan.split is not None:
        return plan.split.names if plan.split else ()
    found = {*given.only.values(), *(one.split for one in given.authored if isinstance(one, Example))}
    named = sorted(split for split in found if split)
    return (*named, REST) if named and None in found else tuple(named)


def _manifest(
    plan: ExportPlan, given: ExportInput, result: ExportResult, hashes: Mapping[str, Counter[str]]
) -> dict[str, Any]:
    info = given.engine.info()
    known = {definition.name: definition.hash for definition in given.definitions}
    strict = plan.redact == "strict"
    return manifest_of(
        plan,
        source={"files": [Path(file).name for file in info.files], "identity": info.identity},
        labels=to_builtins(given.state),
        definitions={
            name: {"hash": known.get(name), "rows_by_hash": dict(sorted(counts.items()))}
            for name, counts in sorted(hashes.items())
        },
        counts={
            "targets": result.targets,
            "written": result.written,
            "must_pass": result.must_pass,
            "left_out": dict(sorted(result.left_out.items())),
            "redacted": dict(sorted(result.redacted.items())),
        },
        conflicts=[
            {
                "target": one.target.id if not strict else None,
                "kind": one.target.kind,
                "name": one.name,
                "values": len({json_bytes(value) for _, value in one.values}),
                "adjudicated": one.adjudicated is not None,
            }
            for one in result.conflicts
        ],
        near_duplicates=[
            {"reason": one.reason, "rows": [{"id": id_, "split": split} for id_, split in one.rows]}
            for one in result.leaks
        ],
        files={name: _file(path, rows) for name, (path, rows) in result.parts.items()},
    )


def _file(path: Path, rows: int) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    return {"rows": rows, "bytes": path.stat().st_size, "sha256": digest}
