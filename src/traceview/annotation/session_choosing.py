"""The items of a session are chosen by a rule from all that match a filter, and put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.annotation.asking import chosen, fitting, required_of
from traceview.annotation.retrieved import RETRIEVERS, documents_of
from traceview.annotation.sampling import Candidate, Picked, Sample, draw, parse_rule
from traceview.annotation.service import Annotator
from traceview.annotation.session_again import (
    CONFLICTS,
    RE_REVIEW,
    differing,
    reasons_of_conflicts,
    reworded,
)
from traceview.annotation.session_rows import (
    extra_values,
    figures_of,
    key_of_target,
    matching_rows,
    row_id,
    stratum_of,
    target_of_row,
    text_of,
    thread_of_row,
)
from traceview.filters.ast import Compare, Node, Text, all_of, walk
from traceview.filters.parser import parse
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.fields import column_name, columns_of
from traceview.model.labels import LabelRow, Scope, Target
from traceview.model.sessions import SessionItem
from traceview.store.interface import CancelToken, Engine, Level, ListQuery
from traceview.store.names import KIND, check_names
from traceview.text.human import counted

MOST_ITEMS = 20_000

LISTED = {
    "prompt": "prompt_versions",
    "prompt_version": "prompt_versions",
    "version": "prompt_versions",
    "model": "models",
}
"""Fields of spans, and the column of traces that lists theirs."""

MARKED = "marked"

ASKS_AFRESH = (RE_REVIEW, CONFLICTS)
"""Rules of sessions in which only values count that are given in them."""


Row = dict[str, Any]


class Plan(Struct, frozen=True):
    """What a session is to be. `rule` is a sampling rule, or `re-review`, or `conflicts:NAME`.

    `define` are the definitions that are asked, all that fit if there are none. `marked` are the targets' ids where
    they were chosen by hand, with the rule `marked`: of rows of `marked_in` (else of `level`), and the items are what
    they are, hold or (threads of traces) are in; the filter does not count then. With `documents` (of spans) the items
    are the documents that the chosen spans retrieved, in their order. Without a name it gets one from the rule and the
    filter, without a seed one by chance.
    """

    level: Level = "traces"
    rule: str = "unlabelled"
    filter: str = ""
    name: str = ""
    define: tuple[str, ...] = ()
    seed: int | None = None
    blind: bool = False
    marked: tuple[str, ...] = ()
    marked_in: Level | None = None
    documents: bool = False

    @property
    def scope(self) -> Scope:
        """What the items are."""
        return "document" if self.documents else KIND[self.level]

    @property
    def asks_threads_of_marks(self) -> bool:
        """Whether the items are the threads that marked traces are in."""
        return self.rule == MARKED and self.level == "threads" and self.marked_in == "traces"


class Choice(Struct, frozen=True):
    """The items of a session that is not made yet, in order, chosen from `of`, and the definitions that it asks.

    `notes` say what of the plan could not be had.
    """

    items: tuple[SessionItem, ...]
    of: int
    asked: tuple[FeedbackDefinition, ...]
    notes: tuple[str, ...]


def check_rule(text: str) -> None:
    """Raise BadInput, with how the rules are written, for a text that is no rule of a plan."""
    if text.partition(":")[0] in (RE_REVIEW, CONFLICTS, MARKED):
        return
    try:
        parse_rule(text)
    except BadInput as error:
        if error.hint is not None and error.hint.startswith("rules: "):
            raise BadInput(
                error.message, hint=f"{error.hint}, {RE_REVIEW}, {CONFLICTS}, {CONFLICTS}:NAME"
            ) from error
        raise


def choose(
    engine: Engine,
    annotator: Annotator,
    plan: Plan,
    *,
    token: CancelToken | None = None,
    on_progress: Callable[[int, int], object] | None = None,
) -> Choice:
    """What a session of this plan, which has a seed, would hold. Raises BadInput, Cancelled, NotReady.

    `on_progress` hears how many of how many rows were read.
    """
    plan = replace(plan, define=in_question(annotator, plan))
    asked = chosen(tuple(annotator.definitions.values()), plan.scope, plan.define)
    special = plan.rule.partition(":")[0]
    node = _filter_of(engine, annotator, plan, token)
    listed: dict[str, Row] = {}

    def rows() -> list[Row]:
        found = matching_rows(engine, ListQuery(plan.level, node), token, on_progress)
        listed.update((row_id(plan.level, row), row) for row in found)
        return found

    reasons: dict[Target, str] | None = None
    if special == MARKED:
        marked = rows() if plan.marked else []
        picked = tuple(Picked(row_id(plan.level, row), 1.0, MARKED) for row in marked)
        of = len(plan.marked) if plan.marked_in in (None, plan.level) else len(picked)
        notes = _threads_of(engine, plan, len(picked), token) if plan.asks_threads_of_marks else ()
        sample = Sample(picked, of, notes)
    elif special in ASKS_AFRESH:
        sample, reasons = _seen_before(annotator, plan, asked, rows)
    else:
        sample = _sampled(engine, annotator, plan, asked, rows, token)
    targets = {one.id: target_of_row(plan.level, listed[one.id]) for one in sample.items}
    if plan.documents:
        done = _labelled_by(annotator, asked) if special == "unlabelled" else set()
        spans = [listed[one.id] for one in sample.items]
        sample, targets = _of_documents(
            sample,
            documents_of(engine, spans, token),
            lambda target: target not in done if reasons is None else target in reasons,
        )
    if len(sample.items) > MOST_ITEMS:
        raise BadInput(
            f"{len(sample.items):,} items are more than one person labels ({MOST_ITEMS:,} at most in a session)",
            hint="let chance choose, --sample random:200 say, or narrow the filter",
        )
    if not sample.items:
        raise BadInput(
            f"nothing to label: {_why_none(plan, sample)}", hint="another filter or rule may find some"
        )
    items = tuple(
        SessionItem(number, targets[item.id], item.probability, item.reason)
        for number, item in enumerate(sample.items)
    )
    notes = (*sample.notes, *_known_already(annotator, list(targets.values()), asked))
    return Choice(items, sample.of, asked, notes)


def _filter_of(engine: Engine, annotator: Annotator, plan: Plan, token: CancelToken | None) -> Node | None:
    """What the rows that are chosen from must match."""
    if plan.rule == MARKED:
        return all_of(_filter_of_marks(plan), parse(RETRIEVERS) if plan.documents else None)
    node = parse(plan.filter) if plan.filter.strip() else None
    check_names(engine, node, plan.filter, plan.level, tuple(annotator.definitions.values()), token)
    if plan.documents and not _names_kind(node):
        return parse(f"{RETRIEVERS} ({plan.filter})" if node else RETRIEVERS)
    return node


def _filter_of_marks(plan: Plan) -> Node:
    """What the marked rows are, and what they hold or are in."""
    field = "thread_id" if (plan.marked_in or plan.level) == "threads" else "trace_id"
    return Compare(field, ":", tuple(Text(one) for one in sorted(plan.marked)))


def _threads_of(engine: Engine, plan: Plan, threads: int, token: CancelToken | None) -> tuple[str, ...]:
    """Of how many of the marked traces the threads are, and how many traces are in none."""
    traces = matching_rows(engine, ListQuery("traces", _filter_of_marks(plan)), token, None)
    alone = sum(row["thread_id"] is None for row in traces)
    held = len(traces) - alone
    notes = [f"{counted(threads, 'thread')} of {counted(held, 'marked trace')}"]
    if alone:
        notes.append(f"{alone:,} {'is' if alone == 1 else 'are'} in no thread")
    return tuple(notes)


def in_question(annotator: Annotator, plan: Plan) -> tuple[str, ...]:
    """What is asked where the plan leaves it open: of conflicts what people differ on, of old wordings the reworded."""
    word, _, name = plan.rule.partition(":")
    definitions = tuple(annotator.definitions.values())
    if word == CONFLICTS and name:
        return (name,)
    if plan.define or word not in (CONFLICTS, RE_REVIEW):
        return plan.define
    names = [one.name for one in fitting(definitions, plan.scope)]
    if word == CONFLICTS:
        differ = {one.name for one in differing(annotator.store, names)[0]}
    else:
        hashes = {one.name: one.hash for one in definitions}
        differ = {row.name for row in reworded(annotator, hashes)}
    return tuple(found for found in names if found in differ)


def _known_already(
    annotator: Annotator, targets: Sequence[Target], asked: Sequence[FeedbackDefinition]
) -> tuple[str, ...]:
    """A note of how many of the items have every required value of this annotator's already."""
    count = len(_labelled_by(annotator, asked).intersection(targets))
    return (f"you labelled {count:,} of these {len(targets):,} before",) if count else ()


def _names_kind(node: Node | None) -> bool:
    """Whether a filter says of which kind spans are."""
    return any(isinstance(one, Compare) and one.field == "kind" for one in walk(node))


def _labelled_by(annotator: Annotator, asked: Sequence[FeedbackDefinition]) -> set[Target]:
    """The targets that have every required value of this annotator's."""
    required = {definition.name for definition in required_of(asked)}
    own: dict[Target, set[str]] = {}
    for row in annotator.store.current(source="human", annotator=annotator.name):
        own.setdefault(row.target, set()).add(row.name)
    return {target for target, names in own.items() if required <= names}


def _of_documents(
    sample: Sample, retrieved: Iterable[tuple[Row, tuple[Target, ...]]], keep: Callable[[Target], bool]
) -> tuple[Sample, dict[str, Target]]:
    """The documents of the spans of a sample in its order, each with the chance of its span; their targets by id."""
    picked: list[Picked] = []
    targets: dict[str, Target] = {}
    empty = 0
    for item, (_, documents) in zip(sample.items, retrieved, strict=True):
        empty += not documents
        for rank, target in enumerate(documents, start=1):
            if keep(target):
                key = key_of_target(target)
                targets[key] = target
                picked.append(Picked(key, item.probability, f"{item.reason} · rank {rank}"))
    spans = len(sample.items) - empty
    notes: tuple[str, ...] = (f"{len(picked):,} documents of {spans:,} retrieval{'' if spans == 1 else 's'}",)
    if empty:
        notes += (f"{empty:,} retrieved nothing",)
    return Sample(tuple(picked), sample.of, (*sample.notes, *notes)), targets


def _sampled(
    engine: Engine,
    annotator: Annotator,
    plan: Plan,
    asked: Sequence[FeedbackDefinition],
    matching: Callable[[], list[Row]],
    token: CancelToken | None,
) -> Sample:
    labels: dict[str, list[LabelRow]] = {}
    kind = KIND[plan.level]
    for label in annotator.store.current():
        if label.target.kind == kind:
            target = label.target
            if plan.documents and target.document is not None:
                target = Target("span", target.span_id or "", target.trace_id)
            labels.setdefault(key_of_target(target), []).append(label)
    judges = sorted(
        {one.annotator for rows in labels.values() for one in rows if one.source in ("judge", "code")}
    )
    names = [field.name for field in columns_of(plan.level)]
    rule = parse_rule(plan.rule, judges=judges)
    field = ""
    if rule.kind == "stratified":
        wanted = LISTED.get(rule.name or "", rule.name or "") if plan.level == "traces" else rule.name or ""
        field = column_name(plan.level, wanted) or ""
        if not field:
            parse_rule(plan.rule, fields=names)
    required = {definition.name for definition in required_of(asked)}
    rows = matching()
    more = extra_values(engine, plan.level, rows, field, token)
    candidates = []
    for row in rows:
        found = row_id(plan.level, row)
        mine = {
            one.name
            for one in labels.get(found, ())
            if one.source == "human" and one.annotator == annotator.name
        }
        candidates.append(
            Candidate(
                found,
                thread_of_row(row),
                {rule.name or "": stratum_of(more.get(found, row.get(field)))} if field else {},
                figures_of(row),
                labels.get(found, ()),
                not plan.documents and bool(required) and required <= mine,
                text_of(row) if rule.kind == "next" else "",
            )
        )
    return draw(rule, candidates, plan.seed or 0)


def _seen_before(
    annotator: Annotator, plan: Plan, asked: Sequence[FeedbackDefinition], matching: Callable[[], list[Row]]
) -> tuple[Sample, dict[Target, str]]:
    """The items to look at again: labelled under an older wording, or labelled differently by several people.

    And why each target is; of documents the sample has the spans that retrieved them.
    """
    word, _, name = plan.rule.partition(":")
    notes: tuple[str, ...] = ()
    if word == RE_REVIEW:
        if name:
            raise BadInput(
                f"{plan.rule!r} says more than {RE_REVIEW} takes", hint="--define names the definitions"
            )
        reasons = {
            row.target: f"{word} · {row.name} was labelled under another wording"
            for row in reworded(annotator, {definition.name: definition.hash for definition in asked})
        }
    else:
        left, decided = differing(annotator.store, [definition.name for definition in asked])
        reasons = reasons_of_conflicts(left)
        if decided:
            count = "1 conflict is" if len(decided) == 1 else f"{len(decided):,} conflicts are"
            notes = (f"{count} left out: decided in a session before",)
    why: dict[Target, str] = {}
    for target, said in reasons.items():
        if target.scope == plan.scope:
            span = Target("span", target.span_id or "", target.trace_id)
            why.setdefault(span if plan.documents else target, said)
    found = [one for one in (target_of_row(plan.level, row) for row in matching()) if one in why]
    picked = tuple(Picked(key_of_target(one), 1.0, why[one]) for one in found)
    return Sample(picked, len(found), notes), reasons


def _why_none(plan: Plan, sample: Sample) -> str:
    special = plan.rule.partition(":")[0]
    if special == RE_REVIEW:
        return "no label of yours was given under an older wording"
    if special == CONFLICTS:
        return "; ".join(("nobody differs", *sample.notes))
    if special == "unlabelled":
        return "you have labelled all that matches"
    return "; ".join(sample.notes) or "nothing matches"
