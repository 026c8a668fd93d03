"""The company of the story: people, objectives, key results and how they move, documentation pages, texts."""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

DATA = Path(__file__).parent / "data"
FIRST_DAY = dt.date(2026, 10, 5)
LAST_DAY = dt.date(2026, 11, 1)
CYCLE = ("Q4 2026", dt.date(2026, 9, 28), dt.date(2026, 12, 20))


def load(name: str) -> dict[str, Any]:
    """Read one of the data files, named without its suffix."""
    with (DATA / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


@dataclass(frozen=True)
class Person:
    """Somebody in the company; `utc_offset` in hours."""

    id: str
    name: str
    team: str
    lang: str
    utc_offset: int


@dataclass(frozen=True)
class KeyResult:
    """A key result; its value at a date follows from a fixed pace."""

    id: str
    name: str
    unit: str
    base: float
    target: float
    team: str
    owner: Person
    pace: float

    def value(self, day: dt.date) -> float:
        """The current value on a day, rounded as people would enter it."""
        passed = (day - CYCLE[1]).days // 3 * 3
        wobble = stable(f"{self.id}:{passed}") * 0.04 - 0.02
        share = max(0.0, min(1.05, self.pace * passed / 84 + 0.12 + wobble))
        return self.rounded(self.base + (self.target - self.base) * share)

    def rounded(self, value: float) -> float:
        """Whole numbers, but one decimal where baseline and target are close."""
        return round(value, 1) if abs(self.target - self.base) < 10 else float(round(value))

    def score(self, value: float) -> str:
        """The score of a value, 0.00 to 1.00, as text."""
        return f"{max(0.0, min(1.0, (value - self.base) / (self.target - self.base))):.2f}"

    def confidence(self, day: dt.date) -> str:
        """on_track, at_risk or off_track, as the owner would judge."""
        reached = float(self.score(self.value(day)))
        hoped = max(0.1, (day - CYCLE[1]).days / 84)
        return "on_track" if reached >= hoped else "at_risk" if reached >= 0.6 * hoped else "off_track"


@dataclass(frozen=True)
class Objective:
    """An objective with its three key results."""

    id: str
    title: str
    team: str
    krs: tuple[KeyResult, ...]


@dataclass(frozen=True)
class Page:
    """A page of the help centre with questions that it answers, per language."""

    slug: str
    title: str
    text: str
    url: str
    questions: dict[str, list[str]]
    answers: dict[str, list[str]]


def stable(text: str) -> float:
    """A number from 0 to 1 that depends on the text only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


class World:
    """Everything that exists in the story before anybody asks."""

    def __init__(self) -> None:
        raw = load("world")
        self.people = [Person(f"u_{101 + i}", *row) for i, row in enumerate(raw["people"])]
        self.teams: list[str] = raw["teams"]
        self.objectives: list[Objective] = []
        seats: dict[str, int] = {}
        for number, item in enumerate(raw["objective"]):
            team, members = item["team"], [p for p in self.people if p.team == item["team"]]
            krs = []
            for name, unit, base, target in item["krs"]:
                seat = seats.get(team, 0)
                seats[team] = seat + 1
                kr_id = f"kr_{number + 1:02d}{len(krs) + 1}"
                pace = 0.25 + 0.95 * stable(name)
                owner = members[seat % len(members)]
                krs.append(KeyResult(kr_id, name, unit, base, target, team, owner, pace))
            self.objectives.append(Objective(f"obj_{number + 1:02d}", item["title"], team, tuple(krs)))
        self.krs = [kr for objective in self.objectives for kr in objective.krs]
        docs = load("docs")
        self.docs_base: str = docs["base"]
        self.pages = [
            Page(p["slug"], p["title"], p["text"], docs["base"] + p["slug"], p["q"], p["a"])
            for p in docs["page"]
        ]
        self.tools: dict[str, str] = load("tools")
        self.prompts: dict[str, str] = load("prompts")
        self.phrases = load("phrases")
        self.texts = {lang: load(lang) for lang in ("en", "de", "ja")}

    def objective_of(self, kr: KeyResult) -> Objective:
        """The objective that a key result belongs to."""
        return next(objective for objective in self.objectives if kr in objective.krs)

    def owned_by(self, person: Person) -> list[KeyResult]:
        """The key results that a person owns."""
        return [kr for kr in self.krs if kr.owner.id == person.id]

    def named(self, name: str) -> list[Person]:
        """Everybody of that name."""
        return [person for person in self.people if person.name == name]

    def kr(self, name: str) -> KeyResult:
        """The key result of that name."""
        return next(kr for kr in self.krs if kr.name == name)

    def page(self, slug: str) -> Page:
        """The page of that slug."""
        return next(page for page in self.pages if page.slug == slug)

    def search(self, page: Page, rng: Random) -> list[dict[str, Any]]:
        """What the documentation search returns when `page` is the best answer: three or four documents."""
        section = page.slug.split("/")[0]
        near = [p for p in self.pages if p.slug != page.slug and p.slug.startswith(section)]
        far = [p for p in self.pages if not p.slug.startswith(section)]
        picked = [page, *near[:1], *rng.sample(far, rng.choice([1, 2]))]
        score, found = rng.uniform(0.78, 0.93), []
        for item in picked:
            found.append(
                {
                    "id": item.slug,
                    "score": round(score, 3),
                    "title": item.title,
                    "text": item.text,
                    "url": item.url,
                }
            )
            score *= rng.uniform(0.55, 0.85)
        return found


def number(value: float, unit: str, lang: str) -> str:
    """A value as people of that language write it."""
    digits = f"{value:,.1f}" if value != int(value) else f"{int(value):,}"
    if lang == "de":
        digits = digits.replace(",", "\0").replace(".", ",").replace("\0", ".")
    if unit == "%":
        return f"{digits} %" if lang == "de" else f"{digits}%"
    if unit == "d":
        return f"{digits} " + {"en": "days", "de": "Tage", "ja": "日"}[lang]
    return f"{digits} {unit}".strip()


def date_text(day: dt.date, lang: str) -> str:
    """A date as people of that language write it."""
    if lang == "de":
        return f"{day.day}.{day.month}."
    if lang == "ja":
        return f"{day.month}月{day.day}日"
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
    ]
    return f"{[*months, 'November', 'December'][day.month - 1]} {day.day}"
