"""The figures of the story for the README, computed from what was made."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from typing import Any

from story.check import Facts, by_trace
from story.labels import ERRORS, FAILS
from story.plan import SLOW_WEEK, V3_DAY
from story.tell import Story
from story.world import FIRST_DAY

MEANINGS = {
    "made_up_link": "the search ran, but the answer links a documentation page that no search of the trace returned",
    "search_skipped": "the answer cites the documentation, the trace has no search",
    "wrong_user": "the assistant acts on a namesake of the person who was meant",
    "infeasible_followup": "the answer offers something that no tool can do",
    "format_broken": "a table, or more than three bullet points",
    "ignored_error": "a tool failed for good, the answer claims success",
    "throttled_tool": "`jira_sync` was refused with 429 and tried again",
    "loop": "six or more calls of one tool with the same arguments, none failing",
    "user_correction": 'the user corrects the turn before ("No, I meant ...")',
    "prompt_injection": "a tool's output holds instructions to the assistant",
    "fan_out": "one trace of 3,000 spans: a saved workflow",
}


def table(head: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def render(story: Story, labels: list[dict[str, Any]]) -> str:
    """The part of the README between its markers."""
    facts = {trace_id: Facts(spans) for trace_id, spans in by_trace(story.spans).items()}
    version = {trace_id: item.root["prompt_version"] for trace_id, item in facts.items()}
    planted = Counter((row["problem"], version[row["trace_id"]]) for row in story.truth)
    problems = [
        [
            f"`{name}`",
            sum(planted[name, v] for v in ("v1", "v2", "v3")),
            *(planted[name, v] for v in ("v1", "v2", "v3")),
            meaning,
        ]
        for name, meaning in MEANINGS.items()
    ]
    searched = Counter(version[t] for t, item in facts.items() if item.searches)
    rates = [
        [
            v,
            sum(1 for other in version.values() if other == v),
            searched[v],
            planted["made_up_link", v],
            f"{100 * planted['made_up_link', v] / searched[v]:.1f} %",
        ]
        for v in ("v1", "v2", "v3")
    ]
    weeks = []
    for number in range(4):
        first = FIRST_DAY + dt.timedelta(days=7 * number)
        last = first + dt.timedelta(days=6)
        roots = [item.root for item in facts.values() if first <= item.root["start_time"].date() <= last]
        millis = [(root["end_time"] - root["start_time"]) / dt.timedelta(milliseconds=1) for root in roots]
        p95 = statistics.quantiles(millis, n=100, method="inclusive")[94]
        name = f"{first} to {last}" + (" (slow)" if first == SLOW_WEEK[0] else "")
        weeks.append([name, len(roots), f"{statistics.median(millis):.0f}", f"{p95:.0f}"])
    names = Counter((row["name"], row["annotator"].split("@")[0]) for row in labels)
    label_rows = [
        [f"`{name}`", names[name, "ana"], names[name, "ben"]] for name in (*FAILS, "resolved", "note")
    ]
    values = sum(1 for row in labels if row["name"] != "note")
    return "\n\n".join(
        [
            f"{len(story.threads)} threads, {len(facts)} traces, {len(story.spans)} spans.",
            "### Planted problems",
            table(["problem", "traces", "v1", "v2", "v3", "what it is"], problems),
            f"{len(story.truth)} traces have a problem, each exactly one;"
            " the generator fails when any other trace shows one.",
            f"### Made-up links jump with v3, on {V3_DAY}",
            table(["version", "traces", "with a search", "made-up link", "share"], rates),
            "### The slow week: duration of traces in milliseconds",
            table(["week", "traces", "p50", "p95"], weeks),
            "### Labels",
            table(["name", "ana", "ben"], label_rows),
            f"{values} labels and {len(labels) - values} notes. {ERRORS} labels ({100 * ERRORS / values:.0f} %)"
            " contradict the truth: people err.",
        ]
    )
