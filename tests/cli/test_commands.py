"""Every command's data: keys, times, limits, filters, errors; on the sample data, in this process."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sample_files import sample_copy
from traceview.cli.main import _run
from traceview.model.errors import BadInput
from traceview.model.rows import PAYLOAD_KEYS, SPAN_COLUMNS, THREAD_COLUMNS, TRACE_COLUMNS
from traceview.model.schema import COLUMNS

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
PHOENIX = Path(__file__).resolve().parents[1] / "fixtures" / "phoenix"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
INFO_KEYS = {
    "format", "files", "spans", "traces", "threads", "error_spans", "error_traces", "llm_calls", "spans_by_kind",
    "input_tokens", "output_tokens", "cost_usd", "models", "prompt_versions", "thread_ids", "start_time", "end_time",
    "skipped",
}  # fmt: skip


class Shell:
    """Runs commands in this process; `{source}` is the sample data."""

    def __init__(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.source = source
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        given = _run([one.replace("{source}", str(self.source)) for one in arguments])
        out, err = self._capsys.readouterr()
        assert given == code, err
        assert "Traceback" not in err
        return out, err

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments, "--json")[0].splitlines()]


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(sample_copy(tmp_path, "labels.jsonl"), capsys)


def test_groups_by_version_tell_prompts_apart(shell: Shell) -> None:
    rows = shell.json("stats", "{source}", "--by", "version")
    firsts = {(row["prompt_name"], row["n"]) for row in rows if row["prompt_version"] == "v1"}
    assert {name for name, _ in firsts} >= {"goal-router", "goal-assistant"}
    out, _ = shell("stats", "{source}", "--by", "version")
    heading = out.splitlines()[0]
    assert "error spans" in heading and "failed 95% CI" in heading and "p50_ms" not in heading


def test_tables_say_times_to_the_second_and_head_what_they_print(shell: Shell) -> None:
    out, _ = shell("traces", "{source}", "-n", "1", "--columns", "start_time,duration_ms,cost_usd")
    heading, line = out.splitlines()
    assert heading.split() == ["start_time", "duration", "cost"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line.split()[0])


def test_what_was_skipped_is_told_once_for_each_reason(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copyfile(SAMPLE / "traces.parquet", folder / "traces.parquet")
    for number in range(5):
        (folder / f"broken{number}.parquet").write_bytes(b"no table")
    skipped = shell.json("info", str(folder))[0]["skipped"]
    out, _ = shell("info", str(folder))
    told = out.rpartition("\nskipped")[2].splitlines()[1:]
    assert len(skipped) == 5 and len({one["reason"] for one in skipped}) == 1
    assert len(told) == 1 and told[0].split()[0] == "5" and "and 4 more" in told[0]


def test_info_has_the_documented_keys(shell: Shell) -> None:
    (info,) = shell.json("info", "{source}")
    assert set(info) >= INFO_KEYS
    assert (info["spans"], info["traces"], info["threads"]) == (12109, 1800, 600)
    assert TIME.fullmatch(info["start_time"])
    assert len(info["thread_ids"]) == 100


@pytest.mark.parametrize(
    ("arguments", "columns", "times"),
    [
        (("traces",), TRACE_COLUMNS, ("start_time",)),
        (("threads",), THREAD_COLUMNS, ("start_time", "end_time")),
        (("spans",), SPAN_COLUMNS, ("start_time", "end_time")),
        (("spans", "--payload"), SPAN_COLUMNS + PAYLOAD_KEYS, ("start_time",)),
    ],
)
def test_lists_have_exactly_the_documented_keys(
    shell: Shell, arguments: tuple[str, ...], columns: tuple[str, ...], times: tuple[str, ...]
) -> None:
    rows = shell.json(arguments[0], "{source}", *arguments[1:], "--limit", "3")
    assert len(rows) == 3
    for row in rows:
        assert tuple(row) == columns
        assert all(TIME.fullmatch(row[name]) for name in times)


@pytest.mark.parametrize(
    ("command", "tells_labels"),
    [
        (("traces", "SOURCE", "-f", "score.grounded:none", "-n", "2"), True),
        (("traces", "SOURCE", "--columns", "trace_id,scores", "-n", "2"), True),
        (("spans", "SOURCE", "-n", "2"), False),
        (("threads", "SOURCE", "-n", "2"), False),
        (("threads", "SOURCE", "-n", "2", "-f", "bad:any OR status:error"), True),
        (("prompts", "SOURCE"), False),
        (("show", "SOURCE", "8edc9f33"), True),
        (
            ("sql", "SOURCE", "SELECT (SELECT count(*) FROM scores) AS scores, count(*) AS n FROM traces"),
            True,
        ),
        (("sql", "SOURCE", "SELECT count(*) AS n FROM traces"), False),
        (("export", "SOURCE", "--all", "-o", "all.jsonl", "-f", "trace:8edc9f33* bad:none"), True),
    ],
)
@pytest.mark.parametrize("source", ["*.parquet", "-"])
def test_reading_needs_no_place_for_labels(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], tells_labels: bool, source: str
) -> None:
    with shell.source.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream, isatty=lambda: False))
        out, err = shell(*(source if word == "SOURCE" else word for word in command))
    assert out or Path("all.jsonl").exists()
    what = "standard input" if source == "-" else "several sources"
    said = err.count(f"labels cannot be kept for {what}: name a file with --labels PATH")
    assert said == int(tells_labels)
    assert not list(Path().glob("*.labels.db"))


@pytest.mark.parametrize(
    "command",
    [
        ("score", "*.parquet", "8edc9f33", "grounded=pass"),
        ("labels", "list", "*.parquet"),
        ("labels", "history", "*.parquet", "8edc9f33"),
        ("labels", "check", "*.parquet"),
        ("annotate", "*.parquet"),
        ("export", "*.parquet", "-o", "out.jsonl"),
    ],
)
def test_labelling_needs_a_place_for_labels(shell: Shell, command: tuple[str, ...]) -> None:
    _, err = shell(*command, code=2)
    assert "labels cannot be kept for several sources" in err and "--labels PATH" in err


@pytest.mark.parametrize("sources", [("*.parquet",), ("traces.parquet", "other.parquet"), ("-",)])
def test_the_app_opens_several_sources_without_labels(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, sources: tuple[str, ...]
) -> None:
    from traceview.cli import app as cli_app
    from traceview.tui import app as tui_app

    contexts: list[Any] = []
    shutil.copyfile("traces.parquet", "other.parquet")
    monkeypatch.setattr(cli_app, "require_terminal", lambda: None)
    monkeypatch.setattr(cli_app, "read_keys_from_terminal", lambda: None)
    monkeypatch.setattr(tui_app, "run_app", lambda context: contexts.append(context) or 0)
    with shell.source.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream, isatty=lambda: False))
        shell("open", *sources)
    (context,) = contexts
    assert context.annotator is None
    assert "labels cannot be kept" in context.label_sentence
    assert context.notices == (context.label_sentence,)


def test_show_is_one_trace_with_its_spans(shell: Shell) -> None:
    (trace,) = shell.json("traces", "{source}", "-n", "1")
    (shown,) = shell.json("show", "{source}", trace["trace_id"][:12])
    assert set(shown) == {"trace", "spans", "unsourced"}
    assert len(shown["spans"]) == trace["spans"]
    assert set(shown["spans"][0]) == {*SPAN_COLUMNS, *PAYLOAD_KEYS}


def test_piped_lists_are_whole_and_limits_are_said(shell: Shell) -> None:
    out, err = shell("traces", "{source}", "--columns", "trace_id")
    assert len(out.splitlines()) == 1801
    assert err == ""
    out, err = shell("traces", "{source}", "--columns", "trace_id,cost", "--limit", "7", "--sort", "-cost")
    assert out.splitlines()[0].split() == ["trace_id", "cost"]
    assert "7 of 1,800" in err


def test_a_narrow_terminal_leaves_columns_out_and_keeps_ids_whole(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.cli import output

    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    out, err = shell("spans", "{source}", "-n", "5")
    assert max(map(len, out.splitlines())) <= 80
    (first,) = shell.json("spans", "{source}", "-n", "1")
    assert first["trace_id"] in out.splitlines()[1]
    assert re.search(r"\+\d+ columns; --json has all", err)


def test_a_long_look_at_files_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from traceview.cli import opening
    from traceview.store import open as store_open

    told = threading.Event()
    monkeypatch.setattr(opening, "say", lambda message: "looking at the files" in message and told.set())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    real = store_open.open_engine

    def slow(*args: Any, **kwargs: Any) -> Any:
        assert told.wait(30)
        return real(*args, **kwargs)

    monkeypatch.setattr(store_open, "open_engine", slow)
    shell("info", "{source}")


def test_a_terminal_gets_fifty_rows(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.cli import output

    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    out, err = shell("traces", "{source}")
    assert len(out.splitlines()) == 51
    assert "50 of 1,800" in err


def test_filters_narrow(shell: Shell) -> None:
    assert len(shell.json("traces", "{source}", "-f", "version:v3")) == 683
    assert all(
        row["kind"] == "tool" for row in shell.json("spans", "{source}", "-f", "kind:tool", "-n", "20")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("traces", "{source}", "-f", "stauts:error"), ("column 1", "status")),
        (("traces", "{source}", "-f", "(a"), ("column",)),
        (("traces", "{source}", "-f", "latency>5parsecs"), ("column",)),
        (("traces", "{source}", "--columns", "trace_ids"), ("trace_id",)),
        (("traces", "{source}", "--sort", "costs"), ("cost",)),
        (("show", "{source}", "zzzz"), ("zzzz",)),
        (("traces", "{source}", "--map", "nonsense"), ("FIELD=COLUMN",)),
        (("prompts", "{source}", "diff", "v2", "v9"), ("v9",)),
        (("prompts", "{source}", "diff", "v1", "v2"), ("goal-assistant@v1", "goal-router@v1")),
        (("labels", "list", "*.parquet"), ("--labels",)),
        (("labels", "list", "-"), ("--labels",)),
        (("score", "{source}", "zzzz", "grounded=pass"), ("zzzz",)),
    ],
)
def test_bad_input_is_named_and_exits_with_2(
    shell: Shell, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    out, err = shell(*arguments, code=2)
    assert out == ""
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM spans",
        "CREATE TABLE x AS SELECT 1",
        "ATTACH 'x.db'",
        "COPY (SELECT 1) TO 'x.csv'",
        "PRAGMA database_list",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT 1; SELECT 2",
        "SELEKT 1",
    ],
)
def test_sql_only_reads_the_views(shell: Shell, statement: str) -> None:
    shell("sql", "{source}", statement, code=2)


def test_sql_answers(shell: Shell) -> None:
    assert shell.json("sql", "{source}", "SELECT count(*) AS n FROM traces") == [{"n": 1800}]


@pytest.mark.parametrize(
    ("level", "filter", "said"),
    [
        ("traces", "score.groundd:fail", "did you mean grounded?"),
        ("traces", "score.grounded:failed", "'failed' is no value of grounded (pass, fail, n/a)"),
        ("traces", "score.grounded>0.5", "grounded is pass or fail"),
        ("traces", "status:ok -(label:groundd or has)", "no label here is called 'groundd'"),
        ("traces", "score.resolved:fail", "resolved is said of threads, not of traces"),
        ("threads", "score.grounded:fail", "grounded is said of traces, not of threads"),
        ("traces", "version v3", "version:v3 filters by it"),
        ("traces", "score.grounded", "an operator is missing"),
        ("traces", "any(trace: a)", "there is no any(trace: ...)"),
    ],
)
def test_a_name_that_nothing_here_has_is_refused(shell: Shell, level: str, filter: str, said: str) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    _, err = shell(level, "{source}", "-f", filter, code=2)
    assert said in err
    _, err = shell("export", "{source}", "--targets", level, "-f", filter, "-o", "x.csv", code=2)
    assert said in err


@pytest.mark.parametrize(
    ("filter", "said"),
    [
        ("version:v9", "0 of 1,800 traces; no version 'v9' here, there are v1, v2, v3"),
        ("prompt:goal-assistnt", "did you mean goal-assistant?"),
        ("prompt:goal-assistant@v9", "no prompt 'goal-assistant@v9' here, did you mean goal-assistant@v"),
        ("annotator:anna@example.com", "did you mean ana@example.com?"),
        ("zzzz", "0 of 1,800 traces\n"),
        ("version:v3 score.grounded:fail", "16 of 1,800 traces\n"),
    ],
)
def test_how_many_match_of_how_many_is_always_said(shell: Shell, filter: str, said: str) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    _, err = shell("traces", "{source}", "--json", "-f", filter)
    assert said in err


def test_an_export_says_what_it_holds_and_warns_where_it_is_empty(shell: Shell) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    _, err = shell("export", "{source}", "-f", "version:v3", "-o", "a.csv")
    assert re.match(r"\d+ labelled of 904 that match \(683 traces, 221 threads\); in ", err)
    assert re.search(r"the other \d+ have no label; --all exports them too", err)
    _, err = shell("export", "{source}", "-f", "version:v9", "-o", "b.csv")
    assert "warning: nothing matches" in err and "no version 'v9' here" in err
    _, err = shell("export", "{source}", "-f", "score.resolved:fail", "-o", "c.csv")
    assert re.search(r"all (\d+) that match \(\1 threads\)", err)


def test_many_lines_refused_for_one_reason_are_told_once(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text("[1]\n" * 7 + "{torn\n")
    _, err = shell("labels", "import", "{source}", "l.jsonl", code=2)
    assert "l.jsonl: 7 lines (1, 2, 3, 4, 5 …): " in err and "l.jsonl:8: " in err
    assert len(err.splitlines()) == 3


def test_a_command_that_is_almost_one_is_suggested(shell: Shell) -> None:
    _, err = shell("trcaes", "{source}", code=2)
    assert "did you mean traces?" in err


def test_a_comparison_is_headed_by_its_versions(shell: Shell) -> None:
    out, _ = shell("prompts", "{source}", "diff", "v2", "goal-assistant@v3")
    assert out.splitlines()[0].split() == ["figure", "goal-assistant@v2", "goal-assistant@v3"]
    out, _ = shell("info", "{source}")
    assert "definitions: " not in out and "definitions " in out
    assert "thread ids: --json lists the first 100 of 600" in out


def test_two_prompt_versions_are_compared(shell: Shell) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    (found,) = shell.json("prompts", "{source}", "diff", "v2", "goal-assistant@v3")
    assert (found["a"]["traces"], found["b"]["traces"]) == (565, 683)
    assert {one["name"] for one in found["b"]["scores"]} >= {"grounded", "format"}
    assert all(one["n"] > 0 and one["passed"] / one["n"] == one["pass_rate"] for one in found["a"]["scores"])
    assert any(line.startswith("+- ") and "ALWAYS" in line for line in found["diff"])


def test_labels_are_imported_once(shell: Shell) -> None:
    out = shell.json("labels", "import", "{source}", "labels.jsonl")
    again = shell.json("labels", "import", "{source}", "labels.jsonl")
    listed = shell.json("labels", "list", "{source}")
    assert out[0]["added"] == again[0]["known"] == len(listed)
    for limit in (0, 3, 10_000):
        assert (
            shell.json("labels", "list", "{source}", "-n", str(limit))
            == listed[max(0, len(listed) - limit) :]
        )
    assert again[0]["added"] == 0
    (check,) = shell.json("labels", "check", "{source}")
    assert check["ok"] and check["orphans"] == 0


def test_labels_are_shown_in_words(shell: Shell) -> None:
    shell("score", "{source}", "8edc9f33", "grounded=fail", "--reason", "no link", "--annotator", "ann")
    for options in ((), ("--transcript",)):
        out, _ = shell("show", "{source}", "8edc9f33", *options)
        assert "label grounded  fail  human ann  no link\n" in out
        assert out.startswith(("trace ", "\n── 1 ── "))
    out, _ = shell("labels", "list", "{source}")
    assert out.splitlines()[1].split()[4:6] == ["fail", "human"]
    assert shell.json("labels", "list", "{source}")[0]["value"] is False


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        ("ba33d04b0403ac5d", ["score brevity  ok  import code"]),
        (
            "bde717627d14f709",
            ["score hallucination  factual  import llm  judge: grounded in the retrieved text"],
        ),
    ],
)
def test_scores_that_stand_in_the_source_are_shown(shell: Shell, shown: str, lines: list[str]) -> None:
    out, _ = shell("show", str(PHOENIX), shown)
    assert [line in out.splitlines() for line in lines] == [True] * len(lines)
    # those of other spans stand in the tree
    assert "brevity·import=ok  [ba33d04b0403ac5d]" in out
    marked = [line for line in out.splitlines() if line.endswith("  ← this span")]
    assert [f"[{shown}]" in line for line in marked] == [True]
    assert out.count("hallucination·import=factual") == 1


def test_scores_on_spans_are_told_where_no_trace_has_them(shell: Shell) -> None:
    asked = "score.correctness:incorrect"
    out, err = shell("traces", str(PHOENIX), "-f", asked)
    assert len(out.splitlines()) == 1
    assert f"0 of 16 traces; 3 spans have this score: any(span: {asked})" in err
    _, err = shell("traces", str(PHOENIX), "-f", f"any(span: {asked} status:ok model:none)")
    assert "this score" not in err
    (info,) = shell.json("info", str(PHOENIX))
    assert {one["target"] for one in info["scores"]} == {"span"}
    out, _ = shell("info", str(PHOENIX))
    assert "correctness 10 (human, on spans)" in out


def test_label_rows_go_to_standard_output(shell: Shell, tmp_path: Path) -> None:
    shell("score", "{source}", "8edc9f33", "grounded=fail")
    out, _ = shell("labels", "export", "{source}", "-o", "-")
    assert json.loads(out)["value"] is False
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("kind", ["db", "jsonl"])
def test_label_files_are_merged_once(shell: Shell, tmp_path: Path, kind: str) -> None:
    given = ("--labels", "mine.db", "--annotator", "ann")
    shell("score", "{source}", "8edc9f33", "grounded=fail", "--annotator", "bob", "--labels", "theirs.db")
    shell("score", "{source}", "8edc9f33", "grounded=pass", "--annotator", "bob", "--labels", "theirs.db")
    shell("score", "{source}", "8edc9f33", "grounded=pass", *given)
    other = f"theirs.{kind}"
    if kind == "jsonl":
        shell("labels", "export", "{source}", "--labels", "theirs.db", "--history", "-o", other)
    before = (tmp_path / other).read_bytes()
    (first,) = shell.json("labels", "merge", "{source}", other, *given)
    (again,) = shell.json("labels", "merge", "{source}", other, *given)
    assert (first["added"], first["known"], again["added"], again["known"]) == (2, 0, 0, 2)
    rows = shell.json("labels", "list", "{source}", "--labels", "mine.db")
    assert sorted((row["annotator"], row["value"]) for row in rows) == [("ann", True), ("bob", True)]
    assert (tmp_path / other).read_bytes() == before
    shell("labels", "merge", "{source}", "mine.db", *given, code=2)


def test_refused_label_lines_have_their_number(shell: Shell, tmp_path: Path) -> None:
    good = {"target_kind": "trace", "target_id": "gone", "name": "grounded", "value": True}
    (tmp_path / "l.jsonl").write_text(json.dumps(good) + "\n{torn\n")
    _, err = shell("labels", "import", "{source}", "l.jsonl", code=2)
    assert "l.jsonl:2" in err
    assert shell.json("labels", "check", "{source}")[0]["orphans"] == 1


def test_scores_go_to_a_prefix_and_name_bad_values(shell: Shell) -> None:
    (trace,) = shell.json("traces", "{source}", "-n", "1")
    (row,) = shell.json("score", "{source}", trace["trace_id"][:14], "grounded=fail", "--reason", "no link")
    assert (row["target_id"], row["value"], row["reason"]) == (trace["trace_id"], False, "no link")
    _, err = shell("score", "{source}", trace["trace_id"], "grounded=fial", code=2)
    assert "fail" in err
    _, err = shell("score", "{source}", trace["trace_id"], "gruonded=fail", code=2)
    assert "grounded" in err
    (listed,) = shell.json("traces", "{source}", "-f", "score.grounded:fail")
    assert listed["scores"] == {"grounded": {"human": {"tester@example.com": False}}}


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_exports_are_read_back(shell: Shell, tmp_path: Path, suffix: str) -> None:
    import duckdb
    import pandas as pd

    shell("labels", "import", "{source}", "labels.jsonl")
    path = tmp_path / f"out.{suffix}"
    _, err = shell("export", "{source}", "--targets", "traces", "-o", str(path))
    count = int(re.match(r"[\d,]+", err)[0].replace(",", ""))  # type: ignore[index]
    assert duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall() == [(count,)]
    read = {"jsonl": lambda: pd.read_json(path, lines=True), "csv": lambda: pd.read_csv(path)}
    frame = read.get(suffix, lambda: pd.read_parquet(path))()
    assert len(frame) == count > 0
    shell("export", "{source}", "-o", str(path), code=2)


def test_a_torn_file_is_told_with_reason_and_line(shell: Shell, tmp_path: Path) -> None:
    from traceview.store.open import open_engine

    (tmp_path / "cut.jsonl").write_text('{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "ab')
    _, err = shell("traces", "cut.jsonl", code=2)
    assert "cut.jsonl: 1 x not JSON (the last line is torn)" in err and "(cut.jsonl:1)" in err
    engine = open_engine(["cut.jsonl"])
    try:
        with pytest.raises(BadInput):
            engine.wait_ready()
        assert "(cut.jsonl:1)" in (engine.status().message or "")
    finally:
        engine.close()


@pytest.mark.parametrize("options", [(), ("--format", "csv")])
def test_exports_to_standard_output(shell: Shell, tmp_path: Path, options: tuple[str, ...]) -> None:
    suffix = "csv" if options else "jsonl"
    shell("labels", "import", "{source}", "labels.jsonl")
    given = ("export", "{source}", "--targets", "traces", "-f", "version:v3", "-o")
    shell(*given, f"out.{suffix}")
    before = sorted(path.name for path in tmp_path.iterdir())
    out, err = shell(*given, "-", *options)
    assert out.encode() == (tmp_path / f"out.{suffix}").read_bytes()
    metadata = json.loads(err.splitlines()[-1])["traceview_export"]
    assert metadata["filter"] == "version:v3" and metadata["format"] == suffix and metadata["rows"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    _, err = shell(*given, "-", "--format", "parquet", code=2)
    assert "standard output" in err


def test_reading_writes_nothing_beside_the_source(shell: Shell, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    for command in ("info", "prompts"):
        shell(command, "{source}")
    shell("traces", "{source}", "-n", "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_definitions_are_added_with_comments_kept(shell: Shell, tmp_path: Path) -> None:
    toml = tmp_path / "traceview.toml"
    toml.write_text("# ours\n" + toml.read_text())
    shell("feedback", "add", "tone", "--pass", "Friendly.", "--fail", "Curt.")
    assert toml.read_text().startswith("# ours\n")
    assert "tone" in [row["name"] for row in shell.json("feedback", "list")]
    shell("init", code=2)


def test_demo_is_prepared_once(shell: Shell) -> None:
    from traceview.cli.app import prepare_demo

    first = prepare_demo()
    assert (first.parent / "judges" / "links.toml").is_file()
    rows = shell.json("labels", "list", str(first))
    assert prepare_demo() == first
    assert shell.json("labels", "list", str(first)) == rows


def test_a_fresh_demo_forgets_the_last_place(shell: Shell) -> None:
    from traceview.cli.app import _state_file, prepare_demo

    place = _state_file((str(prepare_demo()),))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("{}")
    prepare_demo()
    assert place.exists()
    prepare_demo(fresh=True)
    assert not place.exists()


def test_hostile_text_is_data(shell: Shell, tmp_path: Path) -> None:
    evil = "\x1b[31mred\u202e[bold]x[/bold]\x07"
    row = {
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "name": evil,
        "start_time": "2026-01-01T00:00:00Z",
        "input": evil,
    }
    table = tmp_path / "evil.parquet"
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([row]), table)
    out, _ = shell("traces", str(table))
    assert not set(out) & set("\x1b\u202e\x07")
    assert "[bold]" in out
    assert shell.json("spans", str(table))[0]["name"] == evil


def test_a_closed_pipe_ends_quietly(shell: Shell) -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m traceview.cli.main spans '{shell.source}' --json | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["span_id"]
    assert done.stderr == ""


def test_an_index_is_made_and_dropped(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("traceview.store.duck.lifecycle.KEPT_SPANS", 50_000)
    (small,) = shell.json("index", "{source}")
    assert small["file"] is None and not small["made"] and small["spans"] > 1000
    assert "need no file" in shell("index", "{source}")[1]
    monkeypatch.setattr("traceview.store.duck.lifecycle.KEPT_SPANS", 1_000)
    (kept,) = shell.json("index", "{source}")
    assert kept["made"] and Path(kept["file"]).stat().st_size == kept["bytes"]
    assert "was there" in shell("index", "{source}")[1]
    assert shell.json("index", "{source}", "--drop") == [{"dropped_bytes": kept["bytes"]}]
    monkeypatch.setattr("traceview.store.duck.lifecycle.SMALL_SPANS", 10)
    (made,) = shell.json("index", "{source}")
    assert made["made"] and Path(made["file"]).stat().st_size == made["bytes"]
    assert {**made, "seconds": 0} == {**shell.json("index", "{source}")[0], "made": True, "seconds": 0}
    said = shell("index", "{source}")[1]
    assert "was there" in said and made["file"] in said
    assert shell.json("info", "{source}")[0]["spans"] == made["spans"] == small["spans"]
    assert shell.json("index", "{source}", "--drop") == [{"dropped_bytes": made["bytes"]}]
    assert not Path(made["file"]).exists()
    assert "no index file" in shell("index", "{source}", "--drop")[1]
    shell("index", "missing.parquet", code=2)


def test_an_empty_directory_of_the_cache_is_no_entry(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache" / "index").mkdir(parents=True)
    assert shell.json("cache", "list") == []


def test_cache_is_listed_and_cleared(shell: Shell) -> None:
    shell("cache", "list")
    _, err = shell("cache", "clear")
    assert err.startswith("cleared")


@pytest.mark.parametrize(
    ("command", "filter", "said"),
    [
        ("stats", "status:error", "109 of 1,800 traces\n"),
        ("stats", "version:v9", "0 of 1,800 traces; no version 'v9' here, there are v1, v2, v3"),
        ("prompts", "prompt:goal-router", "4 of 5 prompt versions\n"),
        ("prompts", "version:v9", "0 of 5 prompt versions; no version 'v9' here"),
    ],
)
def test_figures_say_how_many_match_too(shell: Shell, command: str, filter: str, said: str) -> None:
    _, err = shell(command, "{source}", "-f", filter)
    assert said in err


def test_lists_are_sorted_by_attributes_and_scores(shell: Shell) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    for sort, shown in (
        ("attr.app.version", "attr.app.version:*"),
        ("-score.grounded", "score.grounded:pass"),
    ):
        out, _ = shell("traces", "{source}", "--json", "-n", "5", "--sort", sort, "--columns", "trace_id")
        some, _ = shell("traces", "{source}", "--json", "-f", shown, "--columns", "trace_id")
        assert set(out.splitlines()) < set(some.splitlines())
    _, err = shell("traces", "{source}", "--sort", "attr.", code=2)
    assert "--sort: traces have no column 'attr.'" in err


def test_info_is_words_for_people(shell: Shell, tmp_path: Path) -> None:
    lines = shell("info", "{source}")[0].splitlines()
    kinds = next(line for line in lines if line.startswith("spans_by_kind"))
    assert re.fullmatch(r"spans_by_kind +llm 4,978, tool 3,810, .*", kinds)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(22):
        trace = {"trace_id": f"t{number}", "start_time": "2026-01-01T00:00:00Z", "prompt": "hi"}
        (many / f"{number:02d}.jsonl").write_text(json.dumps(trace))
    out, _ = shell("info", str(many))
    lines = out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("files"))
    paths = [line.split()[-1] for line in lines[at : at + 20]]
    assert paths == [str(many / f"{number:02d}.jsonl") for number in range(20)]
    assert lines[at + 20] == "and 2 more files (--json has all)"
    assert "; 2 more under their own names" in out and re.search(r"^  input +prompt$", out, re.MULTILINE)
    assert not re.search(r"^ *trace_id +trace_id$", out, re.MULTILINE)
    shell("import", str(many), "--to", "store")
    assert f"columns read under their own names: {len(COLUMNS)}" in shell("info", "store")[0]


def test_a_source_without_prompt_versions_says_so(shell: Shell) -> None:
    out, err = shell("prompts", str(SAMPLE.parent / "tests" / "fixtures" / "claude_code"))
    assert out == "" and err.startswith("no prompt versions: none is recorded")


def test_attributes_and_scores_are_columns(shell: Shell) -> None:
    shell("labels", "import", "{source}", "labels.jsonl")
    target = "ccb34d10e216daa6064e5380ff5bf2dd"
    given = ("{source}", "-f", f"trace:{target}", "--columns")
    chosen = "trace_id,score.grounded,score.grounded.human,score.grounded.judge,attr.app.version"
    both = {"ana@example.com": False, "ben@example.com": False}
    assert shell.json("traces", *given, chosen) == [
        {
            "trace_id": target,
            "score.grounded": {"human": both},
            "score.grounded.human": both,
            "score.grounded.judge": None,
            "attr.app.version": ["7.43.0"],
        }
    ]
    out, _ = shell("traces", *given, chosen)
    assert out.splitlines()[1].split() == [target, "fail,", "fail", "fail,", "fail", "7.43.0"]
    (thread,) = shell.json("threads", *given, "thread_id,attr.app.version")
    assert "7.43.0" in thread["attr.app.version"]
    values = {row["attr.app.version"] for row in shell.json("spans", *given, "attr.app.version")}
    assert values == {None, "7.43.0"}
    _, err = shell("traces", "{source}", "--columns", "attr.", code=2)
    assert "--columns: traces have no column 'attr.'" in err and "attr.KEY" in err


def test_a_column_that_is_misspelt_names_the_nearest_short_form(shell: Shell) -> None:
    _, err = shell("traces", "{source}", "--sort", "-laten", code=2)
    assert "Did you mean latency?" in err


def test_tables_say_which_costs_are_the_least_of_a_sum(shell: Shell) -> None:
    source = str(SAMPLE.parent / "tests" / "fixtures" / "mlflow" / "traces.jsonl")
    rows = shell.json("traces", source, "--columns", "cost_usd,uncosted")
    least = sum(row["cost_usd"] is not None and row["uncosted"] > 0 for row in rows)
    out, _ = shell("traces", source, "--columns", "cost_usd")
    assert 0 < least == len(re.findall(r"\$[\d.,]+\+", out)) < len(rows)


def test_info_lists_the_first_models_and_counts_the_others(shell: Shell, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "models.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 't' AS trace_id, 's' || i AS span_id, 'llm' AS kind, 'n' AS name, "
            "printf('m%03d', i) AS model, TIMESTAMP '2026-01-01' AS start_time FROM range(1500) r(i)) "
            f"TO '{path}'"
        )
    line = next(line for line in shell("info", str(path))[0].splitlines() if line.startswith("models"))
    assert line.count("m") - len("m") - line.count("more") == 20
    assert line.endswith(" and 1,480 more (--json has all)")
    assert len(shell.json("info", str(path))[0]["models"]) == 1500


def test_a_cost_of_nothing_is_not_told_where_most_is_unknown(shell: Shell, tmp_path: Path) -> None:
    recorded = SAMPLE.parent / "tests" / "fixtures" / "langfuse" / "sdk-openai.otlp.jsonl"
    # models without a price: what is recorded of failed calls, nothing, is all that is known
    unpriced = (
        recorded.read_text()
        .replace("gpt-4o-mini", "house-model")
        .replace("text-embedding", "house-embedding")
    )
    (tmp_path / "unpriced.otlp.jsonl").write_text(unpriced)
    source = str(tmp_path / "unpriced.otlp.jsonl")
    (info,) = shell.json("info", source)
    assert info["cost_usd"] is None and 0 < info["cost_known_calls"] < info["calls"]
    out, _ = shell("info", source)
    assert f"– (known of {info['cost_known_calls']} of {info['calls']} calls)" in out
    (row,) = shell.json("stats", source)
    assert row["cost_usd"] is None
    assert all(row["cost_usd"] == 0 for row in shell.json("spans", source, "--filter", "cost:any"))


def test_clocks_that_disagree_and_links_are_shown_of_a_trace(shell: Shell, tmp_path: Path) -> None:
    def of_service(service: str, **span: Any) -> dict[str, Any]:
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        start = span.pop("start")
        times = {"startTimeUnixNano": start, "endTimeUnixNano": start + 10**9}
        return {"resource": resource, "scopeSpans": [{"spans": [{"traceId": "a" * 32, **times, **span}]}]}

    now = 1_790_000_000 * 10**9
    link = {"traceId": "c" * 32, "spanId": "d" * 16}
    resources = [
        of_service("shop", spanId="b" * 16, name="root", start=now, links=[link]),
        of_service("tools", spanId="e" * 16, parentSpanId="b" * 16, name="call", start=now - 5 * 10**9),
    ]
    path = tmp_path / "clocks.json"
    path.write_text(json.dumps({"resourceSpans": resources}))
    lines = shell("show", str(path), "a" * 32)[0].splitlines()
    told = "1 span outside the time of their parent; the clock of tools is at least 5.0s behind that of shop"
    assert lines[1] == f"tree {told}"
    assert f"link [{'b' * 16}] → {'c' * 32} {'d' * 16}" in lines
    (shown,) = shell.json("show", str(path), "a" * 32)
    links = {
        span["name"]: [(one["trace_id"], one["span_id"]) for one in span["links"]] for span in shown["spans"]
    }
    assert links == {"root": [("c" * 32, "d" * 16)], "call": []}
