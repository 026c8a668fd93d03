"""One definition as a text: handed out as it stands, taken back with its comments, refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions.section import NEW_SECTION, put_section, section_text, with_reason, without_reason
from traceview.model.errors import BadInput

TEXT = """\
# The team's file.
labels = "ours.db"

[feedback.grounded]   # the first
type = "boolean"
# Links only, not numbers.
pass_means = "Every link came from a search."
required = true

# About the words.
[feedback.tone]
type = "categorical"
choices = ["formal", "rude"]
keys = { rude = "D" }

[views]
bad = "status:error"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "traceview.toml"
    path.write_text(TEXT)
    return path


def test_what_was_not_touched_gives_the_same_file(file: Path) -> None:
    for name in ("grounded", "tone"):
        put_section(file, name, section_text(file, name))
        parsed = file.read_text()
        assert "# Links only" in parsed and "# About the words." in parsed and "# The team's file." in parsed
        assert parsed.index("grounded") < parsed.index("tone") < parsed.index("[views]")


def test_a_change_keeps_the_comments_of_it_and_of_the_rest(file: Path) -> None:
    text = section_text(file, "grounded")
    assert "# Links only, not numbers." in text and "tone" not in text.split("# About")[0]
    changed = text.replace("came from a search", "was in a search").replace("# Links only", "# Only links")
    project, name = put_section(file, "grounded", changed)
    assert name == "grounded" and project.definition("grounded").pass_means == "Every link was in a search."
    after = file.read_text()
    assert "# Only links, not numbers." in after and 'keys = { rude = "D" }' in after
    assert project.views["bad"].filter == "status:error"


def test_a_new_one_comes_last_among_the_definitions(file: Path, tmp_path: Path) -> None:
    project, name = put_section(file, None, NEW_SECTION.replace("NAME", "brief"))
    assert name == "brief" and [one.name for one in project.definitions] == ["grounded", "tone", "brief"]
    fresh, _ = put_section(tmp_path / "new.toml", None, NEW_SECTION.replace("NAME", "brief"))
    assert [one.name for one in fresh.definitions] == ["brief"]


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("grounded", '[feedback.grounded]\ntype = "bolean"\n', "bolean"),
        ("grounded", '[feedback.grounded]\ntype = "boolean\n', "not valid TOML"),
        ("grounded", '[feedback.other]\ntype = "boolean"\n', "the name stays grounded"),
        ("grounded", "", "0 definitions"),
        ("grounded", '[feedback.a]\ntype = "boolean"\n[feedback.b]\ntype = "boolean"\n', "2 definitions"),
        ("grounded", '[feedback.grounded]\ntype = "boolean"\n[views]\nx = "status:ok"\n', "views"),
        (None, '[feedback.tone]\ntype = "boolean"\n', "defines tone already"),
        (None, '[feedback.note]\ntype = "boolean"\n', "note"),
        (None, '[feedback.x]\ntype = "categorical"\nchoices = ["a"]\nkeys = { a = "D" }\n', "D"),
        (None, NEW_SECTION, "required"),
    ],
)
def test_what_cannot_hold_is_refused_and_nothing_is_written(
    file: Path, name: str | None, text: str, word: str
) -> None:
    if text == NEW_SECTION:
        # Only the name is missing: as it stands it would be a definition called NAME.
        put_section(file, None, text)
        assert "[feedback.NAME]" in file.read_text()
        return
    with pytest.raises(BadInput) as caught:
        put_section(file, name, text)
    assert word in f"{caught.value.message} {caught.value.hint}"
    assert file.read_text() == TEXT


def test_the_reason_stands_over_the_text_and_goes_again() -> None:
    error = BadInput("two\nlines", hint="do this")
    told = with_reason("a = 1\n", error)
    assert told.startswith("#! two · lines · do this\n") and without_reason(told) == "a = 1\n"
    assert without_reason(with_reason(told, error)) == "a = 1\n"


def test_a_name_that_no_file_defines_cannot_be_edited(file: Path) -> None:
    with pytest.raises(BadInput, match="defines no verdict"):
        section_text(file, "verdict")
