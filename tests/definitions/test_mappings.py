"""`--map`s that traceview.toml remembers: which sources they are for, and edits that keep comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions.document import parse_document
from traceview.definitions.edit import remember_mapping
from traceview.definitions.project import load_project, parse_project
from traceview.model.errors import BadInput

TOML = """\
# ours
[sources."calls.csv".map]
input = "prompt"   # what was asked
[sources."logs/*.jsonl".map]
start_time = "ts"
[sources."calls*".map]
output = "answer"
input = "question"
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("calls.csv", {"input": "question", "output": "answer"}),
        ("somewhere/else/calls.csv", {"input": "question", "output": "answer"}),
        ("calls-2.parquet", {"input": "question", "output": "answer"}),
        ("{folder}/logs/a.jsonl", {"start_time": "ts"}),
        ("/other/a.jsonl", {}),
        ("logs/*.jsonl", {"start_time": "ts"}),
        ("-", {}),
    ],
)
def test_which_sources_it_is_for(tmp_path: Path, source: str, expected: dict[str, str]) -> None:
    project = parse_project(parse_document(tmp_path / "traceview.toml", TOML), "cwd")
    assert project.mapping_of([source.format(folder=tmp_path)]) == expected


def test_sources_that_are_remembered_differently_are_refused(tmp_path: Path) -> None:
    text = '[sources."a.csv".map]\ninput = "x"\n[sources."b.csv".map]\ninput = "y"\noutput = "z"\n'
    project = parse_project(parse_document(tmp_path / "traceview.toml", text), "cwd")
    assert project.mapping_of(["a.csv", "c.csv"]) == {"input": "x"}
    with pytest.raises(BadInput, match=r"input is 'x' for a\.csv and 'y' for b\.csv"):
        project.mapping_of(["a.csv", "b.csv"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[sources."a.csv"]\nmpa = { input = "x" }', "unknown key"),
        ('[sources."a.csv".map]\ninput = 3', "the name of a column"),
        ("sources = 3", "a table of sources"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse_project(parse_document(tmp_path / "traceview.toml", text), "cwd")


def test_what_is_remembered_is_added_and_comments_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(TOML)
    remember_mapping(
        path, ["here/calls.csv", "new.csv", "days/*.csv"], {"input": "body.prompt", "end_time": ""}
    )
    text = path.read_text()
    assert text.startswith('# ours\n[sources."calls.csv".map]\ninput = "body.prompt"   # what was asked\n')
    told = {one.pattern: one.columns for one in load_project(path).mappings}
    assert told["calls.csv"] == told["new.csv"] == told["days/*.csv"]
    assert told["new.csv"] == {"input": "body.prompt", "end_time": ""}
    assert told["calls*"] == {"output": "answer", "input": "question"}


def test_the_first_one_makes_the_file(tmp_path: Path) -> None:
    path, project = remember_mapping(tmp_path / "traceview.toml", ["a b.csv"], {"input": "x"})
    assert project.mapping_of(["a b.csv"]) == {"input": "x"}
    assert '[sources."a b.csv".map]\ninput = "x"\n' in path.read_text()
