"""A judge with checks of the project's own over a source: objects are read here and judged in child processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from traceview.definitions.project import Project
from traceview.judges.checks import registry
from traceview.judges.checks.base import Finding
from traceview.judges.checks.seen import SeenTrace, said_by
from traceview.judges.code_worker import judgement_of
from traceview.judges.combining import combined, of_thread
from traceview.judges.items import Item, everything, items_of
from traceview.judges.own.pool import Ask, OwnPool
from traceview.judges.own.process import SECONDS, Failed, OwnCheck, TimedOut
from traceview.judges.own.values import part_of, score_of
from traceview.judges.reading import NEXT, Conversations
from traceview.model.checks import PYTHON
from traceview.model.errors import BadInput
from traceview.model.judges import Check, JudgeDefinition, Judgement, OutcomeKind
from traceview.model.labels import NOT_APPLICABLE, Target
from traceview.store.interface import CancelToken, Engine
from traceview.text.preview import collapse


def is_own(check: Check) -> bool:
    """Whether a check is code of the project's own."""
    return check.use.startswith(PYTHON)


def own_checks(judge: JudgeDefinition, project: Project) -> list[OwnCheck]:
    """The judge's own checks, in order. Raises BadInput where the project is not trusted."""
    if not project.trusted:
        raise BadInput(
            f"{judge.name} runs code of {project.folder}, which was found beside the source: it is not run",
            hint="start traceview in that folder, or name it with --config, if you trust it",
        )
    found = []
    for check in judge.checks:
        if is_own(check):
            file, _, function = check.use.removeprefix(PYTHON).rpartition(":")
            found.append(OwnCheck(project.folder.absolute(), file, function))
    return found


def needs_of_own(judge: JudgeDefinition, checks: Sequence[OwnCheck]) -> frozenset[str]:
    """The parts of the object that a check may look at: those that a file in its folder names; all if none is named.

    What is not named is neither read nor handed over.
    """
    needs = everything(judge.scope)
    if any(not is_own(check) for check in judge.checks):
        return needs
    texts = [text for check in checks for text in _texts(check.path.parent)]
    named = frozenset(key for key in needs if any(key.encode() in text for text in texts))
    return named or needs


def _texts(folder: Path) -> Iterator[bytes]:
    for file in folder.glob("*.py"):
        if file.is_file():
            yield file.read_bytes()


class Asking:
    """Asks the checks of a judge about items."""

    def __init__(self, judge: JudgeDefinition, seconds: float) -> None:
        self._judge = judge
        self._seconds = seconds
        own = (place for place, check in enumerate(judge.checks) if is_own(check))
        self._numbers = {place: number for number, place in enumerate(own)}

    def judge(
        self, target: Target, looked_at: dict[str, Any], ask: Ask, findings: Mapping[int, Finding]
    ) -> Judgement:
        """What came of a target; `findings` are those of built-in checks. Raises BadInput for a file without use."""
        judge = self._judge
        try:
            answers = {
                place: ask(number, looked_at, judge.checks[place].options)
                for place, number in self._numbers.items()
            }
            if len(judge.checks) == 1 and not judge.checks[0].name:
                return _single(judge, target, answers[0])
            found = [
                findings[place] if place in findings else _finding(answers[place])
                for place in range(len(judge.checks))
            ]
            return judgement_of(judge, target, combined(judge, found))
        except TimedOut:
            words = f"the check did not answer within {self._seconds:g} s"
            return Judgement(target, "error", None, "check_timeout", words)
        except (Failed, ValueError) as error:
            return Judgement(target, "error", None, "check_failed", str(error))


class OwnJudging:
    """Judges items with a pool of child processes until it is closed."""

    def __init__(
        self,
        engine: Engine,
        judge: JudgeDefinition,
        project: Project,
        workers: int | None = None,
        seconds: float = SECONDS,
        errors: IO[bytes] | int | None = None,
    ) -> None:
        """What the checks print goes to `errors`, None: to stderr. Raises BadInput for a project without trust."""
        self._engine = engine
        self._judge = judge
        checks = own_checks(judge, project)
        self._needs = needs_of_own(judge, checks)
        self._conversations: Conversations | None = None
        self._pool = OwnPool(checks, workers, seconds, errors)
        self._asking = Asking(judge, seconds)
        self._builtin = _builtin(judge)

    def judge(self, targets: Sequence[Target], token: CancelToken) -> Iterator[Judgement]:
        """What came of each target. Raises Cancelled; BadInput for a file that cannot be used at all."""
        if self._conversations is None:
            self._conversations = Conversations(self._engine, self._needs, token)
        read = items_of(self._engine, targets, self._needs, token, self._conversations)
        items = ((item, self._findings(item, token)) for item in read)
        for judgement in self._pool.each(items, self._one):
            token.check()
            yield judgement

    def close(self) -> None:
        """End the child processes."""
        self._pool.close()

    def _one(self, given: tuple[Item, dict[int, Finding]], ask: Ask) -> Judgement:
        item, findings = given
        if item.unread:
            return Judgement(item.target, "error", None, "too_large", item.unread)
        return self._asking.judge(item.target, item.object, ask, findings)

    def _findings(self, item: Item, token: CancelToken) -> dict[int, Finding]:
        """What built-in checks beside the project's own find."""
        if not self._builtin or item.unread:
            return {}
        seen, at = self._seen(item, token)
        return {place: check(seen, at) for place, check in self._builtin.items()}

    def _seen(self, item: Item, token: CancelToken) -> tuple[list[SeenTrace], int]:
        target, engine = item.target, self._engine
        ids = [target.trace_id or target.id]
        if target.kind == "thread":
            ids = [row["trace_id"] for row in engine.thread(target.id, token).traces]
        found = []
        for detail in engine.traces(ids, token):
            payloads = engine.payloads(detail.spans, token)
            turn = (item.object.get("thread") or {}).get(NEXT) or {}
            text = turn.get("text")
            spans = list(detail.spans)
            found.append(
                SeenTrace(spans, [one.raw or {} for one in payloads], collapse(text, 160) if text else None)
            )
        place = 0
        if target.kind == "span":
            place = next(at for at, span in enumerate(found[0].spans) if span["span_id"] == target.id)
        return found, place


def _single(judge: JudgeDefinition, target: Target, answer: dict[str, Any]) -> Judgement:
    """The judgement of a judge that is one check of the project's own, of whatever type. Raises ValueError."""
    value = score_of(judge.score, answer["value"])
    parts = {name: NOT_APPLICABLE if one is None else one for name, one in answer["parts"].items()}
    outcome: OutcomeKind = "not_applicable" if value == NOT_APPLICABLE else "scored"
    return Judgement(target, outcome, value, None, answer["explanation"], tuple(answer["evidence"]), parts)


def _finding(answer: dict[str, Any]) -> Finding:
    return Finding(part_of(answer["value"]), answer["explanation"], tuple(answer["evidence"]))


Seen = Callable[[list[SeenTrace], int], Finding]


def _builtin(judge: JudgeDefinition) -> dict[int, Seen]:
    """The built-in checks of a judge by their place."""
    return {place: _seeing(judge, check) for place, check in enumerate(judge.checks) if not is_own(check)}


def _seeing(judge: JudgeDefinition, check: Check) -> Seen:
    if judge.scope == "span":
        of_text = registry.make_for_text(check.use, check.options)

        def span(seen: list[SeenTrace], at: int) -> Finding:
            text = said_by(seen[0], at)
            return Finding(None, "the span said nothing") if text is None else of_text(text)

        return span
    of_trace = registry.make(check.use, check.options)
    if judge.scope == "thread":
        return lambda seen, _: of_thread([of_trace(one) for one in seen])
    return lambda seen, _: of_trace(seen[0])
