"""What happens in a turn: the user's words, the tools that are called, the answer; planted problems included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from story.plan import PlannedThread, PlannedTurn
from story.world import CYCLE, KeyResult, Page, Person, World, date_text, number


@dataclass
class Call:
    """One tool call; `failures` are throttled attempts before it, `ms` its usual duration."""

    name: str
    args: dict[str, Any]
    result: Any = None
    error: tuple[str, str] | None = None
    ms: tuple[int, int] = (90, 700)
    failures: int = 0
    documents: list[dict[str, Any]] | None = None
    inner: list[Call] = field(default_factory=list)


@dataclass
class Turn:
    """One turn, ready to be written as spans: `steps` are rounds of tool calls, one model call each."""

    text: str
    answer: str
    steps: list[list[Call]] = field(default_factory=list)
    detail: str = ""
    problem: str | None = None
    blame: str | None = None
    """The name of the tool whose first span shows the problem, or "answer" for the final model call."""


class Talk:
    """The memory of one conversation and the means to write its turns."""

    def __init__(self, world: World, thread: PlannedThread, rng: Random) -> None:
        self.world, self.thread, self.rng = world, thread, rng
        self.user, self.lang, self.day = thread.user, thread.user.lang, thread.start.date()
        self.texts = world.texts[self.lang]
        self.focus: KeyResult | None = None
        self.page: Page | None = None
        self.vague: dict[str, Any] | None = None
        self.values: dict[str, float] = {}
        self.asked: list[str] = []

    # Words.

    def say(self, kind: str, part: str, **slots: Any) -> str:
        """One of the texts of a kind, filled; a question is not asked twice in a conversation."""
        choices = self.texts[kind][part]
        fresh = [text for text in choices if text not in self.asked] or choices
        text = self.rng.choice(fresh)
        if part == "ask":
            self.asked.append(text)
        return text.format(**slots).strip()

    def num(self, kr: KeyResult, value: float) -> str:
        return number(value, kr.unit, self.lang)

    def date(self, day: dt.date) -> str:
        return date_text(day, self.lang)

    def finish(self, kind: str, planned: PlannedTurn, answer: str, slots: dict[str, Any], turn: Turn) -> Turn:
        """Put the closing offer under an answer, a kept one or one that no tool can keep."""
        if planned.plant == "infeasible_followup":
            about_owner = "kr" in slots
            offers = [
                text for text in self.texts["infeasible"]["offer"] if about_owner or "{owner}" not in text
            ]
            offer = self.rng.choice(offers).format(**slots)
            turn.problem, turn.blame, turn.detail = (
                planned.plant,
                "answer",
                f"offers what no tool can do: {offer}",
            )
            answer = f"{answer}\n\n{offer}"
        elif kind in self.texts["offers"] and self.rng.random() < 0.5 and not turn.problem:
            answer = f"{answer}\n\n{self.say('offers', kind, **slots)}"
        turn.answer = answer
        return turn

    # Facts.

    def value(self, kr: KeyResult) -> float:
        """The value as this conversation knows it: what was set in it, else what the day says."""
        return self.values.get(kr.id, kr.value(self.day))

    def pick_kr(self) -> KeyResult:
        """A key result the user may care about: mostly of the own team."""
        others = [kr for kr in self.world.krs if kr.owner is not self.user and kr is not self.focus]
        of_team = [kr for kr in others if kr.team == self.user.team]
        self.focus = self.rng.choice(of_team if self.rng.random() < 0.7 else others)
        return self.focus

    def pick_to_write(self) -> KeyResult:
        """A key result to change: half of the time one of the user's own, unless its owner will be asked for."""
        own = self.world.owned_by(self.user)
        asks_owner = any(turn.kind in ("owner", "remind_owner") for turn in self.thread.turns)
        if asks_owner or self.rng.random() < 0.5:
            return self.pick_kr()
        self.focus = self.rng.choice(own)
        return self.focus

    def score(self, kr: KeyResult, value: float) -> str:
        """A score as people of that language write it."""
        return kr.score(value).replace(".", "," if self.lang == "de" else ".")

    def kr(self) -> KeyResult:
        """The key result the conversation is about."""
        return self.focus or self.pick_kr()

    def last_check_in(self, kr: KeyResult) -> dt.date:
        return self.day - dt.timedelta(days=1 + int(kr.pace * 37) % 9)

    def facts(self, kr: KeyResult) -> dict[str, Any]:
        """The slots that any text about a key result may use."""
        value = self.value(kr)
        return {
            "kr": kr.name,
            "team": kr.team,
            "owner": kr.owner.name,
            "cur": self.num(kr, value),
            "target": self.num(kr, kr.target),
            "score": self.score(kr, value),
            "day": self.date(self.last_check_in(kr)),
            "conf": self.texts["words"][kr.confidence(self.day)],
        }

    def record(self, kr: KeyResult, confidence: str | None = None) -> dict[str, Any]:
        """A key result as the tools return it."""
        value = self.value(kr)
        return {
            "id": kr.id,
            "name": kr.name,
            "team": kr.team,
            "owner_id": kr.owner.id,
            "owner": kr.owner.name,
            "unit": kr.unit,
            "baseline": kr.base,
            "target": kr.target,
            "current": value,
            "score": float(kr.score(value)),
            "confidence": confidence or kr.confidence(self.day),
            "last_check_in": self.last_check_in(kr).isoformat(),
        }

    def find(self, kr: KeyResult) -> Call:
        """The search for a key result by its name, with near misses."""
        others = [o for o in self.world.krs if o is not kr and o.name.split()[0] == kr.name.split()[0]]
        return Call(
            "find_key_results",
            {"query": kr.name},
            {"key_results": [self.record(k) for k in [kr, *others[:2]]]},
        )

    def new_value(self, kr: KeyResult) -> float:
        """A plausible next value, not the present one."""
        step = (kr.target - kr.base) * self.rng.uniform(0.03, 0.12)
        value = kr.rounded(self.value(kr) + step)
        return value if value != self.value(kr) else kr.rounded(value + (1 if kr.target > kr.base else -1))

    def history(self, kr: KeyResult) -> list[tuple[dt.date, float]]:
        """Five weekly values up to today."""
        days = [self.day - dt.timedelta(days=7 * n) for n in (4, 3, 2, 1)]
        return [*((day, kr.value(day)) for day in days), (self.day, self.value(kr))]

    def someone_else(self, *others: str) -> Person:
        return self.rng.choice(
            [p for p in self.world.people if p.name not in others and p.id != self.user.id]
        )

    def person_row(self, person: Person) -> dict[str, Any]:
        return {"id": person.id, "name": person.name, "team": person.team}

    # A write that may fail.

    def write(self, turn: Turn, planned: PlannedTurn, kind: str, call: Call, slots: dict[str, Any]) -> str:
        """The answer after a write: success, an honest failure, or (planted) a failure that is not mentioned."""
        if planned.plant == "ignored_error" or planned.handled_error:
            errors = self.world.phrases["jira_errors" if call.name == "jira_sync" else "errors"]
            call.error, call.result = tuple(self.rng.choice(errors)), None
            if planned.handled_error:
                return self.say(kind, "fail", error=call.error[1], **slots)
            turn.problem, turn.blame = planned.plant, call.name
            turn.detail = f"{call.name} failed with {call.error[1]!r}, the answer claims success"
        return self.say(kind, "answer", **slots)


Build = Callable[[Talk, PlannedTurn], Turn]
KINDS: dict[str, Build] = {}


def kind(name: str) -> Callable[[Build], Build]:
    """Register how a kind of turn is built."""

    def keep(build: Build) -> Build:
        KINDS[name] = build
        return build

    return keep


def build_turn(talk: Talk, planned: PlannedTurn) -> Turn:
    """Build one turn and check that a planted problem was really put in."""
    turn = KINDS[planned.kind](talk, planned)
    if turn.problem != planned.plant and not (planned.plant is None and turn.problem == "throttled_tool"):
        raise AssertionError(f"{planned.kind}: {planned.plant} was planned, {turn.problem} was built")
    return turn


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, which the system prompt forbids."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def break_format(turn: Turn, planned: PlannedTurn, talk: Talk, head: list[str], rows: list[list[str]]) -> str:
    """An answer with a table or with more than three bullets."""
    turn.problem, turn.blame = planned.plant, "answer"
    lead = talk.say("table", "lead")
    if len(rows) < 4 or talk.rng.random() < 0.5:
        turn.detail = "uses a table, which the system prompt forbids"
        return f"{lead}\n\n{table(head, rows)}"
    turn.detail = f"uses {len(rows)} bullet points, the system prompt allows 3"
    return f"{lead}\n\n" + bullets([f"**{row[0]}**: " + ", ".join(row[1:]) for row in rows])


def due_date(day: dt.date) -> dt.date:
    """The Friday of that week, the day of check-ins."""
    return day + dt.timedelta(days=(4 - day.weekday()) % 7)


def weeks_left(day: dt.date) -> int:
    return (CYCLE[2] - day).days // 7
