"""`judge list`, `new`, `check`, `paths`, `preview`, `examples`, `log` as a person uses them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conversations import talk, trace, write

from traceview.cli.main import main
from traceview.definitions.judge_making import OWN, templates
from traceview.definitions.project import load_project
from traceview.judges.loading import load_judges
from traceview.model.checks import CHECKS
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, ScoreSource, Target
from traceview.store.labels.store import LabelStore

JUDGE = """\
name = "links"
kind = "llm"
version_note = "first"
[score]
type = "boolean"
pass_means = "Every address stands in a result."
fail_means = "One does not."
[model]
id = "claude-haiku-5-5"
effort = "low"
[variables]
question = "trace.input.text"
answer = "trace.output.text"
found = { path = "tool_calls[].result", on_missing = "empty" }
nothing = { path = "trace.system", on_missing = "empty" }
[prompt]
system = "You check addresses."
user = "{{question}} {{answer}} {{found}} {{nothing}}"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one model judge, and five traces in `part.parquet`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traceview.toml").write_text("")
    (tmp_path / "judges").mkdir()
    (tmp_path / "judges" / "links.toml").write_text(JUDGE)
    write(tmp_path / "parts", *talk()).rename(tmp_path / "traces.parquet")
    return tmp_path


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["judge", *map(str, arguments)])
    assert getattr(result.exception, "exit_code", result.exit_code) == code, result.output
    return result


def lines(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]


def source(folder: Path) -> Path:
    return folder / "traces.parquet"


def label(
    folder: Path, *rows: tuple[str, str, LabelValue], who: str = "ann", by: ScoreSource = "human", **more: Any
) -> None:
    store = LabelStore.open(folder / f"{source(folder).stem}.labels.db")
    told = [
        LabelRow("", Target("trace", one, one), name, value, by, who, "", **more) for one, name, value in rows
    ]
    store.append(told).result()
    store.close()


@pytest.mark.parametrize("template", sorted(templates()))
def test_every_template_is_a_judge_that_can_be_used(folder: Path, template: str) -> None:
    run("new", "mine", "--template", template)
    (judge,) = load_judges(load_project(folder / "traceview.toml")).named(["mine"])
    assert judge.name == judge.metric == "mine"
    assert judge.enabled == (template in {*CHECKS, OWN})
    assert run("check", "mine").exit_code == 0
    assert "is there already" in str(run("new", "mine", "--template", template, code=2).exception)
    run("new", "mine", "--template", template, "--force")


def test_a_judge_of_what_people_are_asked_has_its_score_there(folder: Path) -> None:
    (folder / "traceview.toml").write_text(
        '[feedback.grounded]\ntype = "boolean"\npass_means = "It is."\nfail_means = "It is not."\n'
        '[feedback.tone]\ntype = "categorical"\nchoices = ["a", "b"]\nscope = "thread"\n'
    )
    run("new", "my_grounded", "--template", "grounded", "--metric", "grounded")
    run("new", "--from-feedback", "tone")
    mine, tone = load_judges(load_project(folder / "traceview.toml")).named(["my_grounded", "tone"])
    assert (mine.metric, mine.score.pass_means, mine.enabled) == ("grounded", "It is.", False)
    text = (folder / "judges" / "my_grounded.toml").read_text()
    assert "[score]" not in text and "--from-feedback grounded" in text.splitlines()[1]
    assert (tone.scope, tone.score.choices, tone.enabled) == ("thread", ("a", "b"), False)
    assert "did you mean tone" in str(run("new", "--from-feedback", "tune", code=2).exception)


def test_a_judge_of_a_failure_mode_is_given_what_people_noted(folder: Path) -> None:
    label(
        folder, ("t1", "mode", ("made-up link",)), ("t1", "note", "cites https://d.io, mail ana@example.com")
    )
    label(folder, ("t2", "note", "something else"))
    run("new", "made_up", "--from-mode", "made-up link", "--source", source(folder))
    text = (folder / "judges" / "made_up.toml").read_text()
    assert "- cites https://d.io, mail <EMAIL_1>" in text and "something else" not in text
    assert run("check", "made_up").exit_code == 0
    wrong = run("new", "x", "--from-mode", "made up link", "--source", source(folder), code=2)
    assert "did you mean made-up link" in str(wrong.exception)


def test_judges_are_listed_with_those_that_are_refused(folder: Path) -> None:
    (folder / "judges" / "bad.toml").write_text('kind = "lm"\n')
    rows = {row["name"]: row for row in lines("list")}
    assert rows["links"]["state"] == "enabled" and len(rows["links"]["judge_hash"]) == 64
    assert rows["bad"]["state"] == "refused" and "bad.toml:1" in rows["bad"]["error"]
    assert "did you mean llm" in run("list").stderr


def test_a_check_says_what_is_wrong_and_what_is_doubtful(folder: Path) -> None:
    assert "links: llm, gives links to a trace" in run("check").stdout
    told = json.loads(run("check", "links", "--source", source(folder), "--json").stdout)
    assert told["ok"] and {one["variable"]: (one["found"], one["of"]) for one in told["variables"]} == {
        "question": (5, 5),
        "answer": (5, 5),
        "found": (3, 5),
        "nothing": (0, 5),
    }
    (warning,) = told["warnings"]
    assert "nothing (trace.system) finds something in 0 of the last 5: the path is probably wrong" in warning
    (folder / "judges" / "bad.toml").write_text('kind = "lm"\n')
    refused = run("check", code=2)
    assert "1 of 2 judges cannot be used" in str(refused.exception) and "bad.toml:1" in refused.stderr
    path = folder / "judges" / "links.toml"
    whole = path.read_text()
    path.write_text(whole.replace("[model]", '[model]\nbase_url = "https://gateway.example"'))
    refused = run("check", "links", code=2)
    assert "https://gateway.example, and no key_env says which key is for it" in refused.stderr
    path.write_text(whole)
    run("check", "links")
    assert "did you mean links" in str(run("check", "link", code=2).stderr)


def test_every_path_of_the_last_traces_is_listed(folder: Path) -> None:
    rows = {row["path"]: row for row in lines("paths", source(folder))}
    assert rows["trace.output.text"] == {"path": "trace.output.text", "found": 5, "of": 5, "sample": "Bye!"}
    assert rows["retrieved[].text"]["found"] == 1
    assert rows["tool_calls[].result"]["sample"] == "price: 5" or rows["tool_calls[].result"]["found"] == 3
    spans = {
        row["path"] for row in lines("paths", source(folder), "--scope", "span", "--filter", "kind:tool")
    }
    assert "span.tool.arguments.q" in spans


def test_a_preview_is_what_would_be_sent(folder: Path) -> None:
    told = json.loads(run("preview", source(folder), "links", "t1", "--json").stdout)
    request = told["request"]
    assert set(request) == {"model", "max_tokens", "system", "messages", "output_config"}
    assert request["output_config"]["effort"] == "low" and request["model"] == "claude-haiku-5-5"
    shown = run("preview", source(folder), "links", "t1")
    assert request["system"][0]["text"] in shown.stdout
    suffix = request["messages"][0]["content"].split("<question_")[1][:6]
    other = shown.stdout.split("<question_")[1][:6]
    assert request["messages"][0]["content"].replace(suffix, other) in shown.stdout
    # 0.10 and 0.50 dollars a million tokens
    assert told["usd"] == pytest.approx(
        (told["input_tokens"] * 0.10 + told["output_tokens"] * 0.50) / 1e6, rel=0.01
    )
    assert "trace t1: 1 call to claude-haiku-5-5" in shown.stderr
    assert json.loads(run("preview", source(folder), "links", "--json").stdout)["target_id"] == "t5"
    assert "judges a trace" in str(run("preview", source(folder), "links", "c1", code=2).exception)


def test_what_would_be_skipped_is_said(folder: Path) -> None:
    text = JUDGE.replace('{ path = "trace.system", on_missing = "empty" }', '"trace.system"')
    (folder / "judges" / "links.toml").write_text(text)
    told = json.loads(run("preview", source(folder), "links", "t1", "--json").stdout)
    assert (told["outcome"], told["reason"], told["request"]) == ("skipped", "missing_variable", None)
    assert "nothing would be sent (missing_variable)" in run("preview", source(folder), "links", "t1").stderr


@pytest.fixture
def labelled(folder: Path) -> Path:
    """Sixty labelled traces, half of them fails, two in a conversation."""
    traces = (trace(f"t{n:02}", f"question {n}", f"answer {n}", thread=f"c{n // 2}", at=n) for n in range(60))
    write(folder / "parts", *traces).rename(source(folder))
    label(folder, *((f"t{n:02}", "links", n // 2 % 2 == 0) for n in range(60)), reason="mail ana@example.com")
    return folder


def test_examples_are_cut_in_a_table_and_whole_as_json(folder: Path) -> None:
    texts = {f"t{n}": f"answer {n} " + "long " * 900 for n in range(40)}
    traces = (
        trace(one, "question", text, thread=f"c{one}", at=n) for n, (one, text) in enumerate(texts.items())
    )
    write(folder / "parts", *traces).rename(source(folder))
    label(folder, *((one, "links", n % 2 == 0) for n, one in enumerate(texts)))
    told = run("examples", source(folder), "links", "--draw", 2)
    assert max(map(len, told.stdout.splitlines())) < 300 and "…" in told.stdout
    assert "--json gives them whole" in told.stderr
    drawn = lines("examples", source(folder), "links", "--draw", 2)
    assert all(texts[row["id"]].strip() in row["shown"] for row in drawn)


def test_examples_come_from_the_train_split_one_of_a_conversation(labelled: Path) -> None:
    drawn = lines("examples", source(labelled), "links", "--draw", 4, "--balance")
    assert sorted(row["value"] for row in drawn) == [False, False, True, True]
    assert drawn == lines("examples", source(labelled), "links", "--draw", 4, "--balance")
    assert len({int(row["id"][1:]) // 2 for row in drawn}) == 4
    assert not (labelled / "judges" / "links.examples.json").exists()
    before = (labelled / "judges" / "links.toml").read_text()
    run("examples", source(labelled), "links", "--draw", 4, "--balance", "--write")
    after = (labelled / "judges" / "links.toml").read_text()
    assert after.startswith(before.rstrip()) and "pinned = [" in after
    (judge,) = load_judges(load_project(labelled / "traceview.toml")).judges
    assert [one.id for one in judge.pinned] == list(judge.examples) == [row["id"] for row in drawn]
    assert {one.explanation for one in judge.pinned} == {"mail <EMAIL_1>"}
    assert [row["id"] for row in lines("examples", source(labelled), "links")] == list(judge.examples)
    system = json.loads(run("preview", source(labelled), "links", "--json").stdout)["request"]["system"][0][
        "text"
    ]
    assert "Example 4:" in system
    assert json.loads(run("check", "links", "--source", source(labelled), "--json").stdout)["errors"] == []


def test_examples_that_may_not_be_shown_are_refused(labelled: Path) -> None:
    known = {row["id"] for row in lines("examples", source(labelled), "links", "--draw", 20)}
    tested = next(f"t{n:02}" for n in range(60) if f"t{n:02}" not in known)
    path = labelled / "judges" / "links.toml"
    path.write_text(f'{JUDGE}[examples]\npinned = ["{tested}", "gone"]\n')
    checked = run("check", "links", "--source", source(labelled), code=2)
    assert "example gone carries no label for links" in checked.stderr
    assert f"example {tested} is not in the split train" in checked.stderr
    assert "the contents of 2 pinned examples" in str(
        run("preview", source(labelled), "links", code=2).exception
    )
    run("examples", source(labelled), "links", "--write", code=2)
    assert not (labelled / "judges" / "links.examples.json").exists()


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_log_tells_versions_of_the_file_and_of_the_scores(folder: Path) -> None:
    path = folder / "judges" / "links.toml"
    git(folder, "init", "-q")
    git(folder, "add", "judges")
    git(folder, "commit", "-qm", "first")
    (first,) = load_judges(load_project(folder / "traceview.toml")).judges
    path.write_text(JUDGE.replace('"first"', '"second"').replace("Every address", "Each address"))
    git(folder, "commit", "-qam", "second")
    path.write_text(path.read_text().replace("One does not.", "One is missing."))
    scores: dict[str, Any] = {"who": "links", "by": "judge", "definition_hash": first.hash}
    label(folder, *((f"t{n}", "links", n > 1) for n in range(1, 6)), **scores)
    label(folder, ("t1", "links", True), **scores | {"definition_hash": "f" * 64})
    told = lines("log", source(folder), "links")
    assert [(one["note"], one["n"], one["k"], one["current"]) for one in told] == [
        (None, 1, 1, False),
        ("first", 5, 4, False),
        ("second", 0, None, False),
        ("second", 0, None, True),
    ]
    assert [len(one["commits"]) for one in told] == [0, 1, 1, 0]
    assert told[1]["pass_rate"] == 0.8 and told[1]["ci95"][0] < 0.8 < told[1]["ci95"][1]
    assert '+fail_means = "One is missing."' in told[3]["diff"]
    assert '-version_note = "first"' in run("log", "links", "--diff").stdout
    path.write_text("kind = 1")
    with pytest.raises(BadInput):
        load_judges(load_project(folder / "traceview.toml")).named(["links"])


def test_the_log_of_a_judge_knows_what_judges_that_say_parts_of_it_were_at_each_commit(folder: Path) -> None:
    def version() -> str:
        return load_judges(load_project(folder / "traceview.toml")).named(["style"])[0].hash

    short = 'kind = "code"\n[check]\nuse = "format_rules"\nmax_words = {}\n'
    style, other = folder / "judges" / "style.toml", folder / "judges" / "brief.toml"
    other.write_text(short.format(50))
    style.write_text(
        'kind = "code"\ncombine = "all"\n[[parts]]\nname = "a"\nuse = "format_rules"\nmax_words = 250\n'
        '[[parts]]\nname = "b"\nuse = "judge:brief"\n'
    )
    versions = [version()]
    git(folder, "init", "-q")
    git(folder, "add", "judges")
    git(folder, "commit", "-qm", "first")
    other.write_text(short.format(40))
    git(folder, "commit", "-qam", "the part alone")
    versions.append(version())
    style.write_text(style.read_text().replace('name = "b"', 'name = "c"'))
    git(folder, "commit", "-qam", "the whole alone")
    versions.append(version())
    other.write_text(short.format(30))
    versions.append(version())
    told = lines("log", "style")
    assert [one["judge_hash"] for one in told] == versions
    assert [len(one["commits"]) for one in told] == [1, 1, 1, 0]
    assert [one["current"] for one in told] == [False, False, False, True]
    assert told[1]["diff"] == [
        "+++ brief.toml",
        "@@ -3,3 +3,3 @@",
        ' use = "format_rules"',
        "-max_words = 50",
        "+max_words = 40",
        " ",
    ]
    assert "+++ brief.toml" not in told[2]["diff"] and '+name = "c"' in told[2]["diff"]


FRAGILE = """\
kind = "code"
[score]
type = "boolean"
allow_na = true
[check]
use = "python:checks/fragile.py:check"
"""
FRAGILE_CHECK = """\
BROKEN = True

def check(item):
    if BROKEN and item["trace"]["id"] in ("t1", "t2"):
        return item["nothing"]
    return None if item["trace"]["id"] == "t3" else True
"""


def test_checks_that_failed_are_told_beside_the_rate_until_they_give_a_score(folder: Path) -> None:
    (folder / "judges" / "fragile.toml").write_text(FRAGILE)
    (folder / "checks").mkdir()
    (folder / "checks" / "fragile.py").write_text(FRAGILE_CHECK)
    label(folder, *((f"t{n}", "fragile", True) for n in range(1, 6)))
    done = run("run", source(folder), "fragile", code=1)
    assert "2 scored of 5 (true 2); 1 not applicable; 2 failed (check_failed 2)" in done.stdout
    assert "2 failed of 5: its rates are not to be relied on" in done.stderr
    assert "fragile.py:5: KeyError: 'nothing'" in done.stderr
    (told,) = lines("calibrate", source(folder), "fragile", "--split", "all")
    assert (told["errors"], told["unscored_share"], told["n"]) == ({"check_failed": 2}, 0.4, 2)
    assert any("2 of 5 items gave no score" in one for one in told["warnings"])
    assert (
        "without a score  2 of 5 (40.0%): check_failed 2"
        in run("calibrate", source(folder), "fragile", "--split", "all").stdout
    )
    (entry,) = lines("log", source(folder), "fragile")
    assert (entry["scored"], entry["without_score"]) == (3, {"check_failed": 2})
    listed = next(row for row in lines("list", source(folder)) if row["name"] == "fragile")
    assert (listed["scored"], listed["failed"]) == (3, {"check_failed": 2})
    table = run("list", source(folder))
    assert (
        "2 check_failed" in table.stdout and "fragile failed, such as: fragile.py:5: KeyError" in table.stderr
    )
    said = run("log", source(folder), "fragile").stderr
    assert "2 of 5 have no score of version" in said and "not a git repository" not in said

    # another filter changes nothing of what was not looked at; what has a score now counts no more
    run("run", source(folder), "fragile", "--filter", "trace:t1", code=1)
    (entry,) = lines("log", source(folder), "fragile")
    assert entry["without_score"] == {"check_failed": 2}
    everything = FRAGILE_CHECK.replace('"t1", "t2"', '"t1", "t2", "t3", "t4", "t5"')
    (folder / "checks" / "fragile.py").write_text(everything)
    run("run", source(folder), "fragile", code=1)
    newest = lines("log", source(folder), "fragile")[-1]
    assert (newest["current"], newest["scored"], newest["without_score"]) == (True, 0, {"check_failed": 5})


def test_what_failed_and_passes_now_counts_no_more(folder: Path) -> None:
    (folder / "judges" / "fragile.toml").write_text(FRAGILE)
    (folder / "checks").mkdir()
    (folder / "checks" / "fragile.py").write_text(
        "import os\n\ndef check(item):\n    return os.path.exists('mended') or item['nothing']\n"
    )
    run("run", source(folder), "fragile", code=1)
    assert "has scored nothing: check_failed 5" in str(
        run("calibrate", source(folder), "fragile", "--split", "all", code=2).exception
    )
    (folder / "mended").touch()
    (report,) = lines("run", source(folder), "fragile")
    assert (report["scored"], report["errors"], report["values"]) == (5, {}, {"true": 5})
    (entry,) = lines("log", source(folder), "fragile")
    assert (entry["scored"], entry["without_score"]) == (5, {})


def test_a_check_in_python_is_written_beside_its_judge_and_runs(folder: Path) -> None:
    run("new", "brief", "--template", "python")
    (report,) = lines("run", source(folder), "brief")
    assert (report["planned"], report["scored"] + report["not_applicable"], report["errors"]) == (5, 5, {})
    assert report["values"]["true"] >= 1
    check = folder / "checks" / "brief.py"
    check.write_text("def check(item, most_words):\n    return False\n")
    assert "it is kept" in run("new", "brief", "--template", "python", "--force").stderr
    assert "return False" in check.read_text()
    run("new", "brief", "--template", "python", code=2)
    (report,) = lines("run", source(folder), "brief")
    assert report["values"] == {"false": 5}


def test_a_tool_that_no_trace_has_is_doubtful(folder: Path) -> None:
    (folder / "judges" / "called.toml").write_text(
        'kind = "code"\n[check]\nuse = "tool_called"\ntool = ["search_knowledge", "serch_knowledge"]\n'
    )
    (row,) = lines("check", "called", "--source", source(folder))
    assert row["warnings"] == [
        "no trace of the source has a tool 'serch_knowledge': the name is probably wrong"
    ]


def test_what_passes_by_code_keeps_no_evidence(folder: Path) -> None:
    (folder / "judges" / "fragile.toml").write_text(FRAGILE)
    (folder / "checks").mkdir()
    (folder / "checks" / "fragile.py").write_text(
        "def check(item):\n    return {'verdict': item['trace']['id'] != 't1', 'explanation': 'looked at', "
        "'evidence': ['the text'], 'parts': {'whole': True, 'half': item['trace']['id'] != 't1'}}\n"
    )
    run("run", source(folder), "fragile")
    store = LabelStore.open(folder / f"{source(folder).stem}.labels.db")
    told = {(row.target.id, row.name): row.reason for row in store.current()}
    count = store.counts().rows
    store.close()
    assert told["t1", "fragile"] == told["t1", "fragile_half"] == "looked at\n- the text"
    assert (told["t2", "fragile"], told["t2", "fragile_half"]) == ("looked at", None)
    assert told["t1", "fragile_whole"] is None
    run("run", source(folder), "fragile")
    store = LabelStore.open(folder / f"{source(folder).stem}.labels.db")
    assert store.counts().rows == count
    store.close()


MISTAKES = """\
nme = "links"
kind = "llm"
[score]
type = "bolean"
[model]
id = "claude-haiku-5-5"
effort = "lo"
[variables]
question = "trace.inputt.text"
answer = { path = "trace.output.text", max_char = 5 }
[prompt]
system = "You check addresses."
[sampling]
rate = 10
[rule]
settle = "10 parsecs"
"""
CODE_MISTAKES = """\
kind = "code"
enabled = "yes"
[[parts]]
name = "short"
use = "format_rule"
[[parts]]
name = "calm"
[[parts]]
name = "sourced"
use = "tool_called"
tol = "search"
"""


def test_every_mistake_of_a_file_is_told(folder: Path) -> None:
    (folder / "judges" / "links.toml").write_text(MISTAKES)
    (row,) = lines_of_a_refusal("check", "links")
    places = [error.partition(".toml:")[2].split(": ")[:2] for error in row["errors"]]
    assert places == [
        ["1", "nme"],
        ["4", "score.type"],
        ["7", "model.effort"],
        ["9", "variables.question"],
        ["10", "variables.answer.max_char"],
        ["14", "sampling.rate"],
        ["16", "rule.settle"],
    ]
    (folder / "judges" / "links.toml").write_text(CODE_MISTAKES)
    (row,) = lines_of_a_refusal("check")
    places = [error.partition(".toml:")[2].split(": ")[:2] for error in row["errors"]]
    assert places == [
        ["2", "enabled"],
        ["5", "parts.short.use"],
        ["6", "parts.calm"],
        ["11", "parts.sourced.tol"],
    ]
    assert run("check", code=2).stderr.count("refused: ") == 4


def lines_of_a_refusal(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--json", code=2).stdout.splitlines()]
