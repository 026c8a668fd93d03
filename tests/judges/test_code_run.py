"""Code judges over sources: what is judged, written, passed over and judged again; killed, cancelled, filtered."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from traceview.filters import parse
from traceview.judges.code_run import run_code_judges
from traceview.judges.hashing import hashed, is_sampled
from traceview.judges.report import RunReport
from traceview.model.errors import NotEnoughMemory, TraceviewError
from traceview.model.judges import AskedPart, Check, JudgeDefinition, ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelRow, Target, TargetKind
from traceview.store.duck import trace_pass, unit_scan
from traceview.store.duck.connection import Database
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

NS = 1_000_000_000


def span(trace: int, number: int, kind: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    """One row of a trace of the thread of its number modulo 3."""
    return {
        "trace_id": f"t{trace}",
        "span_id": f"t{trace}s{number}",
        "parent_id": None if number == 0 else f"t{trace}s0",
        "thread_id": f"h{trace % 3}",
        "name": more.pop("name", kind),
        "kind": kind,
        "start_time": f"2026-10-05T00:{trace // 60:02}:{trace % 60:02}.{int(start * 1000):03}Z",
        "end_time": f"2026-10-05T00:{trace // 60:02}:{trace % 60:02}.{int(end * 1000):03}Z",
        "status": "ok",
        **more,
    }


def rows(trace: int) -> list[dict[str, Any]]:
    """A trace that searches and links a page that was found, if its number is even, and the next page if not."""
    answer = f"See https://d.io/{trace if trace % 2 == 0 else trace + 1}"
    asked = f"Question number {trace} of many" if trace % 5 else "No, I meant something else"
    return [
        span(trace, 0, "agent", 0, 0.9, input=asked, output=answer),
        span(trace, 1, "tool", 0.1, 0.2, name="search", input='{"q": 1}', output=f"https://d.io/{trace}"),
        span(trace, 2, "llm", 0.3, 0.8, input=asked, output=answer),
    ]


def write(path: Path, traces: range, more: list[dict[str, Any]] = []) -> Path:  # noqa: B006
    """A file of spans."""
    path.write_text("".join(json.dumps(row) + "\n" for trace in traces for row in rows(trace)), "utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in more)
    return path


def judge(
    use: str, name: str = "", scope: TargetKind = "trace", where: str = "", rate: float = 1.0, **options: Any
) -> JudgeDefinition:
    """A code judge of one built-in check."""
    shape = ScoreShape("boolean", allow_na=True)
    name = name or use
    return hashed(
        JudgeDefinition(
            name, name, "code", scope, shape, checks=(Check(use, options),), where=where, rate=rate
        )
    )


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "s.labels.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = open_engine([str(write(tmp_path_factory.mktemp("source") / "s.jsonl", range(60)))])
    found.wait_ready()
    yield found
    found.close()


def values(labels: LabelStore, name: str) -> dict[str, Any]:
    return {row.target.id: row.value for row in labels.current(name=name)}


LINKS = judge("urls_from_tools", "links", tool="search")


def test_every_trace_gets_a_score_with_its_parts_and_why(engine: Engine, labels: LabelStore) -> None:
    (report,) = run_code_judges(engine, labels, [LINKS])
    assert (report.planned, report.scored, report.passed, report.already_done) == (60, 60, 30, 0)
    assert values(labels, "links") == {f"t{number}": number % 2 == 0 for number in range(60)}
    assert values(labels, "links_urls_match") == values(labels, "links")
    assert set(values(labels, "links_tool_called").values()) == {True}
    row = next(row for row in labels.current(name="links") if row.target.id == "t1")
    assert (row.source, row.annotator, row.definition_hash) == ("code", "links", LINKS.hash)
    assert row.reason == "1 of 1 address in no result of search\n- https://d.io/2"


def test_a_second_run_reads_and_writes_nothing(engine: Engine, labels: LabelStore) -> None:
    run_code_judges(engine, labels, [LINKS])
    count = labels.counts().rows
    (report,) = run_code_judges(engine, labels, [LINKS])
    assert (report.planned, report.already_done, report.scored) == (0, 60, 0)
    assert labels.counts().rows == count


def test_another_version_judges_again_and_the_first_one_once_more(engine: Engine, labels: LabelStore) -> None:
    other = judge("urls_from_tools", "links", tool="search", require_called=True)
    assert other.hash != LINKS.hash
    for version in (LINKS, other, LINKS):
        (report,) = run_code_judges(engine, labels, [version])
        assert report.scored == 60
        assert {row.definition_hash for row in labels.current(name="links")} == {version.hash}


def test_a_judge_under_another_name_has_scores_of_its_own(engine: Engine, labels: LabelStore) -> None:
    renamed = replace(LINKS, name="addresses")
    assert hashed(renamed).hash == LINKS.hash
    for one in (LINKS, renamed):
        (report,) = run_code_judges(engine, labels, [one])
        assert (report.scored, report.already_done) == (60, 0)
    rows = labels.current(name="links")
    assert {row.annotator: sum(one.annotator == row.annotator for one in rows) for row in rows} == {
        "links": 60,
        "addresses": 60,
    }


def test_filter_and_sampling(engine: Engine, labels: LabelStore) -> None:
    some = judge("urls_from_tools", "some", where="trace:t1", tool="search")
    few = judge("urls_from_tools", "few", rate=0.3, tool="search")
    reports = run_code_judges(engine, labels, [some, few], where=parse("name:agent"))
    assert set(values(labels, "some")) == {"t1"}
    expected = {f"t{n}" for n in range(60) if is_sampled("few", Target("trace", f"t{n}", f"t{n}"), 0.3)}
    assert set(values(labels, "few")) == expected
    assert reports[1].skipped == {"not_sampled": 60 - len(expected)}
    more = judge("urls_from_tools", "few", rate=0.6, tool="search")
    (report,) = run_code_judges(engine, labels, [more])
    assert report.already_done == len(expected)


def test_a_limit_takes_the_newest(engine: Engine, labels: LabelStore) -> None:
    (report,) = run_code_judges(engine, labels, [LINKS], limit=4)
    assert report.planned == report.scored == 4
    assert set(values(labels, "links")) == {"t59", "t58", "t57", "t56"}


def test_spans_and_threads(engine: Engine, labels: LabelStore) -> None:
    short = judge("format_rules", "short", "span", where="kind:llm", max_words=2)
    whole = judge("urls_from_tools", "whole", "thread", tool="search")
    reports = run_code_judges(engine, labels, [short, whole])
    assert {row.target for row in labels.current(name="short")} == {
        Target("span", f"t{n}s2", f"t{n}") for n in range(60)
    }
    assert {row.target for row in labels.current(name="whole")} == {
        Target("thread", f"h{n}") for n in range(3)
    }
    assert reports[1].passed == 0
    reason = next(row.reason for row in labels.current(name="whole") if row.target.id == "h0")
    assert reason is not None and reason.startswith("fails in 10 of 20 traces: 1 of 1 address")


def test_what_the_user_says_next(engine: Engine, labels: LabelStore) -> None:
    run_code_judges(engine, labels, [judge("user_corrected", "kept", signals=["contradiction"])])
    found = values(labels, "kept")
    # the three last traces have nothing after them; every fifth question corrects the trace of its thread before it
    assert {one for one, value in found.items() if value == NOT_APPLICABLE} == {"t57", "t58", "t59"}
    assert {one for one, value in found.items() if value is False} == {f"t{n - 3}" for n in range(5, 60, 5)}


def test_parts_are_combined_in_code(engine: Engine, labels: LabelStore) -> None:
    checks = (
        Check("urls_from_tools", {"tool": "search"}, "links"),
        Check("format_rules", {"max_words": 1}, "short"),
        Check("valid_json", {"if_answer": "never"}, "json"),
    )
    shape = ScoreShape("boolean", allow_na=True)
    every = hashed(JudgeDefinition("every", "every", "code", "trace", shape, checks=checks))
    any_of = hashed(JudgeDefinition("any_of", "any_of", "code", "trace", shape, checks=checks, combine="any"))
    run_code_judges(engine, labels, [every, any_of])
    for name in ("every", "any_of"):
        assert values(labels, f"{name}_links") == {f"t{n}": n % 2 == 0 for n in range(60)}
        assert set(values(labels, f"{name}_short").values()) == {False}
        assert set(values(labels, f"{name}_json").values()) == {NOT_APPLICABLE}
    assert set(values(labels, "every").values()) == {False}
    assert values(labels, "any_of") == values(labels, "any_of_links")
    reason = next(row.reason for row in labels.current(name="every") if row.target.id == "t1")
    assert (
        reason is not None and "links: 1 of 1 address" in reason and "- short: 2 words, 1 allowed" in reason
    )


def test_a_late_span_judges_its_trace_again(tmp_path: Path, labels: LabelStore) -> None:
    def run(more: list[dict[str, Any]]) -> RunReport:
        found = open_engine([str(write(tmp_path / "late.jsonl", range(6), more))])
        found.wait_ready()
        try:
            return run_code_judges(found, labels, [LINKS])[0]
        finally:
            found.close()

    assert run([]).scored == 6
    late = span(1, 3, "tool", 0.25, 0.3, name="search", input="{}", output="https://d.io/2")
    report = run([late])
    assert (report.already_done, report.scored, report.passed) == (5, 1, 1)
    assert values(labels, "links")["t1"] is True
    # a late span that changes nothing that was said is not written again
    other = span(2, 3, "tool", 0.25, 0.3, name="search", input="{}", output="https://d.io/9")
    count = labels.counts().rows
    report = run([late, other])
    assert (report.scored, report.unchanged) == (1, 1)
    assert labels.counts().rows == count


def test_a_part_that_another_judge_says_is_its_current_score(engine: Engine, labels: LabelStore) -> None:
    says = hashed(replace(LINKS, name="says", metric="says"))
    one_digit = Check("format_rules", {"must_match": r"/[0-9]$"}, "one_digit")

    def asking(version: str) -> JudgeDefinition:
        part = AskedPart("sourced", "says", "says", "code", version)
        return hashed(replace(LINKS, name="both", metric="both", checks=(one_digit,), asked=(part,)))

    both = asking(says.hash)
    (report,) = run_code_judges(engine, labels, [both])
    # where a check fails already, nothing else need be known
    failing = {f"t{number}" for number in range(60) if number + number % 2 >= 10}
    assert set(values(labels, "both")) == failing and not any(values(labels, "both").values())
    assert (report.scored, report.left) == (len(failing), 0)
    assert dict(report.skipped) == {"missing_variable": 60 - len(failing)}
    assert "says gave no score yet" in (report.message or "")
    first, second = run_code_judges(engine, labels, [both, says])
    assert (first.judge, first.already_done, first.scored, second.scored) == ("both", 0, 60, 60)
    passing = {target for target, value in values(labels, "both").items() if value}
    assert passing == {f"t{number}" for number in range(0, 9, 2)}
    assert values(labels, "both_sourced") == values(labels, "says")
    assert values(labels, "both_one_digit")["t59"] is False
    row = next(row for row in labels.current(name="both") if row.target.id == "t1")
    assert row.reason == "sourced: fails, says says"
    (again,) = run_code_judges(engine, labels, [both])
    assert (again.already_done, again.planned) == (60, 0)
    # scores of another version are none of those that are asked for
    (other,) = run_code_judges(engine, labels, [asking("f" * 64)])
    assert dict(other.skipped) == {"missing_variable": 60 - len(failing)}


def test_cancelling_keeps_whole_judgements(
    engine: Engine, labels: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_pass, "RANGE_SPANS", 30)
    token = CancelToken()
    (report,) = run_code_judges(engine, labels, [LINKS], token=token, tell=lambda *_: token.cancel())
    assert report.stopped_by == "cancel"
    assert 0 < report.left == 60 - report.scored == report.json()["left"]
    found = Counter(row.name for row in labels.current())
    assert found["links"] == found["links_tool_called"] == report.scored
    (again,) = run_code_judges(engine, labels, [LINKS])
    assert again.already_done == report.scored and again.left == 0 and len(values(labels, "links")) == 60


def test_a_text_too_large_for_memory_leaves_out_its_trace_alone(
    engine: Engine, labels: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def with_room(self: Database, ask: Any, *, large: bool = False) -> Any:
        if large:
            asked.append([number for number, _ in ask.args[0]])
            if 31 in asked[-1]:  # the tool of t10
                raise NotEnoughMemory("too large")
        return ask()

    monkeypatch.setattr(Database, "with_room", with_room)
    (report,) = run_code_judges(engine, labels, [LINKS])
    assert (report.scored, dict(report.errors)) == (59, {"too_large": 1})
    assert report.example == "the text of span t10s1 does not fit into memory: 23 B (t10)"
    assert "t10" not in values(labels, "links")
    assert len(asked) < 20


def test_a_child_process_that_is_not_understood_ends_the_run(
    engine: Engine, labels: LabelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho no pickle\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(unit_scan, "INSIDE_SPANS", 0)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(TraceviewError, match="could not be checked: UnpicklingError"):
        run_code_judges(engine, labels, [LINKS])


def test_results_are_whole_where_standard_output_is_not_buffered(
    engine: Engine, labels: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_scan, "INSIDE_SPANS", 0)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    (report,) = run_code_judges(engine, labels, [LINKS])
    assert report.scored == 60


def test_an_undone_or_cleared_score_is_given_again(engine: Engine, labels: LabelStore) -> None:
    run_code_judges(engine, labels, [LINKS])
    row = next(row for row in labels.current(name="links") if row.target.id == "t1")
    clear = LabelRow("", row.target, row.name, None, row.source, row.annotator, "", op="clear")
    labels.append_now([clear])
    (report,) = run_code_judges(engine, labels, [LINKS])
    assert (report.already_done, report.scored) == (59, 1)


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.judges.test_code_run import LINKS
from traceview.judges.code_run import run_code_judges
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.store.duck import trace_pass
trace_pass.RANGE_SPANS = 120
engine = open_engine([sys.argv[1]])
engine.wait_ready()
print("ready", flush=True)
run_code_judges(engine, LabelStore.open(Path(sys.argv[2])), [LINKS], tell=lambda done, reports: print(done, flush=True))
"""


def test_a_killed_run_goes_on_and_doubles_nothing(tmp_path: Path) -> None:
    source, path = write(tmp_path / "s.jsonl", range(800)), tmp_path / "killed.labels.db"
    script = _KILLED.format(root=str(Path.cwd()))
    for wait in (0.0, 0.05):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(source), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    engine, labels = open_engine([str(source)]), LabelStore.open(path)
    try:
        engine.wait_ready()
        (report,) = run_code_judges(engine, labels, [LINKS])
        assert report.already_done + report.scored == 800
        rows = labels.history()
        assert len(rows) == len({(row.target, row.name) for row in rows}) == 2400
        assert labels.integrity_errors() == []
    finally:
        labels.close()
        engine.close()
