"""One export for training: read, split, redact, write, and say what was written."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Any

from traceview.annotation.splitting import Conflict, Leak, SplitText, group_of, leaks, split_of
from traceview.exports.content import Labels
from traceview.exports.training.card import card
from traceview.exports.training.chat import Unwritable
from traceview.exports.training.examples import Example
from traceview.exports.training.manifest import ExportPlan, manifest_of, manifest_text
from traceview.exports.training.reading import LeftOut, read_examples
from traceview.exports.training.redaction import annotator_names, redacted
from traceview.exports.training.sinks import DatasetDirectory, JsonLines, Sink, json_bytes
from traceview.filters.ast import Node
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import LabelRow, Target, TargetKind
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.frozen import LabelState
from traceview.text.redact import Redactor

NO_LABEL = "no label"
DIFFER = "people differ"
SAME = "the same as another row"


@dataclass(frozen=True, slots=True)
class ExportInput:
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


@dataclass(slots=True)
class ExportResult:
    """What was written. `parts` are files by name with rows; `left_out` how many targets for which reason."""

    targets: int = 0
    written: int = 0
    parts: dict[str, tuple[Path, int]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    leaks: tuple[Leak, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
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
            return "not in the data set"
        if not plan.unlabelled and given.only is None and not labels.of(target):
            return NO_LABEL
        return DIFFER if target in excluded else None

    names = annotator_names(given.labels, plan.redact)
    seen: set[bytes] = set()
    for one in read_examples(given.engine, given.kinds, given.filter, labels, names, reason, token):
        if isinstance(one, LeftOut):
            yield one
            continue
        split = given.only.get(one.target) if given.only is not None else None
        if plan.split is not None and split is None:
            split = split_of(group_of(one.thread_id, one.target.trace_id), plan.split, plan.seed)
        hidden, redactor = redacted(replace(one, split=split), plan.redact)
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
    sink = sink_of(plan, folder, _splits(plan, given))
    found = (one for one in prepared(plan, given, sink, token) if isinstance(one, Prepared))
    return list(islice(found, count))


def write_export(
    plan: ExportPlan, given: ExportInput, folder: Path, token: CancelToken | None = None
) -> ExportResult:
    """Write every file of an export into an empty folder, with `manifest.json`; the same input gives the same bytes."""
    sink = sink_of(plan, folder, _splits(plan, given))
    result = ExportResult()
    hashes: dict[str, Counter[str]] = defaultdict(Counter)
    texts: list[SplitText] = []
    targets: set[Target] = set()
    try:
        for one in prepared(plan, given, sink, token):
            if given.only is None or isinstance(one, Prepared) or one.target in given.only:
                result.targets += 1
            if isinstance(one, LeftOut):
                if given.only is None or one.target in given.only:
                    result.left_out[one.reason] += 1
                if one.reason == DIFFER:
                    targets.add(one.target)
                continue
            example = one.example
            targets.add(one.original.target)
            result.written += 1
            result.redacted += one.redactor.counts
            for label in one.original.labels:
                hashes[label["name"]][label["definition_hash"] or "none"] += 1
            if example.split is not None:
                texts.append(SplitText(example.target.id, example.split, example.question, example.whole))
            sink.write(example, one.records)
    finally:
        result.parts = sink.close()
    if given.only is not None and (gone := len(given.only) - result.targets):
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


def _splits(plan: ExportPlan, given: ExportInput) -> tuple[str, ...]:
    own = plan.split.names if plan.split else ()
    kept = sorted({split for split in given.only.values() if split}) if given.only is not None else []
    return tuple(dict.fromkeys((*own, *kept)))


def _manifest(
    plan: ExportPlan, given: ExportInput, result: ExportResult, hashes: Mapping[str, Counter[str]]
) -> dict[str, Any]:
    info = given.engine.info()
    known = {definition.name: definition.hash for definition in given.definitions}
    strict = plan.redact == "strict"
    return manifest_of(
        plan,
        source={"files": [Path(file).name for file in info.files], "identity": info.identity},
        labels=asdict(given.state),
        definitions={
            name: {"hash": known.get(name), "rows_by_hash": dict(sorted(counts.items()))}
            for name, counts in sorted(hashes.items())
        },
        counts={
            "targets": result.targets,
            "written": result.written,
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
