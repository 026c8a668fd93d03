"""Who talks to the assistant when and about what, and where the problems are planted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from random import Random

from story.world import FIRST_DAY, LAST_DAY, Person, World

THREADS = 600
TRACES = 1800
V2_DAY = dt.date(2026, 10, 14)
V3_DAY = dt.date(2026, 10, 22)
SLOW_WEEK = (dt.date(2026, 10, 12), dt.date(2026, 10, 18))

# Opening kinds with their weights, what each brings into the conversation, and what may follow.
OPENERS = {
    "docs": 30,
    "kr_status": 14,
    "jira": 17,
    "update_kr": 9,
    "my_goals": 7,
    "overview": 7,
    "person_work": 5,
    "at_risk": 4,
    "reminder": 4,
    "workflow": 3,
    "comments": 3,
    "draft": 3,
    "cycle": 2,
    "vague": 2,
}
BRINGS = {
    "docs": "page",
    "docs_more": "page",
    "kr_status": "kr",
    "jira": "kr",
    "update_kr": "kr",
    "my_goals": "mine",
    "overview": "kr",
    "person_work": "kr",
    "at_risk": "kr",
    "comments": "kr",
    "vague": "kr",
    "correct": "kr",
}
FOLLOWUPS = {
    "kr": {
        "owner": 8,
        "history": 10,
        "why": 8,
        "short": 6,
        "remind_owner": 8,
        "check_in": 8,
        "jira": 13,
        "comments": 4,
        "docs": 20,
        "kr_status": 8,
        "update_kr": 4,
        "overview": 4,
    },
    "mine": {
        "history": 12,
        "check_in": 14,
        "jira": 12,
        "comments": 6,
        "docs": 22,
        "kr_status": 8,
        "cycle": 6,
    },
    "page": {
        "docs_more": 24,
        "docs": 34,
        "my_goals": 8,
        "kr_status": 10,
        "jira": 10,
        "update_kr": 6,
        "cycle": 3,
    },
    "": {"docs": 30, "kr_status": 15, "my_goals": 10, "jira": 12, "overview": 5, "cycle": 5, "reminder": 5},
}

WRITES = ("update_kr", "check_in", "jira", "remind_owner", "reminder", "update_again")
PLANTED = {
    "made_up_link_v1": 4,
    "made_up_link_v2": 5,
    "made_up_link_v3": 52,
    "search_skipped": 18,
    "wrong_user": 14,
    "infeasible_followup": 24,
    "format_broken_v1": 14,
    "format_broken_v2": 6,
    "format_broken_v3": 6,
    "ignored_error": 17,
    "loop": 9,
    "prompt_injection": 6,
    "fan_out": 1,
    "user_correction": 32,
}
"""How often each problem is planted.

The throttled calls are not in this list: every call of the third-party tool in the slow week may be one."""


@dataclass
class PlannedTurn:
    """One turn to come; `plant` is the problem it gets."""

    kind: str
    plant: str | None = None
    handled_error: bool = False


@dataclass
class PlannedThread:
    """One conversation to come; `start` in UTC."""

    number: int
    user: Person
    start: dt.datetime
    turns: list[PlannedTurn] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The prompt version of that day."""
        day = self.start.date()
        return "v1" if day < V2_DAY else "v2" if day < V3_DAY else "v3"

    @property
    def slow(self) -> bool:
        """Whether it falls into the week in which the third-party tool is throttled."""
        return SLOW_WEEK[0] <= self.start.date() <= SLOW_WEEK[1]


def make_plan(world: World, rng: Random) -> list[PlannedThread]:
    """All conversations with their turns, planted problems included."""
    lengths = rng.choices([1, 2, 3, 4, 5, 6, 7, 9], [20, 24, 21, 16, 10, 6, 2, 1], k=THREADS)
    while sum(lengths) != TRACES:
        place = rng.randrange(THREADS)
        step = 1 if sum(lengths) < TRACES else -1
        if 1 <= lengths[place] + step <= 9:
            lengths[place] += step
    days = [FIRST_DAY + dt.timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1)]
    weights = [(1.1, 1.05, 1.0, 1.0, 0.8, 0.1, 0.07)[day.weekday()] for day in days]
    users = sorted(world.people, key=lambda person: rng.random())
    activity = [1 / (place + 4) for place in range(len(users))]
    threads = []
    for number, length in enumerate(lengths):
        user = rng.choices(users, activity)[0]
        hour = rng.choices(range(8, 18), [3, 9, 11, 8, 4, 5, 10, 9, 6, 2])[0]
        day = rng.choices(days, weights)[0]
        local = dt.datetime.combine(day, dt.time(hour, rng.randrange(60), rng.randrange(60)), dt.UTC)
        start = local - dt.timedelta(hours=user.utc_offset)
        if start.date() != day or start.hour >= 22:
            start = dt.datetime.combine(day, dt.time(rng.randrange(14, 21), rng.randrange(60)), dt.UTC)
        threads.append(PlannedThread(number, user, start, plan_turns(world, user.lang, length, rng)))
    threads.sort(key=lambda thread: thread.start)
    plant(world, threads, rng)
    return threads


def plan_turns(world: World, lang: str, length: int, rng: Random) -> list[PlannedTurn]:
    """The kinds of one conversation: an opening, then what follows from it."""
    known = world.texts[lang]

    def pick(weights: dict[str, int]) -> str:
        kinds = [kind for kind in weights if kind in known]
        return rng.choices(kinds, [weights[kind] for kind in kinds])[0]

    turns = [PlannedTurn(pick(OPENERS))]
    topic = BRINGS.get(turns[0].kind, "")
    while len(turns) < length:
        if len(turns) == length - 1 and rng.random() < 0.2:
            turns.append(PlannedTurn("thanks"))
            continue
        weights = dict(FOLLOWUPS[topic])
        weights.pop(turns[-1].kind, None)
        if turns[-1].kind in ("update_kr", "check_in"):
            weights["update_again"] = 16
        turns.append(PlannedTurn(pick(weights)))
        topic = BRINGS.get(turns[-1].kind, topic)
    return turns


def plant(world: World, threads: list[PlannedThread], rng: Random) -> None:
    """Choose the turns that get a problem: at most one a turn, exactly as many as PLANTED says."""
    plant_corrections(threads, rng)
    fan_out = next(
        thread
        for thread in threads
        if thread.start.date() == dt.date(2026, 10, 30)
        and thread.user.lang == "en"
        and thread.turns[0].kind in ("kr_status", "jira", "update_kr")
    )
    fan_out.turns[0] = PlannedTurn("fan_out", "fan_out")
    same_name = {person.id for person in world.people if len(world.named(person.name)) > 1}

    def choose(problem: str, count: int, kinds: tuple[str, ...], version: str = "") -> None:
        places = [
            (thread, turn)
            for thread in threads
            for turn in thread.turns
            if turn.plant is None
            and turn.kind in kinds
            and thread.version.startswith(version or "v")
            and not (turn.kind == "jira" and thread.slow)
            and (problem != "prompt_injection" or thread.user.lang == "en")
            and (problem != "loop" or thread.user.lang == "en")
            and (problem != "wrong_user" or turn.kind != "my_goals" or thread.user.id in same_name)
        ]
        for _, turn in rng.sample(places, count):
            turn.plant = problem

    docs = ("docs", "docs_more")
    tables = ("overview", "history", "at_risk", "draft")
    for version in ("v1", "v2", "v3"):
        choose("made_up_link", PLANTED[f"made_up_link_{version}"], docs, version)
        choose("format_broken", PLANTED[f"format_broken_{version}"], tables, version)
    choose("search_skipped", PLANTED["search_skipped"], docs)
    choose("wrong_user", PLANTED["wrong_user"], ("person_work", "reminder", "my_goals"))
    choose("ignored_error", PLANTED["ignored_error"], WRITES)
    choose("prompt_injection", PLANTED["prompt_injection"], ("jira",))
    choose("loop", PLANTED["loop"], ("cycle", "comments", "workflow"))
    choose(
        "infeasible_followup",
        PLANTED["infeasible_followup"],
        ("docs", "kr_status", "overview", "update_kr", "my_goals"),
    )
    for thread in threads:
        for turn in thread.turns:
            if turn.plant == "loop":
                turn.kind = "loop"
            if turn.plant is None and turn.kind in WRITES and not (turn.kind == "jira" and thread.slow):
                turn.handled_error = rng.random() < 0.07


def plant_corrections(threads: list[PlannedThread], rng: Random) -> None:
    """Let a vague question be misunderstood and corrected in the next turn."""
    places = [thread for thread in threads if len(thread.turns) >= 2 and thread.turns[1].kind != "thanks"]
    for thread in rng.sample(places, PLANTED["user_correction"]):
        thread.turns[0] = PlannedTurn("vague")
        thread.turns[1] = PlannedTurn("correct", "user_correction")
        if len(thread.turns) > 2 and thread.turns[2].kind == "docs_more":
            thread.turns[2] = PlannedTurn("docs")
