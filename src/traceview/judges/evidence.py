"""What a calibration is made of: which labelled items count and which do not, from the label file and the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from traceview.analysis.correction import EXPLORATORY
from traceview.analysis.near_duplicates import near_duplicates
from traceview.annotation.agreeing import agreement_of
from traceview.annotation.sampling import SOUGHT, part_of
from traceview.judges.calibration import Calls, Compared, Evidence, SplitAsked, is_applicable, tells_pass
from traceview.judges.ledger.failures import Failures, failed_checks, failures_of
from traceview.judges.ledger.telling import ask_ledger, calls_of
from traceview.judges.splits import Splits, splits_of
from traceview.judges.truth import Truth, truths_of
from traceview.judges.versions import MIXED, Judge, Wish, chosen_version
from traceview.judges.weighing import Drawn
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.model.splits import Look
from traceview.store.interface import CancelToken, Engine, Row
from traceview.store.labels.judged import Version, versions_of
from traceview.store.labels.sessions import items as session_items
from traceview.store.labels.sessions import sessions
from traceview.store.labels.splits import add_look, looks
from traceview.store.labels.store import LabelStore
from traceview.store.whole_texts import whole_texts
from traceview.text.preview import collapse

BY_CHANCE = ("random", "stratified", "next")
"""Rules whose items have chances that tell what they stand for, in whatever order they are labelled."""
LEAST_ALPHA = 0.6
"""How far people agree at least where a judge can be held to what they say."""
_TEXT_BYTES = 4_000
"""Of input and of output, as far as items are compared with examples."""


def gather(
    source: Callable[[], Engine],
    store: LabelStore,
    judge: Judge,
    wish: Wish,
    *,
    annotator: str = "",
    versions: Mapping[str, Version] | None = None,
    token: CancelToken | None = None,
) -> Evidence:
    """What there is to say of a judge; the source is asked for only where threads or texts matter.

    `versions` are what each version said, where that is known already. A look at the test split is noted in the label
    file, unless nothing may be written there. Raises BadInput where the judge has scored nothing, Cancelled, NotReady,
    Unsaved.
    """
    if versions is None:
        versions = versions_of(store, judge.name, judge.metric)
    if not versions:
        _check_failed_only(store, judge)
    version, notes = chosen_version(versions, judge, wish)
    rows = store.current(name=judge.metric, source="human")
    rules = rules_of(store, rows)
    truths = truths_of(rows, rules)
    calls = _calls(store, version)
    splits = splits_of(source(), store, rows, token) if wish.split != "all" else None
    sought = set() if wish.sought else sought_among(store, rows, rules)
    truncated = calls.truncated if calls is not None and not wish.truncated else frozenset()
    # weighted by its chance an item that was sought counts for what it is
    counted, left_out = _sorted_out(judge, version, truths, splits, wish.split, truncated)
    counted, near = _without_near_examples(source, judge, counted, token)
    compared = [one for one in counted if one.target not in sought]
    left_out |= {"sought": len(counted) - len(compared)} if len(compared) < len(counted) else {}
    left_out |= {"near_examples": near} if near else {}
    drawn = (
        _drawn(store, rows, rules, truths, version, counted, splits, wish.split)
        if tells_pass(judge.shape)
        else ()
    )
    unlabelled = [value for target, value in version.values.items() if target not in truths]
    evidence = Evidence(
        judge.name,
        judge.metric,
        MIXED if wish.mixed else version.judge_hash,
        judge.shape,
        wish.split,
        compared,
        unlabelled,
        left_out,
        ordered=judge.feedback is not None and judge.feedback.ordered,
        calls=calls,
        blind=sum(truths[one.target].blind for one in compared),
        notes=(*notes, *_notes(judge, version, truths, compared)),
        drawn=drawn,
    )
    if wish.split != "test":
        return evidence
    number, said = _look(store, judge.name, evidence.judge_hash, len(compared), annotator)
    return replace(evidence, look=number, notes=(*evidence.notes, *said))


def _calls(store: LabelStore, version: Version) -> Calls | None:
    """What came of the calls of a version, or of its checks; None where none failed, or nobody kept account."""
    if version.source == "code":
        none = Failures()
        failed = ask_ledger(store.path, partial(failed_checks, judge_hash=version.judge_hash), none)
        if not failed.reasons:
            return None
        return Calls(len(version.values), errors=failed.reasons, message=failed.message, what="items")
    nothing = Calls()
    found = ask_ledger(store.path, partial(calls_of, judge_hash=version.judge_hash), nothing)
    return None if found == nothing else found


def _check_failed_only(store: LabelStore, judge: Judge) -> None:
    """Raise BadInput where a judge has scored nothing because its checks or calls failed."""
    nothing: dict[str, Failures] = {}
    failed = ask_ledger(store.path, partial(failures_of, judge=judge.name), nothing).get(
        judge.judge_hash or ""
    )
    if failed is not None:
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(failed.reasons.items()))
        words = f", such as: {collapse(failed.message, 200)}" if failed.message else ""
        raise BadInput(f"judge {judge.name} has scored nothing: {told}{words}")


def sought_among(store: LabelStore, rows: Iterable[LabelRow], used: Collection[str]) -> set[Target]:
    """The targets that people labelled only where they had been chosen for being odd, disputed or new."""
    places: dict[tuple[str, Target], bool] = {}
    for session in used:
        for item in session_items(store, session):
            places[session, item.target] = part_of(item.reason) in SOUGHT
    how: dict[Target, list[bool]] = {}
    for row in rows:
        how.setdefault(row.target, []).append(
            row.session is not None and places.get((row.session, row.target), False)
        )
    return {target for target, found in how.items() if all(found)}


def _drawn(
    store: LabelStore,
    rows: Iterable[LabelRow],
    rules: Mapping[str, str],
    truths: Mapping[Target, Truth],
    version: Version,
    counted: Sequence[Compared],
    splits: Splits | None,
    split: SplitAsked,
) -> tuple[Drawn, ...]:
    """The items of the sessions that chance had a part in, each once: where it was labelled first."""
    given = {row.session for row in rows}
    by_chance = [one for one in sessions(store) if one.id in given and _kind(rules[one.id]) in BY_CHANCE]
    counts = {one.target for one in counted}
    ids = {one.id for one in by_chance}
    labelled_in: dict[Target, str] = {}
    for row in sorted(rows, key=lambda row: (row.created_at, row.id)):
        if row.session in ids:
            labelled_in.setdefault(row.target, row.session)
    found: dict[Target, Drawn] = {}
    for session in by_chance:
        for item in session_items(store, session.id):
            target, truth = item.target, truths.get(item.target)
            if item.repeat_of is not None or item.probability is None or target in found:
                continue
            if labelled_in.get(target, session.id) != session.id:
                continue
            said = version.values.get(target)
            neither = (
                (splits is None or splits.of.get(target) == split)
                and truth is not None
                and not truth.tied
                and said is not None
                and not (is_applicable(truth.value) and is_applicable(said))
            )
            found[target] = Drawn(
                item.probability,
                (session.id, part_of(item.reason)),
                splits.groups.get(target) if splits is not None else None,
                truth.value if truth is not None else None,
                said,
                target in counts or neither,
                part_of(item.reason) in SOUGHT,
            )
    return tuple(found.values())


def _kind(rule: str) -> str:
    return rule.partition(":")[0]


def _sorted_out(
    judge: Judge,
    version: Version,
    truths: Mapping[Target, Truth],
    splits: Splits | None,
    split: SplitAsked,
    truncated: Collection[Target],
) -> tuple[list[Compared], dict[str, int]]:
    """The labelled items that count, and how many do not, each for the first reason that it has."""
    examples = set(judge.definition.examples) if judge.definition is not None else set()
    left_out: Counter[str] = Counter()
    compared: list[Compared] = []
    for target, truth in truths.items():
        said = version.values.get(target)
        if target.id in examples:
            left_out["examples"] += 1
        elif splits is not None and splits.of[target] != split:
            left_out["other_split"] += 1
        elif said is None:
            left_out["not_judged"] += 1
        elif truth.tied:
            left_out["tied"] += 1
        elif target in truncated:
            left_out["truncated"] += 1
        elif not is_applicable(truth.value) or not is_applicable(said):
            both = not is_applicable(truth.value) and not is_applicable(said)
            who = "both" if both else "judge" if is_applicable(truth.value) else "human"
            left_out[f"{who}_not_applicable"] += 1
        elif tells_pass(judge.shape) and None in (judge.shape.passes(truth.value), judge.shape.passes(said)):
            left_out["unfit"] += 1
        else:
            compared.append(Compared(target, truth.value, said))
    return compared, dict(left_out)


def _without_near_examples(
    source: Callable[[], Engine], judge: Judge, compared: list[Compared], token: CancelToken | None
) -> tuple[list[Compared], int]:
    """The items that are no near duplicates of an example, and how many are: the judge has seen their answer."""
    if judge.definition is None or not judge.definition.examples or not compared:
        return compared, 0
    engine = source()
    kind = judge.definition.scope
    examples = []
    for one in judge.definition.examples:
        try:
            found = engine.resolve(one, token)
        except BadInput:
            continue
        if found.kind == kind:
            examples.append(found)
    texts = texts_of(engine, [*examples, *(one.target for one in compared)], token)
    at = len(examples)
    near = {
        member - at
        for group in near_duplicates(texts)
        if any(member < at for member in group.members)
        for member in group.members
        if member >= at
    }
    return [one for number, one in enumerate(compared) if number not in near], len(near)


def texts_of(engine: Engine, targets: Sequence[Target], token: CancelToken | None = None) -> list[str]:
    """The beginnings of input and output of each target as one text; empty where the source does not have it."""
    gone = set(engine.missing(targets, token))
    found: dict[Target, str] = {}
    for kind in ("trace", "thread", "span"):
        wanted = [one for one in targets if one.kind == kind and one not in gone]
        rows: list[Row] = [{"trace_id": one.trace_id, "thread_id": one.id} for one in wanted]
        if kind == "span":
            details = engine.traces(list(dict.fromkeys(str(one.trace_id) for one in wanted)), token)
            spans = {(span["trace_id"], span["span_id"]): span for detail in details for span in detail.spans}
            rows = [spans[one.trace_id, one.id] for one in wanted]
        for one, pair in zip(wanted, whole_texts(engine, kind, rows, token, limit=_TEXT_BYTES), strict=True):
            found[one] = "\n".join(text for text in pair if text)
    return [found.get(one, "") for one in targets]


def _notes(
    judge: Judge, version: Version, truths: Mapping[Target, Truth], compared: Sequence[Compared]
) -> list[str]:
    """What else is to be said of the labels."""
    if not truths:
        return [f"nobody has given a label under {judge.metric}: there is nothing to compare with"]
    notes = []
    anchored = sum(
        any(not row.blind and row.created_at > version.said_at[one.target] for row in truths[one.target].rows)
        for one in compared
    )
    if anchored:
        notes.append(
            f"{anchored:,} of {len(compared):,} labels were given not blind and after the judge's verdict: people "
            "agree more with what they have seen"
        )
    current = judge.feedback.hash if judge.feedback is not None else None
    older = sum(
        current is not None
        and any(row.definition_hash not in (None, current) for row in truths[one.target].rows)
        for one in compared
    )
    if older:
        notes.append(
            f"{older:,} of {len(compared):,} labels were given under another wording of {judge.metric}: "
            "`traceview annotate SOURCE --sample re-review` asks them again"
        )
    people = agreement_of((row for one in truths.values() for row in one.rows), judge.feedback, judge.metric)
    if people.items >= EXPLORATORY and people.alpha.value is not None and people.alpha.value < LEAST_ALPHA:
        notes.append(
            f"people agree little on {judge.metric} (alpha {people.alpha.value:.2f} over {people.items:,} items that "
            "several of them labelled): make clearer what it asks before you change the judge"
        )
    return notes


def truth_of_split(
    source: Callable[[], Engine],
    store: LabelStore,
    judge: Judge,
    split: SplitAsked,
    versions: Sequence[tuple[str, str]],
    *,
    annotator: str = "",
    token: CancelToken | None = None,
) -> tuple[dict[Target, LabelValue], tuple[str, ...]]:
    """People's values of the items of a split, and what is to be said of looking at them.

    A look at the test split is noted for each of the versions, given by judge and judge_hash.
    """
    rows = store.current(name=judge.metric, source="human")
    truths = truths_of(rows, rules_of(store, rows))
    splits = splits_of(source(), store, rows, token) if split != "all" else None
    told = {
        target: truth.value
        for target, truth in truths.items()
        if not truth.tied and (splits is None or splits.of[target] == split)
    }
    if split != "test":
        return told, ()
    notes = [_look(store, name, version, len(told), annotator)[1] for name, version in versions]
    return told, tuple(dict.fromkeys(note for some in notes for note in some))


def rules_of(store: LabelStore, rows: Iterable[LabelRow]) -> dict[str, str]:
    """The rules of the sessions that rows were given in."""
    used = {row.session for row in rows if row.session}
    return {one.id: one.rule for one in sessions(store) if one.id in used} if used else {}


def _look(
    store: LabelStore, judge: str, judge_hash: str, items: int, annotator: str
) -> tuple[int, tuple[str, ...]]:
    """Note a look at the test split; its number among those at any version of the judge, and what is to be said."""
    before = looks(store, judge)
    number = len(before) + 1
    notes: list[str] = []
    if before:
        hashes = {one.judge_hash for one in before}
        what = "this version" if hashes == {judge_hash} else f"{len(hashes)} version{'s' * (len(hashes) > 1)}"
        notes.append(
            f"look {number} at the test split with {judge}: {what} of it had been measured there before, first on "
            f"{before[0].created_at[:10]}; what was chosen by its figures is not tested by them any more"
        )
    if store.readonly:
        notes.append("this look is not noted: nothing may be written into the label file")
    else:
        add_look(store, Look(judge, judge_hash, "test", annotator or "unknown", items))
    return number, tuple(notes)
