"""Checks in Python of the project's own: what they may return, and that nothing they do hurts a run."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.judges.test_code_run import write

from traceview.definitions.project import Project
from traceview.judges.code_run import run_code_judges
from traceview.judges.hashing import hashed
from traceview.judges.own.judging import OwnJudging, needs_of_own, own_checks
from traceview.judges.own.patience import Patience
from traceview.judges.own.process import Failed, OwnCheck, OwnProcess, TimedOut
from traceview.judges.own.scanned import can_scan
from traceview.judges.own.values import score_of
from traceview.judges.report import RunReport
from traceview.model.errors import BadInput
from traceview.model.judges import Check, JudgeDefinition, Judgement, ScoreShape
from traceview.model.labels import NOT_APPLICABLE, Target, TargetKind
from traceview.store.duck import unit_scan
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

BOOLEAN = ScoreShape("boolean", allow_na=True)
FILE = """
import os, sys, time
from helper import limit

def even(item):
    text = item["trace"]["output"]["text"]
    return int(text.rpartition("/")[2]) == int(item["trace"]["id"][1:])

def told(item, most=3):
    calls = item["tool_calls"]
    return {"verdict": "pass" if len(calls) <= most else "fail", "explanation": f"{len(calls)} of {most}",
            "evidence": [call["name"] for call in calls], "parts": {"few": True, "none": None}}

def noisy(item):
    print("to stdout")
    os.write(1, b"raw bytes to stdout")
    sys.stdin.read()
    return True

def odd_one(item):
    number = int(item["trace"]["id"][1:])
    if number == 1:
        return item["nothing"]
    if number == 2:
        time.sleep(60)
    if number == 3:
        os._exit(7)
    if number == 4:
        sys.exit("bye")
    if number == 5:
        return object()
    if number == 6:
        return "perhaps"
    if number == 7:
        return None
    return number % 2 == 0

def length(item):
    return len(item["trace"]["output"]["text"])

asked = 0

def forks(item):
    global asked
    asked += 1
    if asked in (2, 5):
        os.fork()
    return {"value": int(item["trace"]["id"][1:]) % 2 == 0, "explanation": item["trace"]["id"]}

def forges(item):
    forged = b'{"value":true,"explanation":"forged","evidence":[],"parts":{}}'
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"%08x%s" % (len(forged), forged))
        except OSError:
            pass
    return {"value": False, "explanation": item["trace"]["id"]}

def forges_everywhere(item):
    forged = b'{"value":true,"explanation":"forged","evidence":[],"parts":{}}'
    for descriptor in range(3, 4200):
        try:
            os.write(descriptor, b"%08x%s" % (len(forged), forged))
        except OSError:
            pass
    return {"value": False, "explanation": item["trace"]["id"]}

def babbles(item):
    if item["trace"]["id"] == "t1":
        for descriptor in range(64, 4200):
            try:
                os.write(descriptor, b"nonsense")
            except OSError:
                pass
    return True

def odd_values(item):
    part = [float("nan"), float("inf"), 2**70, "\\ud83d", True, "x" * 30_000]
    number = int(item["trace"]["id"][1:])
    if number < 6:
        return {"value": True, "explanation": "half \\ud83d", "parts": {"one": part[number]}}
    if number == 6:
        return float("nan")
    if number == 7:
        return {"value": True, "parts": {"a b": True}}
    return {"value": True, "evidence": ["\\ud83d"] * 100_000}

def heavy(item):
    return limit(item)

def of_span(item):
    return item["span"]["kind"] == "llm"

def of_thread(item):
    return len(item["traces"]) == 4 and item["thread"]["traces"] == 4

def next_turn(item):
    following = item["thread"]["next_user_message"]
    return following is None or following["text"] != item["trace"]["input"]["text"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / "checks").mkdir(parents=True)
    (folder / "traceview.toml").write_text("")
    (folder / "checks" / "own.py").write_text(FILE)
    (folder / "checks" / "helper.py").write_text("def limit(item):\n    return True\n")
    return Project((), folder / "traceview.toml", "cwd")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = open_engine([str(write(tmp_path_factory.mktemp("source") / "s.jsonl", range(12)))])
    found.wait_ready()
    yield found
    found.close()


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "s.labels.db")
    yield store
    store.close()


def judge(
    function: str, scope: TargetKind = "trace", shape: ScoreShape = BOOLEAN, **options: Any
) -> JudgeDefinition:
    check = Check(f"python:checks/own.py:{function}", options)
    return hashed(JudgeDefinition(function, function, "code", scope, shape, checks=(check,)))


def run(engine: Engine, labels: LabelStore, project: Project, one: JudgeDefinition) -> RunReport:
    return run_code_judges(engine, labels, [one], project=project, workers=1)[0]


def values(labels: LabelStore, name: str) -> dict[str, Any]:
    return {row.target.id: row.value for row in labels.current(name=name)}


def test_a_check_sees_the_object_and_its_verdict_is_written(
    engine: Engine, labels: LabelStore, project: Project
) -> None:
    report = run(engine, labels, project, judge("even"))
    assert (report.planned, report.scored, report.passed) == (12, 12, 6)
    assert values(labels, "even") == {f"t{number}": number % 2 == 0 for number in range(12)}
    assert run(engine, labels, project, judge("even")).already_done == 12


def test_options_explanation_evidence_and_parts(engine: Engine, labels: LabelStore, project: Project) -> None:
    run(engine, labels, project, judge("told", most=0))
    row = labels.current([Target("trace", "t1", "t1")], name="told")[0]
    assert (row.value, row.reason) == (False, "1 of 0\n- search")
    assert values(labels, "told_few")["t1"] is True
    assert values(labels, "told_none")["t1"] == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("function", "scope", "count"), [("of_span", "span", 36), ("of_thread", "thread", 3)]
)
def test_spans_and_threads(
    engine: Engine, labels: LabelStore, project: Project, function: str, scope: TargetKind, count: int
) -> None:
    report = run(engine, labels, project, judge(function, scope))
    assert (report.scored, report.passed) == (count, 12 if scope == "span" else 3)


def test_what_a_file_names_is_there_and_nothing_else(
    engine: Engine, labels: LabelStore, project: Project
) -> None:
    report = run(engine, labels, project, judge("next_turn"))
    assert (report.scored, report.passed, report.errors) == (12, 12, {})
    assert "thread" in needs_of_own(judge("next_turn"), own_checks(judge("next_turn"), project))
    own = project.folder / "checks" / "own.py"
    own.write_text('def next_turn(item):\n    return set(item) == {"trace"} and bool(item["trace"])\n')
    again = judge("next_turn", most=1)
    assert needs_of_own(again, own_checks(again, project)) == {"trace"}
    own.write_text("def next_turn(item):\n    return True\n")
    assert "thread" in needs_of_own(again, own_checks(again, project))


@pytest.mark.parametrize("scope", ["trace", "span"])
def test_the_object_is_the_same_where_it_is_made_and_asked_about_in_one_process(
    engine: Engine, labels: LabelStore, project: Project, scope: TargetKind
) -> None:
    (project.folder / "checks" / "own.py").write_text(
        "# looks at trace, spans, retrieved, tool_calls\nimport json\n\ndef told(item):\n"
        "    return {'value': True, 'explanation': json.dumps(item, sort_keys=True)}\n"
    )
    one = judge("told", scope)
    assert can_scan(one, needs_of_own(one, own_checks(one, project)))
    run(engine, labels, project, one)
    told = {row.target.id: row.reason for row in labels.current(name="told")}
    read = judged(engine, project, one, [row.target for row in labels.current(name="told")])
    assert told == {id: found.explanation for id, found in read.items()}
    assert len(told) == (12 if scope == "trace" else 36) and all(map(json.loads, told.values()))


def test_a_check_in_the_processes_that_read(
    engine: Engine, labels: LabelStore, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_scan, "INSIDE_SPANS", 0)
    file = project.folder / "checks" / "own.py"
    file.write_text(
        "import os, time\n\n"
        "def even(item):\n    print(item['trace']['id'] * 10_000)\n    return True\n\n"
        "def hang(item):\n    open('made', 'w').write(str(os.getpid()))\n    os.rename('made', 'pid')\n"
        "    time.sleep(60)\n    item['trace']\n"
    )
    with (project.folder / "prints").open("wb") as prints:
        (report,) = run_code_judges(engine, labels, [judge("even")], project=project, errors=prints)
    assert (report.scored, report.errors) == (12, {})
    assert (project.folder / "prints").stat().st_size > 12 * 20_000
    token = CancelToken()

    def cancel_when_asked() -> None:
        while not (project.folder / "pid").exists():
            time.sleep(0.02)
        token.cancel()

    threading.Thread(target=cancel_when_asked, daemon=True).start()
    began = time.monotonic()
    (report,) = run_code_judges(
        engine, labels, [judge("hang")], project=project, token=token, check_seconds=30
    )
    assert report.stopped_by == "cancel" and time.monotonic() - began < 10
    pid = int((project.folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.02)
    file.write_text("# trace\nimport nowhere_at_all\n")
    with pytest.raises(BadInput, match=r"own\.py:2: ModuleNotFoundError"):
        run_code_judges(engine, labels, [judge("told")], project=project)


def test_what_goes_wrong_with_one_trace_stops_no_other(
    engine: Engine, labels: LabelStore, project: Project
) -> None:
    one = judge("odd_one")
    judging = OwnJudging(engine, one, project, 1, seconds=0.5)
    targets = [Target("trace", f"t{number}", f"t{number}") for number in range(12)]
    try:
        found = {judged.target.id: judged for judged in judging.judge(targets, CancelToken())}
    finally:
        judging.close()
    assert [found[f"t{number}"].value for number in (0, 8, 9, 10, 11)] == [True, True, False, True, False]
    assert found["t7"].outcome == "not_applicable"
    assert (found["t2"].outcome, found["t2"].reason) == ("error", "check_timeout")
    wrong = {number: found[f"t{number}"] for number in (1, 3, 4, 5, 6)}
    assert {(judged.outcome, judged.reason) for judged in wrong.values()} == {("error", "check_failed")}
    line = next(at for at, text in enumerate(FILE.splitlines(), 1) if "nothing" in text)
    assert wrong[1].explanation == f"own.py:{line}: KeyError: 'nothing'"
    assert "exit code 7" in wrong[3].explanation
    assert re.search(r"own.py:\d+: SystemExit: bye", wrong[4].explanation)
    assert "not object" in wrong[5].explanation
    assert "'perhaps'" in wrong[6].explanation


@pytest.mark.parametrize("looked_at", ["trace", "trace, thread"])
def test_a_check_that_hangs_is_stopped_and_others_go_on(
    engine: Engine, labels: LabelStore, project: Project, looked_at: str
) -> None:
    (project.folder / "checks" / "own.py").write_text(
        f"# {looked_at}\nimport time\n\ndef even(item):\n    time.sleep(60)\n\ndef told(item):\n    return True\n"
    )
    hanging, fine = run_code_judges(
        engine, labels, [judge("even"), judge("told")], project=project, workers=1, check_seconds=0.2
    )
    assert (hanging.stopped_by, hanging.errors) == ("checks", {"check_timeout": 5})
    assert hanging.message is not None
    assert "the check did not answer within 0.2 s on 5 items in a row, the last of them t" in hanging.message
    assert hanging.progress == "even 0 (5 failed)"
    assert (hanging.planned, hanging.left, fine.left) == (12, 7, 0)
    assert (fine.stopped_by, fine.scored) == (None, 12)


@pytest.mark.parametrize(
    ("late", "stopped_at"),
    [
        ([True] * 5, 5),
        ([True] * 4 + [False], None),
        ([True, False, False, False, False, False] * 20, None),
        (([True, True, False] * 40), 50),
        ([False] * 100 + [True] * 4, None),
    ],
)
def test_patience_ends(late: list[bool], stopped_at: int | None) -> None:
    patience = Patience()
    target = Target("trace", "t", "t")
    timeout = Judgement(target, "error", None, "check_timeout", "it hung")
    said = [patience.lost_with(timeout if one else Judgement(target, "scored", True)) for one in late]
    assert next((at for at, words in enumerate(said, 1) if words), None) == stopped_at


def test_prints_never_come_between_the_answers(
    engine: Engine, labels: LabelStore, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    report = run(engine, labels, project, judge("noisy"))
    assert (report.scored, report.errors) == (12, {})
    out, err = capfd.readouterr()
    assert out == "" and "to stdout" in err and "raw bytes" in err


def judged(
    engine: Engine, project: Project, one: JudgeDefinition, targets: Sequence[Target] = ()
) -> dict[str, Judgement]:
    judging = OwnJudging(engine, one, project, 1)
    targets = targets or [Target("trace", f"t{number}", f"t{number}") for number in range(12)]
    try:
        return {found.target.id: found for found in judging.judge(targets, CancelToken())}
    finally:
        judging.close()


def test_a_check_that_forks_answers_for_the_trace_it_was_asked_about(
    engine: Engine, project: Project
) -> None:
    found = judged(engine, project, judge("forks"))
    assert {one.outcome for one in found.values()} == {"scored"}
    for name, one in found.items():
        assert (one.value, one.explanation) == (int(name[1:]) % 2 == 0, name)


def test_what_is_written_to_descriptors_is_no_answer(engine: Engine, project: Project) -> None:
    found = judged(engine, project, judge("forges"))
    assert {(one.value, one.explanation == name) for name, one in found.items()} == {(False, True)}
    found = judged(engine, project, judge("forges_everywhere"))
    assert {(one.outcome, one.reason) for one in found.values()} == {("error", "check_failed")}
    assert all("not the answer" in one.explanation for one in found.values())
    found = judged(engine, project, judge("babbles"))
    assert found["t1"].reason == "check_failed"
    assert [one.value for name, one in found.items() if name != "t1"] == [True] * 11


def test_values_that_cannot_be_kept_are_errors_of_their_trace_alone(
    engine: Engine, labels: LabelStore, project: Project
) -> None:
    found = judged(engine, project, judge("odd_values"))
    wrong = {name: one.explanation for name, one in found.items() if one.outcome == "error"}
    assert sorted(wrong) == ["t0", "t1", "t2", "t5", "t6", "t7"]
    assert wrong["t0"].endswith("part one: the check returned nan, which is no number that can be kept")
    assert "part one: the check returned inf" in wrong["t1"] and "64 bits" in wrong["t2"]
    assert "the check returned nan" in wrong["t6"] and "'a b': the name of a part" in wrong["t7"]
    report = run(engine, labels, project, judge("odd_values"))
    assert (report.scored, report.errors) == (6, {"check_failed": 6})
    rows = {row.target.id: row for row in labels.current(name="odd_values")}
    assert rows["t3"].reason == "half \ufffd"
    assert values(labels, "odd_values_one") == {"t3": "\ufffd", "t4": True}


def test_numbers_and_choices(engine: Engine, labels: LabelStore, project: Project) -> None:
    report = run(
        engine, labels, project, judge("length", shape=ScoreShape("numerical", minimum=0, maximum=100))
    )
    assert report.scored == 12
    assert values(labels, "length")["t2"] == len("See https://d.io/2")
    report = run(
        engine, labels, project, judge("length", shape=ScoreShape("numerical", minimum=0, maximum=3))
    )
    assert report.errors == {"check_failed": 12}
    assert report.example is not None and "expected 0 to 3" in report.example


def test_parts_may_be_both(engine: Engine, labels: LabelStore, project: Project) -> None:
    checks = (
        Check("python:checks/own.py:even", {}, "even"),
        Check("urls_from_tools", {"tool": "search"}, "links"),
    )
    both = hashed(JudgeDefinition("both", "both", "code", "trace", BOOLEAN, checks=checks))
    assert run(engine, labels, project, both).passed == 6
    assert values(labels, "both_links") == values(labels, "both_even")


def test_a_project_beside_the_source_runs_nothing(
    engine: Engine, labels: LabelStore, project: Project
) -> None:
    found = Project((), project.path, "source")
    with pytest.raises(BadInput, match="it is not run"):
        run(engine, labels, found, judge("even"))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import nowhere_at_all\n\ndef even(item): ...\n", r"own\.py:1: ModuleNotFoundError"),
        ("x = 1\n", r"own\.py: AttributeError"),
        ("raise SystemExit(3)\n", r"own\.py:1: SystemExit"),
        ("import os\nos._exit(4)\n", r"exit code 4"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_once(
    engine: Engine, labels: LabelStore, project: Project, text: str, wrong: str
) -> None:
    (project.folder / "checks" / "own.py").write_text(text)
    with pytest.raises(BadInput, match=wrong):
        run(engine, labels, project, judge("even"))
    assert labels.counts().rows == 0


def test_a_process_lives_until_it_hangs(project: Project) -> None:
    check = OwnCheck(project.folder, "checks/own.py", "odd_one")
    process = OwnProcess(check, 0.3)
    try:
        for number in (0, 8, 7):
            process.ask({"trace": {"id": f"t{number}"}}, {})
        assert process.started == 1
        began = time.monotonic()
        with pytest.raises(TimedOut):
            process.ask({"trace": {"id": "t2"}}, {})
        assert time.monotonic() - began < 2
        assert process.ask({"trace": {"id": "t8"}}, {})["value"] is True
        assert process.started == 2
        with pytest.raises(Failed, match="TypeError"):
            process.ask({"trace": {"id": "t8"}}, {"unknown": 1})
    finally:
        process.close()


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (BOOLEAN, True, True),
        (BOOLEAN, "Fail", False),
        (BOOLEAN, None, NOT_APPLICABLE),
        (BOOLEAN, "n/a", NOT_APPLICABLE),
        (BOOLEAN, 1, None),
        (ScoreShape("categorical", choices=("a", "b")), "a", "a"),
        (ScoreShape("categorical", choices=("a", "b")), "c", None),
        (ScoreShape("numerical", minimum=1, maximum=5), 5.0, 5),
        (ScoreShape("numerical", minimum=1, maximum=5), 6, None),
        (ScoreShape("numerical"), float("nan"), None),
        (ScoreShape("numerical"), True, None),
    ],
)
def test_values_fit_the_score(shape: ScoreShape, value: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="expected"):
            score_of(shape, value)
    else:
        found = score_of(shape, value)
        assert found == expected and type(found) is type(expected)
