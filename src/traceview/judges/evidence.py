"""What a calibration is made of: which labelled items count and which do not, from the label file and the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from traceview.analysis.near_duplicates import near_duplicates
from traceview.annotation.sampling import SOUGHT, part_of
from traceview.judges.calibration import Calls, Compared, Evidence, SplitAsked, is_applicable
from traceview.judges.splits import Splits, splits_of
from traceview.judges.truth import Truth, truths_of
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, ScoreShape
from traceview.model.labels import LabelRow, Target
from traceview.model.splits import Look
from traceview.store.interface import CancelToken, Engine, Row
from traceview.store.labels.judged import Version, judged_names, versions_of
from traceview.store.labels.sessions import items as session_items
from traceview.store.labels.sessions import sessions
from traceview.store.labels.splits import add_look, looks
from traceview.store.labels.store import LabelStore
from traceview.store.whole_texts import whole_texts

MIXED = "mixed"
"""What stands for the version where those of several are taken together."""
SHORT_HASH = 12
_TEXT_BYTES = 4_000
"""Of input and of output, as far as items are compared with examples."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge as far as its scores tell: its name, what it gives, what its values mean.

    `definition` is None where no file holds it; `judge_hash` is that of the file.
    """

    name: str
    metric: str
    shape: ScoreShape
    definition: JudgeDefinition | None = None
    feedback: FeedbackDefinition | None = None

    @property
    def judge_hash(self) -> str:
        """The version that a run would give scores of; empty where there is no file."""
        return self.definition.hash if self.definition is not None else ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a calibration.

    `version` is the beginning of a judge_hash; without one it is that of the judge's file, else the one that spoke
    last. `mixed` takes the newest score of each item, of whatever version. `sought` counts items too that were chosen
    because a judge or a figure was odd there, `truncated` those of which the judge saw a part.
    """

    split: SplitAsked = "dev"
    version: str = ""
    mixed: bool = False
    sought: bool = False
    truncated: bool = False


def find_judge(
    store: LabelStore,
    definitions: Sequence[JudgeDefinition],
    feedback: Sequence[FeedbackDefinition],
    name: str,
    metric: str | None = None,
) -> Judge:
    """The judge of this name: one of the files, or one that has scored. Raises BadInput with the nearest name.

    `metric` is one of the names that it gives, for judges of several parts.
    """
    from traceview.definitions.document import nearest

    definition = next((one for one in definitions if one.name == name), None)
    given = judged_names(store).get(name, ())
    if definition is None and not given:
        known = dict.fromkeys([one.name for one in definitions] + [*judged_names(store)])
        hint = nearest(name, known) if known else "`traceview judge new` makes one"
        raise BadInput(
            f"no judge is named {name!r} and none of that name has scored anything here", hint=hint
        )
    wanted = metric or (definition.metric if definition is not None else None)
    if wanted is None:
        if len(given) > 1:
            raise BadInput(
                f"judge {name} has given several scores: {', '.join(given)}", hint="name one with --metric"
            )
        wanted = given[0]
    elif metric is not None and metric not in given and (definition is None or metric != definition.metric):
        raise BadInput(
            f"judge {name} gives no score {metric!r}", hint=nearest(metric, given) if given else None
        )
    of_metric = next((one for one in feedback if one.name == wanted), None)
    if definition is not None and wanted == definition.metric:
        return Judge(name, wanted, definition.score, definition, of_metric)
    shape = _shape_of(of_metric) if of_metric is not None else _shape_met(store, name, wanted)
    return Judge(name, wanted, shape, definition, of_metric)


def chosen_version(
    versions: Mapping[str, Version], judge: Judge, wish: Wish
) -> tuple[Version, tuple[str, ...]]:
    """The version that is asked for, and what is to be said of the choice. Raises BadInput."""
    if not versions:
        raise BadInput(
            f"judge {judge.name} has scored nothing under {judge.metric} yet",
            hint=f"`traceview judge run SOURCE {judge.name}` does",
        )
    if wish.mixed:
        return _together(versions), (
            (f"scores of {len(versions)} versions are taken together",) if len(versions) > 1 else ()
        )
    if wish.version:
        found = [one for one in versions.values() if one.judge_hash.startswith(wish.version)]
        if len(found) == 1:
            return found[0], ()
        known = ", ".join(one.judge_hash[:SHORT_HASH] or "(none)" for one in versions.values())
        what = "no version" if not found else f"{len(found)} versions"
        raise BadInput(
            f"{what} of {judge.name} begins with {wish.version!r}", hint=f"versions that scored: {known}"
        )
    current = versions.get(judge.judge_hash) if judge.judge_hash else None
    if current is not None:
        return current, ()
    newest = [*versions.values()][-1]
    if not judge.judge_hash:
        others = len(versions) - 1
        return newest, ((f"the newest of {others + 1} versions: --version names another",) if others else ())
    return newest, (
        f"the judge file is version {judge.judge_hash[:SHORT_HASH]} now, which has scored nothing yet: these are "
        f"figures of {newest.judge_hash[:SHORT_HASH] or 'scores without a version'}",
    )


def gather(
    engine: Engine,
    store: LabelStore,
    judge: Judge,
    wish: Wish,
    *,
    calls: Calls | None = None,
    annotator: str = "",
    token: CancelToken | None = None,
) -> Evidence:
    """What there is to say of a judge. A look at the test split is noted in the label file, unless nothing may be
    written there.

    Raises BadInput where it has scored nothing, Cancelled, NotReady, Unsaved.
    """
    version, notes = chosen_version(versions_of(store, judge.name, judge.metric), judge, wish)
    rows = store.current(name=judge.metric, source="human")
    used = {row.session for row in rows if row.session}
    rules = {one.id: one.rule for one in sessions(store) if one.id in used}
    truths = truths_of(rows, rules)
    splits = splits_of(engine, store, rows, token) if wish.split != "all" else None
    sought = set() if wish.sought else sought_among(store, rows, used)
    truncated = calls.truncated if calls is not None and not wish.truncated else frozenset()
    compared, left_out = _sorted_out(judge, version, truths, splits, wish.split, sought, truncated)
    compared, near = _without_near_examples(engine, judge, compared, token)
    left_out |= {"near_examples": near} if near else {}
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
    )
    return _looked(store, evidence, annotator) if wish.split == "test" else evidence


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


def _sorted_out(
    judge: Judge,
    version: Version,
    truths: Mapping[Target, Truth],
    splits: Splits | None,
    split: SplitAsked,
    sought: Collection[Target],
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
        elif target in sought:
            left_out["sought"] += 1
        elif target in truncated:
            left_out["truncated"] += 1
        elif not is_applicable(truth.value) or not is_applicable(said):
            both = not is_applicable(truth.value) and not is_applicable(said)
            who = "both" if both else "judge" if is_applicable(truth.value) else "human"
            left_out[f"{who}_not_applicable"] += 1
        else:
            compared.append(Compared(target, truth.value, said))
    return compared, dict(left_out)


def _without_near_examples(
    engine: Engine, judge: Judge, compared: list[Compared], token: CancelToken | None
) -> tuple[list[Compared], int]:
    """The items that are no near duplicates of an example, and how many are: the judge has seen their answer."""
    if judge.definition is None or not judge.definition.examples or not compared:
        return compared, 0
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
    return notes


def _looked(store: LabelStore, evidence: Evidence, annotator: str) -> Evidence:
    """The evidence with the number of this look at the test split, which is noted."""
    before = looks(store, evidence.judge)
    number = len(before) + 1
    notes: list[str] = []
    if before:
        hashes = len({one.judge_hash for one in before})
        versions = "this version" if {one.judge_hash for one in before} == {evidence.judge_hash} else (
            f"{hashes} {'version' if hashes == 1 else 'versions'} of the judge"
        )  # fmt: skip
        notes.append(
            f"look {number} at the test split: {versions} were measured on it before, first on "
            f"{before[0].created_at[:10]}; what was chosen by its figures is not tested by them any more"
        )
    if store.readonly:
        notes.append("this look is not noted: nothing may be written into the label file")
    else:
        add_look(
            store,
            Look(evidence.judge, evidence.judge_hash, "test", annotator or "unknown", len(evidence.compared)),
        )
    return replace(evidence, look=number, notes=(*evidence.notes, *notes))


def _together(versions: Mapping[str, Version]) -> Version:
    """The newest value of each target, of whatever version."""
    whole = Version(MIXED, min(one.first for one in versions.values()), "", [*versions.values()][-1].source)
    for one in versions.values():
        whole.last = max(whole.last, one.last)
        for target, value in one.values.items():
            if one.said_at[target] >= whole.said_at.get(target, ""):
                whole.values[target], whole.said_at[target] = value, one.said_at[target]
    return whole


def _shape_of(feedback: FeedbackDefinition) -> ScoreShape:
    """What the values of a metric mean where no judge file says so: as its definition has it, else pass and fail."""
    if feedback.type == "categorical":
        return ScoreShape("categorical", choices=feedback.choices)
    return ScoreShape("numerical" if feedback.type == "numerical" else "boolean")


def _shape_met(store: LabelStore, judge: str, metric: str) -> ScoreShape:
    """What the values of a judge look like, where nothing defines them."""
    values = {
        value
        for version in versions_of(store, judge, metric).values()
        for value in version.values.values()
        if is_applicable(value)
    }
    texts = sorted(value for value in values if isinstance(value, str))
    if texts:
        return ScoreShape("categorical", choices=tuple(texts))
    return ScoreShape("boolean" if all(isinstance(value, bool) for value in values) else "numerical")
