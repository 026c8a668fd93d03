"""`judge calibrate` and `judge diff` on label files that hold the worked examples of the design."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from traceview.cli.main import _run
from traceview.model.labels import LabelRow, LabelValue, ScoreSource, Target
from traceview.model.sessions import Session, SessionItem
from traceview.store.labels.sessions import add_session
from traceview.store.labels.splits import looks
from traceview.store.labels.store import LabelStore

TRACES = 400
JUDGE = """
metric = "good"
kind = "code"
scope = "trace"
[check]
use = "tool_called"
tool = "search"
"""

Told = Callable[..., dict[str, Any]]


def row(
    number: int,
    value: LabelValue,
    by: str = "",
    *,
    judge: str = "check",
    hash: str = "aaaa1111",
    name: str = "good",
    at: int = 0,
    session: str | None = None,
    blind: bool = True,
) -> LabelRow:
    """A row of a person (`by`), else of a judge, at a minute of a day."""
    source: ScoreSource = "human" if by else "code"
    time = f"2026-11-20T{at // 60:02d}:{at % 60:02d}:00.000000Z"
    return LabelRow(
        "",
        Target("trace", f"t{number}", f"t{number}"),
        name,
        value,
        source,
        by or judge,
        time,
        definition_hash=None if by else hash,
        session=session,
        blind=blind,
    )


def labelled(pairs: Sequence[tuple[LabelValue, LabelValue]], start: int = 0) -> list[LabelRow]:
    """Rows of a person and of the judge on as many traces."""
    rows = []
    for number, (truth, said) in enumerate(pairs, start):
        rows += [row(number, truth, "kim"), row(number, said, at=1)]
    return rows


def binary(tp: int, fn: int, fp: int, tn: int) -> list[LabelRow]:
    pairs = [(True, True)] * tp + [(True, False)] * fn + [(False, True)] * fp + [(False, False)] * tn
    return labelled(pairs)


def unlabelled(passed: int, judged: int) -> list[LabelRow]:
    return [row(1_000 + number, number < passed, at=1) for number in range(judged)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a source of 400 traces, two of a thread."""
    for name in ("CACHE", "DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", "kim")
    monkeypatch.chdir(tmp_path)
    ids = [f"t{number}" for number in range(TRACES)]
    threads = [f"c{number // 2}" for number in range(TRACES)]
    texts = [f"question number {number} about {number * 7919} things" for number in range(TRACES)]
    texts[7] = texts[6]
    table = pa.table({"trace_id": ids, "span_id": ids, "thread_id": threads, "input": texts})
    pq.write_table(table, tmp_path / "traces.parquet")
    (tmp_path / "traceview.toml").write_text(
        '[feedback.good]\ntype = "boolean"\n'
        '[feedback.tone]\ntype = "categorical"\nchoices = ["bad", "fair", "fine"]\nordered = true\n'
        '[feedback.effort]\ntype = "numerical"\nmin = 1\nmax = 5\n'
    )
    return tmp_path


@pytest.fixture
def store(project: Path) -> Any:
    store = LabelStore.open(project / "traces.labels.db")
    yield store
    store.close()


@pytest.fixture
def told(project: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command with `--json` and gives its object."""

    def run(command: str, *arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        assert _run(["judge", command, "traces.parquet", *arguments, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_two_classes(store: LabelStore, told: Told) -> None:
    store.append_now(binary(11, 1, 2, 6))
    found = told("calibrate", "check", "--split", "all")
    assert (found["tp"], found["fn"], found["fp"], found["tn"], found["n"]) == (11, 1, 2, 6, 20)
    assert found["tpr"] == pytest.approx(0.916667, abs=1e-6)
    assert found["tnr"] == 0.75
    assert found["accuracy"] == 0.85
    assert found["kappa"] == pytest.approx(0.680851, abs=1e-6)
    assert found["mcc"] == pytest.approx(0.684737, abs=1e-6)
    assert found["tpr_ci95"] == pytest.approx([0.646120, 0.985135], abs=1e-6)
    assert found["tnr_ci95"] == pytest.approx([0.409275, 0.928521], abs=1e-6)
    assert found["observed_pass_rate"] is None
    assert (found["observed_n"], found["correction_refused"]) == (0, "nothing was judged that has no label")
    assert found["judge_hash"] == "aaaa1111"
    assert found["split"] == "all"
    assert any("exploratory" in warning for warning in found["warnings"])


def test_three_classes(store: LabelStore, told: Told) -> None:
    names = ("bad", "fair", "fine")
    counts = [[20, 5, 1], [4, 15, 6], [0, 3, 16]]
    pairs = [(names[i], names[j]) for i in range(3) for j in range(3) for _ in range(counts[i][j])]
    store.append_now([replace(one, name="tone") for one in labelled(pairs)])
    found = told("calibrate", "check", "--split", "all")
    assert found["table"] == counts
    assert found["categories"] == list(names)
    assert found["kappa"] == pytest.approx(0.592525, abs=1e-6)
    assert found["kappa_ci95"] == pytest.approx([0.436516, 0.748533], abs=1e-6)
    assert found["kappa_linear"] == pytest.approx(0.675776, abs=1e-6)
    assert found["kappa_quadratic"] == pytest.approx(0.760349, abs=1e-6)
    assert found["n"] == 70
    assert found["tp"] is None
    assert "pass = [...]" in found["confusion_reason"]


def test_a_judge_that_always_passes(store: LabelStore, told: Told) -> None:
    store.append_now([*binary(95, 0, 5, 0), *unlabelled(60, 60)])
    found = told("calibrate", "check", "--split", "all")
    assert (found["accuracy"], found["kappa"], found["tnr"]) == (0.95, 0.0, 0.0)
    assert found["observed_pass_rate"] == 1.0
    assert (found["corrected_pass_rate"], found["corrected_ci95"]) == (None, None)
    assert "no better than chance" in found["correction_refused"]


def test_all_of_it_passes(store: LabelStore, told: Told) -> None:
    store.append_now(binary(40, 0, 0, 0))
    found = told("calibrate", "check", "--split", "all")
    assert found["kappa"] is None
    assert "one and the same value" in found["kappa_reason"]
    assert (found["tpr"], found["tnr"], found["tnr_ci95"]) == (1.0, None, None)


@pytest.mark.parametrize(
    ("passed", "judged", "se", "interval"),
    [(800, 1_000, 0.048869, [0.770886, 0.962448]), (40, 50, 0.088276, [0.693650, 1.0])],
)
def test_the_rate_behind_the_errors(
    store: LabelStore, told: Told, passed: int, judged: int, se: float, interval: list[float]
) -> None:
    store.append_now([*binary(54, 6, 6, 34), *unlabelled(passed, judged)])
    found = told("calibrate", "check", "--split", "all")
    assert (found["observed_pass_rate"], found["observed_n"]) == (0.8, judged)
    assert found["corrected_pass_rate"] == pytest.approx(0.866667, abs=1e-6)
    assert found["corrected_se"] == pytest.approx(se, abs=1e-6)
    assert found["corrected_ci95"] == pytest.approx(interval, abs=1e-6)
    assert found["correction_refused"] is None


def test_numbers(store: LabelStore, told: Told) -> None:
    rows = [
        *labelled([(2, 3), (3, 4), (4, 4), (1, 2)] * 10),
        *(row(200 + n, 1 + n % 5, at=1) for n in range(50)),
    ]
    store.append_now([replace(one, name="effort") for one in rows])
    found = told("calibrate", "check", "--split", "all")
    assert found["observed_mean"] == 3.0
    assert found["corrected_mean"] == pytest.approx(3.0 - 0.75)
    assert found["categories"] == [1, 2, 3, 4]


def test_what_is_in_no_figure_is_counted(store: LabelStore, told: Told) -> None:
    session = Session(
        "", "next", "kim", "", "trace", "next:10", 1, "", True, False, {"good": "h"}, ("good",), 3, 9
    )
    items = [
        SessionItem(0, Target("trace", "t20", "t20"), 1.0, "disagreement · check pass"),
        SessionItem(1, Target("trace", "t21", "t21"), 0.2, "random · 1 of 9"),
    ]
    session = add_session(store, session, items)
    store.append_now(
        [
            *binary(3, 1, 1, 2),
            # two people who say another thing, and three
            row(10, True, "kim"), row(10, False, "lee"), row(10, True, at=1),
            row(11, True, "kim"), row(11, False, "lee"), row(11, False, "ana"), row(11, False, at=1),
            row(12, "n/a", "kim"), row(12, "n/a", at=1),
            row(13, "n/a", "kim"), row(13, True, at=1),
            row(14, True, "kim"), row(14, "n/a", at=1),
            row(15, True, "kim"),
            row(16, True, "kim"), row(16, "yes", at=1),
            row(20, True, "kim", session=session.id), row(20, False, at=1),
            row(21, True, "kim", session=session.id), row(21, True, at=1),
        ]
    )  # fmt: skip
    found = told("calibrate", "check", "--split", "all")
    assert found["left_out"] == {
        "tied": 1,
        "both_not_applicable": 1,
        "human_not_applicable": 1,
        "judge_not_applicable": 1,
        "not_judged": 1,
        "unfit": 1,
        "sought": 1,
    }
    assert (found["tp"], found["fn"], found["fp"], found["tn"]) == (4, 1, 1, 3)
    # t20 stands for itself, t21 for five: 5 of 6 passes, worth 6^2 / (1 + 5^2) items
    weighted = found["weighted"]
    assert (weighted["n"], weighted["sought"], weighted["tpr_n"]) == (2, 1, 2)
    assert (weighted["tpr"], weighted["effective_n"]) == pytest.approx((5 / 6, 36 / 26))
    assert (weighted["tnr"], weighted["tnr_reason"] is None) == (None, False)
    with_sought = told("calibrate", "check", "--split", "all", "--sought")
    assert with_sought["fn"] == 2
    assert "sought" not in with_sought["left_out"]


def test_the_adjudicated_label_decides(store: LabelStore, told: Told) -> None:
    session = Session(
        "", "c", "eva", "", "trace", "conflicts:good", 1, "", True, True, {"good": "h"}, ("good",), 1, 1
    )
    session = add_session(store, session, [SessionItem(0, Target("trace", "t1", "t1"), 1.0, "conflicts")])
    store.append_now(
        [
            row(1, True, "kim"),
            row(1, True, "lee"),
            row(1, False, "eva", session=session.id),
            row(1, False, at=1),
        ]
    )
    found = told("calibrate", "check", "--split", "all")
    assert (found["tn"], found["fn"]) == (1, 0)


@pytest.mark.parametrize(("shared", "differing", "said"), [(24, 11, True), (24, 1, False), (12, 6, False)])
def test_where_people_agree_little_the_definition_comes_before_the_judge(
    store: LabelStore, told: Told, shared: int, differing: int, said: bool
) -> None:
    pairs = [(number % 2 == 0, True) for number in range(shared)]
    other = [
        row(number, truth is not (number < differing), "lee", at=2) for number, (truth, _) in enumerate(pairs)
    ]
    store.append_now([*labelled(pairs), *other])
    warnings = told("calibrate", "check", "--split", "all")["warnings"]
    words = f"over {shared} items that several of them labelled"
    assert any("people agree little on good (alpha 0." in one and words in one for one in warnings) is said


def test_versions_are_kept_apart(project: Path, store: LabelStore, told: Told) -> None:
    store.append_now(
        [
            *(row(n, True, "kim") for n in range(4)),
            *(row(n, False, hash="old0", at=1) for n in range(4)),
            *(row(n, True, hash="new0", at=2) for n in range(2)),
        ]
    )
    newest = told("calibrate", "check", "--split", "all")
    assert (newest["judge_hash"], newest["tp"], newest["left_out"]) == ("new0", 2, {"not_judged": 2})
    assert any("--version names another" in warning for warning in newest["warnings"])
    old = told("calibrate", "check", "--split", "all", "--version", "old")
    assert (old["judge_hash"], old["fn"]) == ("old0", 4)
    mixed = told("calibrate", "check", "--split", "all", "--allow-mixed")
    assert (mixed["judge_hash"], mixed["tp"], mixed["fn"]) == ("mixed", 2, 2)
    (project / "judges").mkdir()
    (project / "judges" / "check.toml").write_text(JUDGE)
    asked = told("calibrate", "check", "--split", "all")
    assert asked["judge_hash"] == "new0"
    assert any("which has scored nothing yet" in warning for warning in asked["warnings"])


def test_splits_and_looks(
    project: Path, store: LabelStore, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    store.append_now(
        [one for n in range(400) for one in (row(n, n % 4 > 0, "kim"), row(n, n % 4 > 0 or n % 8 == 0, at=1))]
    )
    counts = {}
    for split in ("dev", "test", "all"):
        found = told("calibrate", "check", "--split", split)
        counts[split] = found["n"]
        assert found["n"] + sum(found["left_out"].values()) == 400
        assert (found["look"] is not None) == (split == "test")
    assert counts["all"] == 400
    # two traces of a thread are in one split, and all of train, dev and test are about as large as they should be
    assert counts["dev"] % 2 == counts["test"] % 2 == 0
    assert 140 <= counts["dev"] <= 210
    assert 140 <= counts["test"] <= 210
    second = told("calibrate", "check", "--split", "test")
    assert (second["look"], second["n"]) == (2, counts["test"])
    assert any(
        "look 2 at the test split with check: this version" in warning for warning in second["warnings"]
    )
    assert [(one.judge_hash, one.items) for one in looks(store, "check")] == [
        ("aaaa1111", counts["test"])
    ] * 2
    # dev is read as often as one likes
    assert told("calibrate", "check")["n"] == counts["dev"]
    assert len(looks(store, "check")) == 2


def test_examples_and_what_is_like_them_do_not_count(project: Path, store: LabelStore, told: Told) -> None:
    (project / "judges").mkdir()
    (project / "judges" / "asks.toml").write_text(
        """
metric = "good"
kind = "llm"
scope = "trace"
[score]
type = "boolean"
pass_means = "It asks."
fail_means = "It does not."
[model]
id = "claude-haiku-5-5"
[variables]
question = { path = "trace.input.text" }
[prompt]
system = "Tell whether it asks."
user = "{{question}}"
[examples]
pinned = ["t6"]
"""
    )
    store.append_now(
        [one for n in range(5, 10) for one in (row(n, True, "kim"), row(n, True, judge="asks", at=1))]
    )
    found = told("calibrate", "asks", "--split", "all")
    assert found["left_out"] == {"examples": 1, "near_examples": 1}
    assert found["tp"] == 3


def test_for_people(store: LabelStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.append_now([*binary(54, 6, 3, 9), *unlabelled(40, 50)])
    assert _run(["judge", "calibrate", "traces.parquet", "check", "--split", "all"]) == 0
    out, said = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == (
        "good by check, version aaaa1111, every split: 72 labelled items compared, 72 of them labelled blind"
    )
    assert "people fail           3           9" in lines
    assert "TPR       0.900, 95 % 0.799 to 0.953 (54 of 60)" in lines
    assert "TNR       9 of 12 (too few for a rate)" in lines
    assert any(line.startswith("pass rate where nobody labelled, as judged  80.0%") for line in lines)
    assert "for TPR and TNR within 0.1: 81 more fail labels in this split" in lines
    assert "may not stand in a headline" in out
    assert "careful: only 12 labels are fail" in said


def test_without_labels_there_is_nothing_to_compare_with(store: LabelStore, told: Told) -> None:
    store.append_now(unlabelled(3, 4))
    found = told("calibrate", "check")
    assert (found["n"], found["tpr"], found["observed_pass_rate"]) == (0, None, 0.75)
    assert found["warnings"][-1] == "nobody has given a label under good: there is nothing to compare with"


def test_two_versions_compared(store: LabelStore, told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    store.append_now(
        [
            *(row(n, n < 6, "kim") for n in range(12)),
            *(row(n, n < 3, hash="v1aa", at=1) for n in range(12)),
            *(row(n, n < 7, hash="v2bb", at=2) for n in range(10)),
        ]
    )
    found = told("diff", "check", "v1", "v2", "--split", "all")
    assert (found["a"]["judge_hash"], found["b"]["judge_hash"], found["paired"]) == ("v1aa", "v2bb", 10)
    assert [one["target_id"] for one in found["items"]] == ["t3", "t4", "t5", "t6"]
    assert (found["fail_to_pass"], found["pass_to_fail"], found["mcnemar_p"]) == (4, 0, 0.125)
    assert (found["a_right"], found["b_right"], found["b_right_only"], found["a_right_only"]) == (7, 9, 3, 1)
    assert told("diff", "check", "--split", "all")["items"] == found["items"]
    assert _run(["judge", "diff", "traces.parquet", "check", "--split", "all"]) == 0
    out = capsys.readouterr().out
    assert "fail to pass 4, pass to fail 0: McNemar exact p 0.1250" in out
    assert "t6" in out


def test_two_judges_compared(store: LabelStore, told: Told) -> None:
    store.append_now(
        [one for n in range(6) for one in (row(n, n < 3, at=1), row(n, n < 3, judge="model", at=1))]
    )
    found = told("diff", "check", "model")
    assert (found["flips"], found["mcnemar_p"], found["labelled"]) == (0, None, 0)
    assert found["mcnemar_reason"] == "no item differs: there is nothing to test"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate", "traces.parquet", "chek"], "did you mean check?"),
        (["calibrate", "traces.parquet", "check", "--version", "zz"], "versions that scored: aaaa1111"),
        (["calibrate", "traces.parquet", "check", "--metric", "goud"], "did you mean good?"),
        (["diff", "traces.parquet", "check"], "only one version of check has scored anything: aaaa1111"),
        (["diff", "traces.parquet", "check", "other"], "they cannot be compared"),
        (["diff", "traces.parquet"], "expected NAME"),
    ],
)
def test_refused(
    store: LabelStore, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store.append_now([*binary(1, 1, 1, 1), row(1, True, judge="other", name="tone")])
    assert _run(["judge", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_broken_judge_file_hides_no_scores(
    project: Path, store: LabelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "judges").mkdir()
    (project / "judges" / "check.toml").write_text('kind = "cod"\n')
    store.append_now(binary(1, 1, 1, 1))
    assert _run(["judge", "calibrate", "traces.parquet", "check", "--split", "all", "--json"]) == 0
    out, said = capsys.readouterr()
    assert json.loads(out)["n"] == 4
    assert "only what it has scored before is known" in said


def test_verdicts_are_disputed_and_labels_changed(
    project: Path, store: LabelStore, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    store.append_now(binary(1, 2, 1, 1))
    dispute = ["judge", "dispute", "traces.parquet", "check"]
    assert _run([*dispute, "t1", "judge-wrong"]) == 0
    assert _run([*dispute, "t2", "human-wrong", "I read it again"]) == 0
    assert _run([*dispute, "t3", "unclear", "what of a link in a table?"]) == 0
    found = told("calibrate", "check", "--split", "all")
    assert (found["tp"], found["fn"], found["fp"], found["tn"]) == (1, 1, 1, 2)
    changed = store.current([Target("trace", "t2", "t2")], source="human")
    assert [(one.value, one.annotator) for one in changed] == [(False, "kim")]
    assert changed[0].reason == "relabelled after seeing the verdict of check: I read it again"
    assert len(store.history(Target("trace", "t2", "t2"))) == 3
    capsys.readouterr()
    assert _run(["judge", "notes", "traces.parquet", "check", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["target_id"], one["kind"], one["text"]) for one in rows] == [
        ("t1", "judge_wrong", ""),
        ("t2", "human_wrong", "I read it again"),
        ("t3", "unclear", "what of a link in a table?"),
    ]
    assert _run([*dispute, "t1", "unclear"]) == 2
    assert "needs a word" in capsys.readouterr().err
    assert _run([*dispute, "t9", "judge-wrong"]) == 2
    assert "check has not scored trace t9" in capsys.readouterr().err
    # they come along when files are merged, once
    (project / "copy.parquet").write_bytes((project / "traces.parquet").read_bytes())
    for _ in range(2):
        assert _run(["labels", "merge", "copy.parquet", "traces.labels.db"]) == 0
    assert "3 notes on verdicts" in capsys.readouterr().err
    assert _run(["judge", "notes", "copy.parquet", "--json"]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [
        one["id"] for one in rows
    ]
