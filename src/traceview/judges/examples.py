"""The examples that a model judge is shown: drawn from the labels of the train split, kept with their contents.

A judge file pins ids; `NAME.examples.json` beside it holds what the model is shown of each, redacted, so that another
source can be judged with the same examples, and so that they can be reviewed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from traceview.definitions.document import parse_document, read_document, written_like
from traceview.definitions.judge_prompt import MOST_EXAMPLES, examples_file
from traceview.definitions.project import Project
from traceview.files.atomic import atomic_write
from traceview.judges.evidence import rules_of
from traceview.judges.hashing import share
from traceview.judges.items import items_of, needs_of
from traceview.judges.loading import parsed
from traceview.judges.redacting import Blocked, CallRedactor
from traceview.judges.rendering import fill
from traceview.judges.splits import splits_of
from traceview.judges.truth import truths_of
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, PinnedExample
from traceview.model.labels import LabelValue, Target
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.splits import Group
from traceview.store.labels.store import LabelStore

BY_HAND = 'write pinned = ["ID", ...] into its table [examples] by hand'
_LONGEST_REASON = 600


@dataclass(frozen=True, slots=True)
class Drawable:
    """A labelled target that may be an example: what people say of it, why, and the thread it is from."""

    target: Target
    value: LabelValue
    reason: str
    group: Group


@dataclass(frozen=True, slots=True)
class Labelled:
    """What people say of the targets of a judge's scope: `train` are those that may be examples, by id."""

    train: Mapping[str, Drawable]
    values: Mapping[str, LabelValue]
    tied: int


def labelled(
    engine: Engine, store: LabelStore, judge: JudgeDefinition, token: CancelToken | None = None
) -> Labelled:
    """The labels under a judge's metric, with the splits of their threads. Raises NotReady, Cancelled, Unsaved."""
    rows = store.current(name=judge.metric, source="human")
    truths = truths_of(rows, rules_of(store, rows))
    splits = splits_of(engine, store, rows, token)
    told = {target: truth for target, truth in truths.items() if target.kind == judge.scope}
    train = {
        target.id: Drawable(
            target,
            truth.value,
            next((row.reason for row in truth.rows if row.value == truth.value and row.reason), ""),
            splits.groups[target],
        )
        for target, truth in told.items()
        if not truth.tied and splits.of.get(target) == "train"
    }
    values = {target.id: truth.value for target, truth in told.items() if not truth.tied}
    return Labelled(train, values, sum(truth.tied for truth in told.values()))


def draw(
    judge: JudgeDefinition, known: Mapping[str, Drawable], count: int, *, balance: bool
) -> list[Drawable]:
    """So many examples, the same every time, one of a conversation; with `balance` the values take turns."""
    ordered = sorted(
        known.values(), key=lambda one: (share(f"examples {judge.name}", one.target.id), one.target.id)
    )
    by_value: dict[str, list[Drawable]] = {}
    for one in ordered:
        by_value.setdefault(repr(one.value) if balance else "", []).append(one)
    groups: set[Group] = set()
    chosen: list[Drawable] = []
    waiting = [by_value[key] for key in sorted(by_value, key=lambda key: len(by_value[key]))]
    while len(chosen) < count and any(waiting):
        for some in waiting:
            while some and some[0].group in groups:
                some.pop(0)
            if some and len(chosen) < count:
                chosen.append(some.pop(0))
                groups.add(chosen[-1].group)
    return chosen


def contents_of(
    engine: Engine, judge: JudgeDefinition, chosen: Sequence[Drawable], token: CancelToken | None = None
) -> tuple[tuple[PinnedExample, ...], dict[str, str]]:
    """The examples as the model is shown them, and by id why others cannot be."""
    gone = set(engine.missing([one.target for one in chosen], token))
    refused = {one.target.id: "is not in this source" for one in chosen if one.target in gone}
    there = [one for one in chosen if one.target not in gone]
    objects = {
        item.target: item.object
        for item in items_of(engine, [one.target for one in there], needs_of(judge), token)
    }
    found: list[PinnedExample] = []
    for one in there:
        try:
            filled = fill(judge, objects[one.target])
            reason = (
                CallRedactor(judge.redaction, {}).text(one.reason)[:_LONGEST_REASON] if one.reason else ""
            )
        except Blocked:
            refused[one.target.id] = "holds what cannot be looked into, and the redaction profile is strict"
            continue
        if filled.missing:
            refused[one.target.id] = f"has nothing for {', '.join(filled.missing)}"
            continue
        found.append(PinnedExample(one.target.id, dict(filled.texts), one.value, reason))
    return tuple(found), refused


def pin(judge: JudgeDefinition, pinned: Sequence[PinnedExample], project: Project) -> JudgeDefinition:
    """Write examples into a judge's file, comments kept, and their contents beside it; the judge as it is then.

    Raises BadInput.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    assert judge.path is not None
    if len(pinned) > MOST_EXAMPLES:
        raise BadInput(f"{len(pinned)} examples, {MOST_EXAMPLES} at most")
    before = read_document(judge.path).text
    try:
        document = tomlkit.parse(before)
        table: Any = document.get("examples")
        if table is None:
            document["examples"] = tomlkit.table()
            table = document["examples"]
        ids = tomlkit.array()
        ids.extend([one.id for one in pinned])
        table["pinned"] = ids.multiline(len(pinned) > 3)
        text = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError) as error:
        raise BadInput(f"{judge.path}: cannot be edited: {error}", hint=BY_HAND) from error
    place = examples_file(judge.path)
    told = {"judge": judge.name, "examples": [to_builtins(one) for one in pinned]}
    parsed(parse_document(judge.path, text), project)
    if _without_examples(judge.path, before) != _without_examples(judge.path, text):
        raise BadInput(f"{judge.path}: cannot be edited without harm to the rest of it", hint=BY_HAND)
    try:
        atomic_write(place, json.dumps(told, ensure_ascii=False, indent=1) + "\n", mode=0o644)
        atomic_write(judge.path, written_like(judge.path, text), mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {error.filename or judge.path}: {error.strerror}") from error
    return parsed(read_document(judge.path), project)


def missing_examples(judge: JudgeDefinition) -> tuple[str, ...]:
    """The pinned examples whose contents are not beside the judge's file."""
    held = {one.id for one in judge.pinned}
    return tuple(one for one in judge.examples if one not in held)


def example_errors(
    judge: JudgeDefinition, known: Mapping[str, Drawable], values: Mapping[str, LabelValue]
) -> Iterator[str]:
    """What is wrong with pinned examples: `known` are those that may be drawn, `values` what people say of any."""
    for one in judge.examples:
        if one not in values:
            yield f"example {one} carries no label for {judge.metric}"
        elif one not in known:
            yield f"example {one} is not in the split train: what a judge has seen cannot measure it"
    given = {judge.score.passes(values[one]) for one in judge.examples if one in values}
    if judge.examples and judge.score.type == "boolean" and not {True, False} <= given:
        missing = "pass" if True not in given else "fail"
        yield f"no example is a {missing}: show both"
    for pinned in judge.pinned:
        if pinned.id in values and values[pinned.id] != pinned.value:
            yield f"example {pinned.id} is labelled otherwise now than when it was pinned"


def _without_examples(path: Path, text: str) -> dict[str, Any]:
    return {key: one for key, one in parse_document(path, text).data.items() if key != "examples"}
