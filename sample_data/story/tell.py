"""The whole story told: every span, and what is wrong with which trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from story import turns_goals, turns_work  # registers the kinds of turns
from story.fan_out import record_fan_out
from story.plan import make_plan
from story.recorder import Recorder, Span
from story.turns import KINDS, Talk, Turn, build_turn
from story.world import World

SEED = 20261005
__all__ = ["KINDS", "Story", "tell", "turns_goals", "turns_work"]


@dataclass
class Story:
    """Spans in order of start, the truth of the planted problems, and the traces of each thread in order."""

    spans: list[Span] = field(default_factory=list)
    truth: list[dict[str, Any]] = field(default_factory=list)
    threads: dict[str, list[str]] = field(default_factory=dict)


def tell(seed: int = SEED) -> Story:
    """Build everything; the same seed gives the same story."""
    world, story = World(), Story()
    for thread in make_plan(world, Random(f"{seed}:plan")):
        rng = Random(f"{seed}:{thread.number}")
        talk, recorder = Talk(world, thread, rng), Recorder(world, thread, rng)
        for planned in thread.turns:
            turn = build_turn(talk, planned)
            spans = recorder.record(turn)
            if planned.kind == "fan_out":
                spans = record_fan_out(recorder, spans)
            give_feedback(spans, turn, rng)
            story.spans += spans
            story.threads.setdefault(recorder.thread_id, []).append(spans[0]["trace_id"])
            if turn.problem:
                story.truth.append(truth_row(turn, spans))
    story.spans.sort(key=lambda span: span["start_time"])
    return story


def truth_row(turn: Turn, spans: list[Span]) -> dict[str, Any]:
    """The problem of a trace, with the span that shows it first where there is one."""
    root = spans[0]
    row = {"trace_id": root["trace_id"], "thread_id": root["thread_id"], "problem": turn.problem}
    if turn.blame == "answer":
        row["span_id"] = [span for span in spans if span["parent_span_id"] == root["span_id"]][-1]["span_id"]
    elif turn.blame:
        row["span_id"] = next(span for span in spans if span["name"] == turn.blame)["span_id"]
    return {**row, "detail": turn.detail}


COMMENTS = {
    "made_up_link": "the link is a 404",
    "search_skipped": "not what the help page says",
    "wrong_user": "these are not my goals!",
    "ignored_error": "it says done but nothing changed",
    "throttled_tool": "took forever",
    "loop": "why so slow?",
    "user_correction": "",
    "format_broken": "hard to read in Slack",
    "infeasible_followup": "it cannot do that",
}


def give_feedback(spans: list[Span], turn: Turn, rng: Random) -> None:
    """Few users press a thumb: more often down, and with a word, where something went wrong."""
    bad = turn.problem is not None
    if rng.random() >= (0.16 if bad else 0.04):
        return
    down = rng.random() < (0.8 if bad else 0.1)
    comment = COMMENTS.get(turn.problem or "", "") if down and rng.random() < 0.5 else ""
    root = spans[0]
    root["feedback"] = [
        {
            "name": "thumbs",
            "value": 0.0 if down else 1.0,
            "label": "down" if down else "up",
            "comment": comment or None,
            "source": "user",
            "user_id": root["user_id"],
            "time": root["end_time"].isoformat().replace("+00:00", "Z"),
        }
    ]
