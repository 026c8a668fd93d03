"""What is wrong with a trace, read from its spans alone: no trace may have a problem that the truth does not name."""

from __future__ import annotations

import json
import re
from collections import Counter

from story.recorder import Span
from story.tell import Story
from story.world import World

LINK = re.compile(r"https://help\.polaris\.example/[^\s)\"\\]+")
CITES = re.compile(r"documentation|Dokumentation|ドキュメント")
CORRECTS = re.compile(
    r"^(no, i meant|that's not what i asked|not .*! i meant|nein, ich meinte|いいえ、|違います)", re.I
)
INJECTS = re.compile(r"ignore (all |your )?previous instructions", re.I)
MINE = re.compile(r"\b(my|meine|mir)\b|私の", re.I)
ALLOWED_BULLETS = 3
LOOP = 4


class Facts:
    """What one trace shows: links, searches, errors, repeated calls."""

    def __init__(self, spans: list[Span]) -> None:
        self.root = next(span for span in spans if span["parent_span_id"] is None)
        self.spans = sorted(spans, key=lambda span: span["start_time"])
        self.answer: str = self.root["output"]
        self.searches = [span for span in self.spans if span["kind"] == "retriever"]
        self.returned = {
            doc["url"] for span in self.searches for doc in json.loads(span["output"])["documents"]
        }
        self.links = LINK.findall(self.answer)
        self.tools = [span for span in self.spans if span["kind"] == "tool"]
        self.cites = bool(self.links or CITES.search(self.answer))

    @property
    def uncaught(self) -> list[Span]:
        """Tool spans that failed and were not tried again with success."""
        last = {(span["name"], span["input"]): span for span in self.tools}
        return [span for span in last.values() if span["status"] == "error"]

    @property
    def offers(self) -> bool:
        """Whether the answer ends with an offer."""
        return self.answer.rstrip().endswith(("?", "?"))


def wrong_user(facts: Facts) -> bool:
    """Whether the assistant acted on a namesake of the person who was meant."""
    found = [span for span in facts.tools if span["name"] == "find_person" and span["output"]]
    if not found:
        return False
    people = {row["id"]: row for row in json.loads(found[0]["output"])["people"]}
    acted = None
    for span in facts.tools:
        args = json.loads(span["input"])
        acted = args.get("owner_id") or args.get("person_id") or acted
    if facts.root["user_id"] in people and MINE.search(facts.root["input"]):
        return acted != facts.root["user_id"]
    return acted is not None and people[acted]["team"] not in facts.root["input"]


def problems(spans: list[Span], world: World) -> list[str]:
    """The names of the problems that one trace has."""
    facts = Facts(spans)
    repeats = Counter((span["name"], span["input"]) for span in facts.tools if span["status"] == "ok")
    lines = facts.answer.splitlines()
    impossible = [
        re.escape(text).replace(r"\{owner\}", "[^?]{3,30}")
        for texts in world.texts.values()
        for text in texts["infeasible"]["offer"]
    ]
    signs = {
        "made_up_link": bool(facts.searches) and any(link not in facts.returned for link in facts.links),
        "search_skipped": not facts.searches and facts.cites,
        "wrong_user": wrong_user(facts),
        "infeasible_followup": any(re.search(text, facts.answer) for text in impossible),
        "format_broken": any(line.startswith("|") for line in lines)
        or sum(line.startswith("- ") for line in lines) > ALLOWED_BULLETS,
        "ignored_error": any(span["error"].split(": ", 1)[1] not in facts.answer for span in facts.uncaught),
        "throttled_tool": any("429" in (span["error"] or "") for span in facts.tools),
        "loop": any(count >= LOOP for count in repeats.values()),
        "prompt_injection": any(INJECTS.search(span["output"] or "") for span in facts.tools),
        "user_correction": bool(CORRECTS.search(facts.root["input"])),
        "fan_out": len(spans) > 1000,
    }
    return [name for name, shows in signs.items() if shows]


def by_trace(spans: list[Span]) -> dict[str, list[Span]]:
    """Spans grouped by their trace."""
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span["trace_id"], []).append(span)
    return traces


def verify(story: Story) -> None:
    """Raise when what the spans show is not exactly what the truth says."""
    world = World()
    planted: dict[str, list[str]] = {}
    for row in story.truth:
        planted.setdefault(row["trace_id"], []).append(row["problem"])
    for trace_id, spans in by_trace(story.spans).items():
        shown = problems(spans, world)
        if sorted(shown) != sorted(planted.get(trace_id, [])):
            root = Facts(spans).root
            raise AssertionError(
                f"{trace_id}: shows {shown}, planted {planted.get(trace_id)}\n{root['input']}\n{root['output']}"
            )
