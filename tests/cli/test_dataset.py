"""`dataset` from the command line, and its versions exported."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from traceview.cli.main import main
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "chats.jsonl"
    said = [
        {
            "id": f"t{number}",
            "messages": [
                {"role": "user", "content": f"Question {number}"},
                {"role": "assistant", "content": f"Answer {number * 7}"},
            ],
        }
        for number in range(8)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in said))
    store = LabelStore.open(tmp_path / "chats.labels.db")
    store.append_now([row(f"t{number}", "ok", number % 2 == 0) for number in range(6)])
    store.append_now([row("t1", "correction", "It is seven.")])
    store.close()
    return str(path)


def row(target: str, name: str, value: Any) -> LabelRow:
    return LabelRow("", Target("trace", target, target), name, value, "human", "ann", "")


def run(*words: str) -> tuple[str, str]:
    done = CliRunner().invoke(main, list(words), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.stdout, done.stderr


def shown(source: str, name: str) -> dict[str, Any]:
    return json.loads(run("dataset", "show", source, name, "--json")[0])


def test_a_selection_is_frozen_and_compared(source: str) -> None:
    run("dataset", "create", source, "g", "-f", "score.ok:pass", "--split", "a=0.5,b=0.5", "--note", "first")
    frozen = shown(source, "g")
    assert {item["target_id"] for item in frozen["items"]} == {"t0", "t2", "t4"}
    assert all(label["value"] is True for item in frozen["items"] for label in item["labels"])
    assert all(item["split"] in "ab" and item["content_hash"] for item in frozen["items"])
    store = LabelStore.open(Path(source).with_name("chats.labels.db"))
    store.append_now([row("t1", "ok", True), row("t0", "ok", False)])
    store.close()
    assert shown(source, "g") == frozen, "what is labelled later does not change it"
    run("dataset", "create", source, "g", "-f", "score.ok:pass")
    diff = json.loads(run("dataset", "diff", source, "g@1", "g@2", "--json")[0])
    assert (diff["came"], diff["went"], diff["same"]) == (["t1"], ["t0"], 2)
    rows = [json.loads(line) for line in run("dataset", "list", source, "--json")[0].splitlines()]
    assert [(one["name"], one["version"], one["items"], one["note"]) for one in rows] == [
        ("g", 1, 3, "first"),
        ("g", 2, 3, None),
    ]


def test_an_unchanged_selection_makes_no_version(source: str) -> None:
    run("dataset", "create", source, "g", "-f", "score.ok:pass")
    assert "nothing changed" in run("dataset", "create", source, "g", "-f", "score.ok:pass")[1]
    assert len(run("dataset", "list", source, "--json")[0].splitlines()) == 1


def test_a_target_is_added_with_its_correction_and_an_item_of_ones_own(source: str, tmp_path: Path) -> None:
    run("dataset", "add", source, "hard", "t1", "--must-pass")
    run("dataset", "add", source, "hard", "--id", "mine", "--input", "What?", "--expected", "That.")
    (tmp_path / "items.jsonl").write_text('{"id": "theirs", "input": "Who?"}\n')
    run("dataset", "import", source, "hard", str(tmp_path / "items.jsonl"))
    found = [
        (one["id"], one["origin"], one["expected"], one["must_pass"])
        for one in shown(source, "hard")["items"]
    ]
    assert found == [
        ("t1", "added", "It is seven.", True),
        ("mine", "authored", "That.", False),
        ("theirs", "imported", None, False),
    ]
    assert shown(source, "hard@1")["items"][0]["id"] == "t1" and len(shown(source, "hard@1")["items"]) == 1
    assert "nothing changed" in run("dataset", "add", source, "hard", "t1", "--must-pass")[1]
    said = run("dataset", "add", source, "hard", "t1", "--expected", "Seven.")[1]
    assert "hard@4: 3 items (0 came, 0 went, 1 changed since hard@3)" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "x", "--id", "", "--input", "a"), "id is no text"),
        (("add", "x", "--id", "a", "--input", " \n"), "input is no text"),
        (("add", "x", "--id", "a", "--input", "b", "--expected", ""), "expected is no text"),
        (("add", "e\x1b[31mvil", "--id", "a", "--input", "b"), "no name of a data set"),
        (("add", "a\u202eb", "--id", "a", "--input", "b"), "no name of a data set"),
        (("create", "x", "-f", "name:nowhere"), "nothing matches"),
    ],
)
def test_what_says_nothing_or_hides_something_is_refused(
    source: str, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        run("dataset", words[0], source, *words[1:])
    assert run("dataset", "list", source, "--json")[0] == ""


def test_exports_say_what_must_pass(source: str, tmp_path: Path) -> None:
    run("dataset", "add", source, "hard", "t1", "--must-pass")
    run("dataset", "add", source, "hard", "t2")
    run(
        *("dataset", "add", source, "hard", "--id", "mine", "--input", "What?", "--expected", "That."),
        "--must-pass",
    )
    _, said = run("export", source, "--dataset", "hard", "--format", "hf", "-o", str(tmp_path / "hf"))
    assert "2 of them must pass: the column must_pass" in said
    rows = pq.read_table(tmp_path / "hf" / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert {one["id"]: one["must_pass"] for one in rows} == {"t1": True, "t2": False, "mine": True}
    assert json.loads((tmp_path / "hf" / "manifest.json").read_text())["counts"]["must_pass"] == 2
    assert "must_pass" in (tmp_path / "hf" / "README.md").read_text()


def test_a_version_is_exported_with_its_splits_and_labels_of_then(source: str, tmp_path: Path) -> None:
    run("dataset", "create", source, "g", "-f", "score.ok:any", "--split", "a=0.5,b=0.5")
    run("dataset", "add", source, "g", "--id", "mine", "--input", "What?", "--expected", "That.")
    run("dataset", "add", source, "g", "--id", "open", "--input", "Why?")
    run("dataset", "add", source, "g", "t3", "--expected", "Twenty-one.")
    splits = {one["id"]: one["split"] for one in shown(source, "g")["items"]}
    store = LabelStore.open(Path(source).with_name("chats.labels.db"))
    store.append_now([row("t1", "correction", "Eight."), row("t7", "ok", True)])
    store.close()
    _, said = run("export", source, "--dataset", "g", "--format", "openai", "-o", str(tmp_path / "out.jsonl"))
    assert "7 of 8" in said and "1 nothing is expected of it" in said
    answers = {}
    for name in "ab":
        for line in (tmp_path / f"out.{name}.jsonl").read_text().splitlines():
            messages = json.loads(line)["messages"]
            answers[messages[0]["content"]] = (messages[-1]["content"], name)
    assert answers["Question 1"] == ("It is seven.", splits["t1"])
    assert answers["Question 3"] == ("Twenty-one.", splits["t3"])
    assert answers["What?"] == ("That.", splits["mine"]) and "Question 7" not in answers
    run("dataset", "add", source, "g", "t7")
    manifest = str(tmp_path / "out.jsonl.manifest.json")
    _, said = run("export", source, "--from-manifest", manifest, "-o", str(tmp_path / "again.jsonl"))
    assert "reproduced byte for byte" in said


def test_what_is_gone_from_the_source_is_counted(source: str, tmp_path: Path) -> None:
    run("dataset", "create", source, "g", "-f", "score.ok:any")
    path = Path(source)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[2:]))
    _, said = run("export", source, "--dataset", "g", "--format", "openai", "-o", str(tmp_path / "out.jsonl"))
    assert "4 of 6" in said and "2 no longer in the source" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "{}", "a@b"), "no name of a data set"),
        (("create", "{}", "n" * 81), "no name of a data set"),
        (("create", "{}", "g", "-f", "score.ok:none"), "nothing to freeze"),
        (("create", "{}", "g", "--split", "a=2"), "a share is above 0"),
        (("show", "{}", "g"), "no data set 'g'"),
        (("add", "{}", "g"), "say what to add"),
        (("add", "{}", "g", "t1", "--input", "x"), "say what to add"),
        (("add", "{}", "g", "nothing-like-it"), "nothing-like-it"),
        (("import", "{}", "g", "missing.jsonl"), "cannot read missing.jsonl"),
    ],
)
def test_what_is_refused(source: str, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        run("dataset", *(word.format(source) for word in words))
    assert says in caught.value.message


@pytest.mark.parametrize("split", ["../s", "/abs", "a b", "s" * 41])
def test_a_split_that_can_be_no_part_of_a_files_name_is_not_taken(
    source: str, tmp_path: Path, split: str
) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"id": "a", "input": "b", "split": split}))
    with pytest.raises(BadInput, match="line 1: the name of a split"):
        run("dataset", "import", source, "g", str(items))


def test_no_pipe_is_replaced_by_an_export(source: str, tmp_path: Path) -> None:
    run("dataset", "create", source, "g", "-f", "score.ok:any")
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(BadInput, match="not a regular file"):
        run("export", source, "--dataset", "g", "--format", "openai", "-o", str(pipe), "--force")
    assert pipe.is_fifo()
