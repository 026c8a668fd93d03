"""Which judge is meant and which version of it: by its file, or by the scores that it has given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from traceview.definitions.document import nearest
from traceview.judges.calibration import SplitAsked, is_applicable
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, ScoreShape
from traceview.store.labels.judged import Version, judged_names, versions_of
from traceview.store.labels.store import LabelStore

MIXED = "mixed"
"""What stands for the version where those of several are taken together."""
SHORT_HASH = 12


class Judge(Struct, frozen=True):
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


class Wish(Struct, frozen=True):
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
