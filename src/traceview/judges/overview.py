"""Every judge of a project with what is known of it: its state, its version, how often it is right, what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from traceview.judges.calibration import Calibration, calibrate
from traceview.judges.evidence import gather
from traceview.judges.ledger.telling import RunState, ask_ledger, runs, spent_by_judge
from traceview.judges.loading import LoadedJudges
from traceview.judges.versions import Judge, Wish, find_judge
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, JudgeKind
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.judged import judged_names, versions_of
from traceview.store.labels.store import LabelStore

JudgeState = Literal["enabled", "draft", "refused", "no file", "running"]


class JudgeOverview(Struct, frozen=True):
    """One judge. `problem` is what is wrong with its file, `uncalibrated` why there is no `calibration`.

    `judge` is None where the file is refused and nothing was scored. `scored` counts items that the version in the
    figures has scored, of `versions` that have. `last` is when it scored last, `nanos` billionths of a dollar. While
    `reading`, nothing is known yet of what it scored.
    """

    name: str
    state: JudgeState
    judge: Judge | None
    path: Path | None = None
    problem: BadInput | None = None
    judge_hash: str = ""
    versions: int = 0
    scored: int = 0
    last: str | None = None
    calibration: Calibration | None = None
    uncalibrated: str = ""
    nanos: int | None = None
    run: RunState | None = None
    reading: bool = False

    @property
    def definition(self) -> JudgeDefinition | None:
        """Its file's judge, None where no file holds it or that is refused."""
        return self.judge.definition if self.judge is not None else None

    @property
    def kind(self) -> JudgeKind | None:
        """Whether code or a model judges; None where nobody says."""
        return self.definition.kind if self.definition is not None else None


def overview(
    source: Callable[[], Engine],
    store: LabelStore,
    loaded: LoadedJudges,
    feedback: Sequence[FeedbackDefinition],
    split: Literal["dev", "all"] = "dev",
    token: CancelToken | None = None,
    tell: Callable[[tuple[JudgeOverview, ...]], object] | None = None,
) -> tuple[JudgeOverview, ...]:
    """The judges of the files, the refused files, then those that have scored without a file; each by name.

    What cannot be told of one judge hides no other. `tell` gets all of them before anything that was scored is read,
    and again with the figures of each. Raises Cancelled, NotReady.
    """
    nothing: tuple[RunState, ...] = ()
    no_money: dict[str, int] = {}
    going = {
        one.judge: one for one in ask_ledger(store.path, partial(runs, active=True), nothing) if one.active
    }
    money = ask_ledger(store.path, spent_by_judge, no_money)
    names = sorted(one.name for one in loaded.judges)
    refused = {path.stem: (path, error) for path, error in sorted(loaded.refused.items())}
    others = sorted(judged_names(store).keys() - set(names) - refused.keys())
    found = [
        _begun(
            store,
            loaded.judges,
            feedback,
            name,
            refused.get(name) if name not in names else None,
            money,
            going,
        )
        for name in (*names, *(name for name in refused if name not in names), *others)
    ]
    for place, one in enumerate(found):
        if tell is not None and (one.reading or not place):
            tell(tuple(found))
        if token is not None:
            token.check()
        if one.reading:
            found[place] = _with_figures(source, store, one, split, token)
    return tuple(found)


def _begun(
    store: LabelStore,
    definitions: Sequence[JudgeDefinition],
    feedback: Sequence[FeedbackDefinition],
    name: str,
    refused: tuple[Path, BadInput] | None,
    money: dict[str, int],
    going: dict[str, RunState],
) -> JudgeOverview:
    """What files and ledger say of a judge."""
    path, problem = refused if refused is not None else (None, None)
    try:
        judge = find_judge(store, definitions, feedback, name)
    except BadInput as error:
        return JudgeOverview(
            name, "refused" if problem else "no file", None, path, problem, uncalibrated=error.message
        )
    definition = judge.definition
    state: JudgeState = "refused" if problem is not None else "no file"
    if definition is not None:
        state = "enabled" if definition.enabled else "draft"
        path = definition.path
    if name in going:
        state = "running"
    return JudgeOverview(
        name,
        state,
        judge,
        path,
        problem,
        judge.judge_hash,
        uncalibrated="its scores are being read",
        nanos=money.get(name),
        run=going.get(name),
        reading=True,
    )


def _with_figures(
    source: Callable[[], Engine],
    store: LabelStore,
    one: JudgeOverview,
    split: Literal["dev", "all"],
    token: CancelToken | None,
) -> JudgeOverview:
    """The same with what it scored, and how often it is right."""
    judge = one.judge
    assert judge is not None
    versions = versions_of(store, judge.name, judge.metric)
    calibration, why = None, "scored nothing yet"
    if versions:
        try:
            gathered = gather(source, store, judge, Wish(split), versions=versions, token=token)
            calibration, why = calibrate(gathered), ""
        except BadInput as error:
            why = error.message
    shown = calibration.evidence.judge_hash if calibration is not None else judge.judge_hash
    return replace(
        one,
        judge_hash=shown,
        versions=len(versions),
        scored=len(versions[shown].values) if shown in versions else 0,
        last=max((version.last for version in versions.values()), default=None),
        calibration=calibration,
        uncalibrated=why,
        reading=False,
    )
