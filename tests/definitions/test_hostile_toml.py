"""Files that mean harm or are merely odd: a word with the file and the line, and never a lost line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from traceview.definitions.document import line_of
from traceview.definitions.edit import add_definition
from traceview.definitions.project import load_project
from traceview.model.errors import BadInput

CATEGORICAL = '[feedback.a]\ntype = "categorical"\n'
FIELDS = {"type": "boolean", "scope": "trace", "pass_means": "x"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=" + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a=" + "1" * 5000, "a number is too large"),
        ('[feedback.a]\ntype="numerical"\nmin=' + "1" * 400, ":3: feedback.a.min: expected a finite number"),
        (
            "[feedback.a]\ntype='boolean'\nallow_na=false\nkeys={'n/a'='P'}",
            ":4: .*not a value of this definition",
        ),
        (CATEGORICAL + 'choices = ["a\\u001b[2J", "b"]', ":3: .*printable"),
        ('[feedback."a\\n"]\ntype="text"', r':1: feedback\."a\\n": a name has'),
        ('labels="a\\u0000b"', ":1: labels: expected the path"),
        ("# a\u2028b\x85c\n[feedback.a]\ntype='nope'\n", ":3: feedback.a.type"),
    ],
)
def test_each_gets_a_word(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(text.replace("\x85", "e"))
    with pytest.raises(BadInput, match=words):
        load_project(path)


def test_choices_may_look_like_other_types(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text(CATEGORICAL + 'choices = ["1", "true", "null", "-", "größe", "a,b"]\n')
    assert load_project(path).definitions[0].choices == ("1", "true", "null", "-", "größe", "a,b")


def test_a_home_that_is_nobodys_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_text('labels = "~no-such-user-here/x.db"\n')
    assert load_project(path).labels == tmp_path / "~no-such-user-here" / "x.db"


def test_the_line_is_found_between_statements_of_many_lines() -> None:
    text = "\n".join(
        f'[feedback.n{number}] # c\n\n# c\ntype = """\n[feedback.x]\n"""\nchoices = [\n  "a",\n\n  "b",\n]\n'
        for number in range(120)
    )
    for number in (0, 1, 57, 119):
        first = text.split("\n").index(f"[feedback.n{number}] # c") + 1
        assert line_of(text, ("feedback", f"n{number}")) == first
        assert line_of(text, ("feedback", f"n{number}", "type")) == first + 3
        assert line_of(text, ("feedback", f"n{number}", "choices")) == first + 6
        assert line_of(text.replace("\n", "\r\n"), ("feedback", f"n{number}", "choices")) == first + 6


FILES = {
    "empty": "",
    "comment": "# c1",
    "no newline": '[feedback.a]\ntype = "boolean" # c1',
    "views after": '[feedback.a]\ntype="boolean"\n\n# c1\n[views]\nx="a" # c2\n# c3\n',
    "out of order": '[feedback.a]\ntype="boolean" # c1\n[views]\nv="x" # c2\n[feedback.b]\ntype="text" # c3\n# c4\n',
    "header": '[feedback] # c1\n# c2\n[feedback.a]\ntype="boolean"\n# c3\n',
    "inline": 'feedback = { a = { type = "boolean" } } # c1\n# c2\n[views]\n',
    "inline definition": '[feedback]\na = { type = "boolean" } # c1\nb = { type = "text" } # c2\n# c3\n[views]\n',
    "dotted": '[feedback]\na.type = "boolean" # c1\na.scope="trace"\n# c2\n',
    "quoted": '["feedback"."a"]\ntype="boolean" # c1\n',
    "tabs": '[ feedback . a ]\n\ttype\t=\t"boolean"\t# c1\n\n\n',
    "crlf": '[feedback.a]\r\ntype = "boolean" # c1\r\n# c2\r\n\r\n[views]\r\nv="x"\r\n',
    "mark": '\ufeff[feedback.a]\ntype = "boolean" # c1\n',
    "others": '[judge]\nm="m" # c1\n[[alerts]]\na=1 # c2\n[[alerts]]\na=2\n# c3\n[feedback.a]\ntype="boolean"\n',
    "separators": '[feedback.a]\ntype="boolean" # c\u2028d\npass_means = "a\u2028b"\n# c2\n',
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
@pytest.mark.parametrize("name", ["new", "a"])
def test_an_edit_changes_one_definition_and_keeps_every_comment(tmp_path: Path, text: str, name: str) -> None:
    path = tmp_path / "traceview.toml"
    path.write_bytes(text.encode())
    before = tomllib.loads(text.removeprefix("\ufeff"))
    add_definition(path, name, FIELDS, replace=True)
    after = path.read_bytes().decode("utf-8-sig")
    assert tomllib.loads(after) == before | {"feedback": before.get("feedback", {}) | {name: FIELDS}}
    assert set(re.findall("# c[0-9\u2028d]*", text)) <= set(re.findall("# c[0-9\u2028d]*", after))


def test_what_cannot_be_edited_without_harm_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    text = 'feedback.a.type = "boolean" # c1\nfeedback.b.type = "text" # c2\n[views]\nv="x"\n'
    path.write_text(text)
    with pytest.raises(BadInput, match="cannot be edited"):
        add_definition(path, "new", FIELDS)
    assert path.read_text() == text
