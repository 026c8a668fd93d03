"""What every built-in check is made of: what it found, and its options read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from traceview.judges.checks.seen import SeenTrace
from traceview.model.checks import CHECKS

EVIDENCE = 20
"""So many pieces of evidence are kept; the explanation says how many there are."""


class Finding(Struct, frozen=True):
    """What a check found: True is a pass, None that it does not apply. `parts` are further values beside it."""

    value: bool | None
    explanation: str
    evidence: tuple[str, ...] = ()
    parts: Mapping[str, bool | None] = field(default_factory=dict)


TraceCheck = Callable[[SeenTrace], Finding]
TextCheck = Callable[[str], Finding]


class Options:
    """The options of a check, with the defaults of its form in `model.checks`. They are valid."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self._form = CHECKS[name]
        self._given = given

    def get(self, name: str) -> Any:
        """The value as it is."""
        return self._given.get(name, self._form.options[name].default)

    def texts(self, name: str) -> tuple[str, ...]:
        """One text or several; none where it is not given."""
        return _several(self.get(name))

    def patterns(self, name: str, flags: int = 0) -> tuple[re.Pattern[str], ...]:
        """One regular expression or several, in which `^` and `$` are ends of lines."""
        return tuple(re.compile(one, re.MULTILINE | flags) for one in _several(self.get(name)))

    def whole(self, name: str) -> int | None:
        """A whole number; None where it is not given."""
        value = self.get(name)
        return None if value is None else int(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self.get(name))

    def otherwise(self, name: str, explanation: str) -> Finding:
        """The finding that an option of `model.checks.OTHERWISE` asks for."""
        return Finding({"not_applicable": None, "pass": True, "fail": False}[self.get(name)], explanation)


def asked(options: Options) -> Callable[[SeenTrace], Finding | None]:
    """Whether `if_answer` and `if_question` want a trace judged: None, or the finding that they do not."""
    answers, questions = options.patterns("if_answer"), options.patterns("if_question")

    def wanted(trace: SeenTrace) -> Finding | None:
        if answers and not _found(answers, trace.answer or ""):
            return Finding(None, "the answer is none that this check is for")
        if questions and not _found(questions, trace.question):
            return Finding(None, "the question is none that this check is for")
        return None

    return wanted


def of_answer(
    name: str, given: Mapping[str, Any], make_for_text: Callable[[Mapping[str, Any]], TextCheck]
) -> TraceCheck:
    """The check of a text as one of the answer of a trace, where it is wanted."""
    options = Options(name, given)
    wanted, of_text = asked(options), make_for_text(given)

    def check(trace: SeenTrace) -> Finding:
        unwanted = wanted(trace)
        if unwanted is not None:
            return unwanted
        if trace.answer is None:
            return options.otherwise("when_no_answer", "nothing was answered")
        return of_text(trace.answer)

    return check


def kept(evidence: Sequence[str]) -> tuple[str, ...]:
    """The first of the evidence."""
    return tuple(evidence[:EVIDENCE])


def _several(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _found(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)
