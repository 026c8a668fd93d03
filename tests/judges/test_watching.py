"""Judging as traces arrive: what has settled, once, and again when late spans change it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from benchmarks.judge_runs import PRICE, a_judge
from msgspec.structs import replace

from traceview.cli.main import main
from traceview.definitions.prices import PriceTable
from traceview.definitions.project import Project
from traceview.judges.client import JudgeClient
from traceview.judges.fake_server.server import KEY, FakeServer
from traceview.judges.hashing import is_sampled
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.running.judge_run import RunOptions
from traceview.judges.score_rows import write_scores
from traceview.judges.watching import Watch
from traceview.model.judges import AskedPart, Check, JudgeDefinition, Judgement, Rule, ScoreShape, Variable
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine


def write(folder: Path, spans: Sequence[tuple[int, str, float]]) -> None:
    """Add spans to the store: the trace's number, the span's name, and how many seconds ago it ended."""
    from click.testing import CliRunner

    told = []
    for number, name, ago in spans:
        end = time.time_ns() - int(ago * 1e9)
        given = {"output.value": f"answer {number}", "openinference.span.kind": "AGENT"}
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in given.items()]
        told.append(
            {
                "traceId": f"{number:032x}",
                "spanId": f"{number * 1000 + len(name):016x}",
                "parentSpanId": "" if name == "root" else f"{number * 1000 + 4:016x}",
                "name": name,
                "startTimeUnixNano": str(end - 10**8),
                "endTimeUnixNano": str(end),
                "attributes": attributes,
            }
        )
    path = folder / f"{time.time_ns()}.json"
    path.write_text(
        json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "x"}, "spans": told}]}]})
    )
    done = CliRunner().invoke(
        main, ["import", str(path), "--to", str(folder / "store")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output


class Followed:
    """A store that is followed by a judge, a turn at a time."""

    def __init__(self, folder: Path, judge: JudgeDefinition) -> None:
        self.folder = folder
        self.judge = judge
        self.reports: list[Mapping[str, Any]] = []

    def turn(self, **options: Any) -> list[Mapping[str, Any]]:
        """What a process that starts now does in its first moments."""
        engine = open_engine([str(self.folder / "store")])
        engine.wait_ready()
        labels = LabelStore.open(self.folder / "store.labels.db")
        ledger = Ledger(self.folder / "store.calls.db")
        self.reports = []

        async def follow() -> None:
            clients = {}
            if self.judge.model is not None:
                clients = {self.judge.name: JudgeClient(self.judge.model, timeout=5)}
            project = Project((), prices=PriceTable({"claude-haiku-4-5": PRICE}))
            watch = Watch(
                engine,
                ledger,
                labels,
                project,
                [self.judge],
                clients,
                RunOptions(**options),
                back_seconds=3600,
                tell=lambda name, fields: self.reports.append(fields) if name == "report" else None,
            )
            await watch.look()
            await watch.look()
            for client in clients.values():
                await client.close()

        asyncio.run(follow())
        ledger.close()
        labels.close()
        engine.close()
        return self.reports

    def judged(self) -> list[str]:
        """The traces that have a score, by their numbers."""
        labels = LabelStore.open(self.folder / "store.labels.db")
        rows = labels.current(annotator=self.judge.name)
        labels.close()
        return sorted(f"{int(row.target.id, 16)}" for row in rows)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("FAKE_KEY", KEY)
    with FakeServer() as found:
        yield found


def a_rule(server: FakeServer, **changed: Any) -> JudgeDefinition:
    """A model judge of what has settled for ten minutes."""
    given: dict[str, Any] = {
        "variables": (Variable("answer", "trace.output.text"), Variable("spans", "length(spans)")),
        "user": "{{answer}} {{spans}}",
        "rule": Rule(True, 600.0),
    }
    return a_judge(server.url, **(given | changed))


def test_what_has_settled_is_judged_once_and_again_when_it_changes(
    tmp_path: Path, server: FakeServer, user_directories: Path
) -> None:
    followed = Followed(tmp_path, a_rule(server))
    write(tmp_path, [(1, "root", 1200), (2, "root", 1100), (3, "root", 0)])
    assert [report["scored"] for report in followed.turn()] == [2]
    assert followed.judged() == ["1", "2"]
    assert followed.turn() == [] and len(server.calls) == 2
    write(tmp_path, [(2, "later", 900), (4, "root", 7200)])
    assert [report["scored"] for report in followed.turn()] == [1]
    assert len(server.calls) == 3 and max(server.paid.values()) == 1
    assert followed.judged() == ["1", "2"]


def test_a_rule_keeps_to_its_number_a_day_and_to_its_money(
    tmp_path: Path, server: FakeServer, user_directories: Path
) -> None:
    write(tmp_path, [(number, "root", 1200) for number in range(1, 13)])
    followed = Followed(tmp_path, a_rule(server, max_per_day=5))
    assert [report["scored"] for report in followed.turn()] == [5]
    assert followed.turn() == []
    assert followed.judged() == ["1", "2", "3", "4", "5"]
    followed = Followed(tmp_path, a_rule(server, name="dear", usd_per_day=0.015, system="Another judge."))
    (report,) = followed.turn()
    assert report["stopped_by"] == "budget" and 0 < report["scored"] < 12 and report["usd"] <= 0.015


def test_a_rule_samples_by_its_name(tmp_path: Path, server: FakeServer, user_directories: Path) -> None:
    write(tmp_path, [(number, "root", 1200) for number in range(1, 31)])
    followed = Followed(tmp_path, a_rule(server, rate=0.3))
    followed.turn()
    chosen = [
        number for number in range(1, 31) if is_sampled("links", Target("trace", f"{number:032x}"), 0.3)
    ]
    assert followed.judged() == sorted(map(str, chosen)) and 0 < len(chosen) < 30


A_CODE_JUDGE = JudgeDefinition(
    name="short",
    metric="short",
    kind="code",
    scope="trace",
    score=ScoreShape("boolean"),
    hash="h" * 64,
    checks=(Check("format_rules", {"max_words": 5}),),
    rule=Rule(True, 600.0),
)


def test_code_judges_follow_too(tmp_path: Path, user_directories: Path) -> None:
    followed = Followed(tmp_path, A_CODE_JUDGE)
    write(tmp_path, [(1, "root", 1200), (2, "root", 0)])
    assert [report["scored"] for report in followed.turn()] == [1]
    assert followed.judged() == ["1"]
    assert followed.turn() == []


def test_code_judges_keep_to_their_number_a_day_too(tmp_path: Path, user_directories: Path) -> None:
    judge = replace(A_CODE_JUDGE, max_per_day=3)
    write(tmp_path, [(number, "root", 1200) for number in range(1, 3)])
    followed = Followed(tmp_path, judge)
    assert [report["scored"] for report in followed.turn()] == [2]
    write(tmp_path, [(number, "root", 1200) for number in range(3, 8)])
    # another process goes on with what is left of the day
    assert [report["scored"] for report in followed.turn()] == [1]
    assert followed.turn() == []
    assert len(followed.judged()) == 3
    # whoever stays below it tomorrow finds the others
    followed.judge = replace(judge, max_per_day=100)
    assert [report["scored"] for report in followed.turn()] == [4]


def test_what_waits_for_another_judge_is_looked_at_again(tmp_path: Path, user_directories: Path) -> None:
    part = AskedPart("kind", "other", "other", "code", "o" * 64)
    check = replace(A_CODE_JUDGE.checks[0], name="short")
    followed = Followed(tmp_path, replace(A_CODE_JUDGE, checks=(check,), asked=(part,)))
    write(tmp_path, [(1, "root", 1200), (2, "root", 1200)])
    assert followed.turn() == [] and followed.judged() == []
    labels = LabelStore.open(tmp_path / "store.labels.db")
    other = replace(A_CODE_JUDGE, name="other", metric="other", hash="o" * 64)
    said = Judgement(Target("trace", f"{1:032x}", f"{1:032x}"), "scored", True)
    labels.transact(partial(write_scores, judge=other, judged=[("key", said, "")])).result()
    labels.close()
    assert [report["values"] for report in followed.turn()] == [{"true": 1}]
    assert followed.judged() == ["1", "1", "1"]
