"""What two annotators said about a part of the traces: mostly what is true, sometimes not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

from story.check import Facts, by_trace
from story.tell import Story

LABELS, ERRORS, NOTES = 350, 12, 24
SHARED, SHARED_THREADS = 6, 2
"""Traces and threads of a week that both annotators look at; the others are halved between them."""
CITING = ({"v1": 16}, {"v1": 6, "v2": 14}, {"v2": 16, "v3": 16}, {"v3": 34})
"""Answers that cite the documentation and are looked at, by week and prompt version: more once v3 is out.

As many of them are ungrounded as of all answers of that week and version, so that pass rates say what is true.
"""
ANA, BEN = "ana@example.com", "ben@example.com"
FRIDAYS = [dt.date(2026, 10, day) for day in (9, 16, 23, 30)]
FAILS = {
    "grounded": ("made_up_link", "search_skipped"),
    "right_user": ("wrong_user",),
    "feasible_followups": ("infeasible_followup",),
    "format": ("format_broken",),
    "handled_errors": ("ignored_error",),
}
OPTIONAL = ("feasible_followups", "format", "handled_errors")
UNRESOLVED = ("wrong_user", "ignored_error", "search_skipped")

REASONS = {
    "made_up_link": [
        "the link is not in the search results",
        "url looks plausible but search returned another one",
        "not among the pages that were found",
    ],
    "search_skipped": ["says 'documentation' but never searched", "no search in this trace"],
    "wrong_user": ["wrong namesake, the team was given", "that's the other person of this name"],
    "infeasible_followup": ["there is no tool for that", "cannot keep this promise"],
    "format_broken": ["table", "too many bullets", "not what the format rule says"],
    "ignored_error": ["the tool failed, the answer says done", "error swallowed"],
}
NOTE_TEXTS = {
    "made_up_link": [
        "Invented URL, the path follows no page of ours.",
        "Title is right, path is invented.",
        "Second made-up link today.",
    ],
    "search_skipped": ["Answer is right by luck, it never looked.", "Cites a page from memory."],
    "wrong_user": [
        "Asked about the other one of that name. Dangerous with writes.",
        "Should have used the team that the user named.",
    ],
    "infeasible_followup": [
        "Offers something out of our reach; users will say yes.",
        "Where does this idea come from?",
    ],
    "format_broken": ["Unreadable in Slack.", "Looks nice, is forbidden."],
    "ignored_error": ["Worst kind: the user believes it is done.", "Tool said no, answer says yes."],
    "throttled_tool": [
        "Jira was the bottleneck, not the model.",
        "Over 20 seconds of waiting between retries.",
    ],
    "loop": [
        "Polls with the same arguments instead of telling the user to wait.",
        "Should have stopped after the second call.",
    ],
    "user_correction": ["Two key results fit, it should have asked.", "The turn before guessed."],
    "prompt_injection": [
        "Instructions inside the issue text. Check what it did.",
        "Someone writes prompts into Jira.",
    ],
}


class Truth:
    """What the right label of each target is."""

    def __init__(self, story: Story) -> None:
        self.facts = {trace_id: Facts(spans) for trace_id, spans in by_trace(story.spans).items()}
        self.problem = {row["trace_id"]: row["problem"] for row in story.truth}
        self.threads = story.threads

    def version(self, trace_id: str) -> str:
        """The prompt version that a trace ran with."""
        return str(self.facts[trace_id].root["prompt_version"])

    def trace(self, trace_id: str, name: str) -> bool | str:
        """The right value: True for pass, "n/a" where the definition does not apply."""
        facts = self.facts[trace_id]
        used = {span["name"] for span in facts.tools}
        applies = {
            "grounded": facts.cites,
            "right_user": bool(used & {"find_person", "get_current_user"}),
            "feasible_followups": facts.offers,
            "format": True,
            "handled_errors": any(span["status"] == "error" for span in facts.tools),
        }[name]
        return self.problem.get(trace_id) not in FAILS[name] if applies else "n/a"

    def thread(self, thread_id: str) -> bool:
        """Whether nobody was left with a wrong person, a swallowed error, an unchecked answer or a failed last step."""
        traces = self.threads[thread_id]
        failed = any(self.problem.get(trace_id) in UNRESOLVED for trace_id in traces)
        return not failed and not self.facts[traces[-1]].uncaught


def make_labels(story: Story, rng: Random) -> list[dict[str, Any]]:
    """Exactly LABELS values, of which ERRORS contradict the truth, and NOTES notes, in order of time."""
    truth = Truth(story)
    work = [item for friday in FRIDAYS for item in sessions(story, truth, friday, rng)]
    rows = [row for item in work for row in item["rows"]]
    spare = [row for item in work for row in item["spare"]]
    telling = sorted(spare, key=lambda row: (row["value"] == "n/a", row["value"] is True, rng.random()))
    rows += telling[: LABELS - len(rows)]
    err(rows, rng)
    for row in rows:
        problem = truth.problem.get(row["target_id"])
        if (
            row["value"] is False
            and problem in REASONS
            and problem in FAILS.get(row["name"], ())
            and rng.random() < 0.5
        ):
            row["reason"] = rng.choice(REASONS[problem])
    rows += notes(rows, truth, rng)
    rows.sort(key=lambda row: (row["created_at"], row["name"]))
    for row in rows:
        row["id"] = uuid7(row["created_at"], rng)
    return rows


def sessions(story: Story, truth: Truth, friday: dt.date, rng: Random) -> list[dict[str, Any]]:
    """Both annotators' Friday session over the traces of the week, a part of them in common."""
    first = friday - dt.timedelta(days=4)
    week = [t for t, facts in truth.facts.items() if first <= facts.root["start_time"].date() < friday]
    picked: list[str] = []

    def add(count: int, fits: Callable[[str], bool]) -> None:
        places = [trace_id for trace_id in week if trace_id not in picked and fits(trace_id)]
        picked.extend(rng.sample(places, min(count, len(places))))

    for version, count in CITING[FRIDAYS.index(friday)].items():
        citing = {t for t in week if truth.facts[t].cites and truth.version(t) == version}
        ungrounded = {t for t in citing if truth.trace(t, "grounded") is False}
        failing = round(count * len(ungrounded) / len(citing))
        add(failing, ungrounded.__contains__)
        add(count - failing, (citing - ungrounded).__contains__)
    for names, count in (("right_user", 2), ("format", 1), ("handled_errors", 1)):
        add(count, lambda trace_id, names=names: truth.problem.get(trace_id) in FAILS[names])
    add(1, lambda t: truth.problem.get(t) in NOTE_TEXTS and not truth.facts[t].cites)
    add(1, lambda t: truth.trace(t, "right_user") is True and t not in truth.problem)
    rng.shuffle(picked)
    middle = len(picked) // 2
    week_threads = [
        thread for thread, traces in story.threads.items() if traces[0] in week and len(traces) > 1
    ]
    threads = rng.sample(week_threads, 4)
    share = {
        ANA: (picked[: middle + SHARED // 2], threads[: 2 + SHARED_THREADS // 2]),
        BEN: (picked[middle - SHARED // 2 :], threads[2 - SHARED_THREADS // 2 :]),
    }
    work = []
    for annotator, (traces, conversations) in share.items():
        clock = dt.datetime.combine(
            friday, dt.time(13 if annotator == ANA else 15, rng.randrange(50)), dt.UTC
        )
        blind = annotator == BEN and friday >= FRIDAYS[2]
        for trace_id in traces:
            clock += dt.timedelta(seconds=rng.randrange(12, 70), microseconds=rng.randrange(10**6))
            rows = [
                row(
                    "trace",
                    trace_id,
                    trace_id,
                    name,
                    truth.trace(trace_id, name),
                    annotator,
                    blind,
                    clock + dt.timedelta(seconds=place),
                )
                for place, name in enumerate((*OPTIONAL, "grounded", "right_user"))
            ]
            work.append({"rows": rows[3:], "spare": rows[:3]})
        for thread_id in conversations:
            clock += dt.timedelta(seconds=rng.randrange(30, 120), microseconds=rng.randrange(10**6))
            done = row(
                "thread", thread_id, None, "resolved", truth.thread(thread_id), annotator, blind, clock
            )
            work.append({"rows": [done], "spare": []})
    return work


def row(
    kind: str,
    target: str,
    trace_id: str | None,
    name: str,
    value: Any,
    annotator: str,
    blind: bool,
    at: dt.datetime,
) -> dict[str, Any]:
    """One row in the form that `labels import` takes; the id follows when all rows are in order."""
    return {
        "id": "",
        "target_kind": kind,
        "target_id": target,
        "trace_id": trace_id,
        "name": name,
        "value": value,
        "source": "human",
        "annotator": annotator,
        "reason": None,
        "blind": blind,
        "session": None,
        "definition_hash": None,
        "op": "set",
        "ref": None,
        "created_at": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def err(rows: list[dict[str, Any]], rng: Random) -> None:
    """Turn exactly ERRORS values around; a part of them where both annotators looked, so that they disagree."""
    seen: dict[tuple[str, str], int] = {}
    for item in rows:
        seen[item["target_id"], item["name"]] = seen.get((item["target_id"], item["name"]), 0) + 1
    sure = [item for item in rows if isinstance(item["value"], bool) and item["name"] != "resolved"]
    shared = [item for item in sure if seen[item["target_id"], item["name"]] == 2]
    alone = [item for item in sure if seen[item["target_id"], item["name"]] == 1]
    for item in [*rng.sample(shared, ERRORS // 2), *rng.sample(alone, ERRORS - ERRORS // 2)]:
        item["value"] = not item["value"]


def notes(rows: list[dict[str, Any]], truth: Truth, rng: Random) -> list[dict[str, Any]]:
    """Notes by the annotators on traces that they labelled and that have a problem."""
    places = sorted(
        {(r["target_id"], r["annotator"]) for r in rows if truth.problem.get(r["target_id"]) in NOTE_TEXTS}
    )
    made = []
    for trace_id, annotator in rng.sample(places, NOTES):
        last = max(
            r["created_at"] for r in rows if r["target_id"] == trace_id and r["annotator"] == annotator
        )
        at = dt.datetime.fromisoformat(last) + dt.timedelta(seconds=4)
        text = rng.choice(NOTE_TEXTS[truth.problem[trace_id]])
        made.append(row("trace", trace_id, trace_id, "note", text, annotator, False, at))
    return made


def uuid7(created_at: str, rng: Random) -> str:
    """A version 7 UUID of that moment."""
    millis = int(dt.datetime.fromisoformat(created_at).timestamp() * 1000)
    bits = millis << 80 | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
