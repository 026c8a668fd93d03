"""The saved workflow that fans out: one trace of exactly 3,000 spans, four key results at a time."""

from __future__ import annotations

from story.recorder import ROUTER, Recorder, Span, dump
from story.world import stable

SPANS = 3000
ITEMS = 600
LANES = 4
STEPS_PER_ITEM = 3


def record_fan_out(recorder: Recorder, turn_spans: list[Span]) -> list[Span]:
    """The spans of the turn with the workflow's own spans put under its tool span.

    The model calls after the workflow and the root move back by the time that the workflow took.
    """
    tool = next(span for span in turn_spans if span["name"] == "run_workflow")
    teams = recorder.world.teams
    summaries = SPANS - len(turn_spans) - 1 - len(teams) - ITEMS * (1 + STEPS_PER_ITEM)
    recorder.trace_id, recorder.spans = tool["trace_id"], []
    finished, resume = tool["end_time"], recorder.clock
    recorder.clock = tool["start_time"]
    recorder.wait(10, 20)
    workflow = recorder.span(tool, "Month-end scoring", "chain", {"scope": "company"})
    number = 0
    for place, team in enumerate(teams):
        recorder.wait(4, 9)
        group = recorder.span(workflow, f"score team {team}", "chain", {"team": team})
        count = ITEMS // len(teams) + (place < ITEMS % len(teams))
        lanes = [recorder.clock] * LANES
        for item in range(count):
            lane = item % LANES
            recorder.clock = lanes[lane]
            score_item(recorder, group, team, number, summary=number < summaries)
            number += 1
            lanes[lane] = recorder.clock
        recorder.clock = max(lanes)
        recorder.close(group, {"team": team, "scored": count})
    recorder.close(workflow, {"state": "finished", "key_results": number, "summaries": summaries})
    recorder.wait(20, 60)
    moved = recorder.clock - finished
    for span in turn_spans:
        if span["start_time"] >= finished:
            span["start_time"] += moved
        if span["end_time"] >= finished:
            span["end_time"] += moved
    recorder.clock = resume + moved
    made, recorder.spans = recorder.spans, []
    return [*turn_spans, *made]


def score_item(recorder: Recorder, group: Span, team: str, number: int, summary: bool) -> None:
    """One key result of the archive: its history, its score, its record; a line by the small model."""
    kr = f"kr_{1000 + number}"
    quarter = f"Q{number % 4 + 1} {2025 + number % 2}"
    recorder.wait(2, 8)
    item = recorder.span(group, "score key result", "chain", {"key_result_id": kr})
    first, last = round(10 + 40 * stable(kr)), round(50 + 45 * stable(f"{kr}:end"))
    score = f"{min(1.0, (last - first) / (90 - first)):.2f}"
    steps = [
        (
            "get_metric_history",
            {"key_result_id": kr, "weeks": 13},
            {"values": [first, (first + last) // 2, last]},
        ),
        ("compute_score", {"key_result_id": kr, "target": 90}, {"score": score}),
        ("update_key_result", {"key_result_id": kr, "score": score}, {"ok": True}),
    ]
    for name, args, result in steps:
        span = recorder.span(item, name, "tool", args)
        recorder.wait(60, 260)
        recorder.close(span, result)
        recorder.wait(1, 3)
    if summary:
        messages = [
            {"role": "system", "content": "Say in one line how the key result ended."},
            {
                "role": "user",
                "content": dump(
                    {"id": kr, "team": team, "cycle": quarter, "first": first, "last": last, "score": score}
                ),
            },
        ]
        word = "reached" if float(score) >= 0.7 else "missed by a little" if float(score) >= 0.4 else "missed"
        reply = {
            "role": "assistant",
            "content": f"{kr} of {team} ({quarter}) went from {first} to {last}: {word}, score {score}.",
        }
        span = recorder.llm(item, messages, reply, cached=False, model=ROUTER, name="summarise")
        span["prompt_name"], span["prompt_version"] = "workflow-summary", "v1"
    recorder.close(item, {"score": score})
