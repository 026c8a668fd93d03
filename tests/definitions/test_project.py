"""traceview.toml: found, read, refused with file and line, edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.cli import feedback
from traceview.definitions import edit
from traceview.definitions import project as project_module
from traceview.definitions.document import line_of
from traceview.definitions.edit import TEMPLATES, add_definition, create_project
from traceview.definitions.keys import value_keys
from traceview.definitions.project import load_project
from traceview.definitions.views import SavedView
from traceview.filters.parser import parse
from traceview.model.errors import BadInput

GROUNDED = """\
# the team's definitions
[feedback.grounded]
type = "boolean"                       # boolean | categorical
scope = "trace"
pass_means = "Every link came from a search result."
fail_means = "At least one link did not."
required = true

[feedback.tone]
type = "categorical"
scope = ["thread", "span"]
choices = ["formal", "friendly", "rude"]
keys = { rude = "D" }

[feedback.effort]
type = "numerical"
min = 1
max = 5
direction = "lower"
allow_na = false

[views]
slow = "latency>2s"

[alerts]
anything = 1
"""


def write(folder: Path, text: str = GROUNDED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "traceview.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, 'labels = "all.labels.db"\n' + GROUNDED))
    grounded, tone, effort = project.definitions
    assert (grounded.name, grounded.type, grounded.scopes, grounded.required) == (
        "grounded",
        "boolean",
        ("trace",),
        True,
    )
    assert tone.scopes == ("span", "thread") and tone.choices == ("formal", "friendly", "rude")
    assert (effort.minimum, effort.maximum, effort.direction, effort.allow_na) == (1, 5, "lower", False)
    assert project.labels == tmp_path / "all.labels.db"
    assert project.views == {"slow": SavedView("slow", "latency>2s")}
    assert project.tables == {"alerts": {"anything": 1}}
    assert value_keys(grounded) == {"1": True, "2": False, "0": "n/a"}
    assert value_keys(tone) == {"1": "formal", "2": "friendly", "3": "rude", "0": "n/a", "D": "rude"}
    assert value_keys(effort) == {str(number): number for number in range(1, 6)}


@pytest.mark.parametrize(
    ("fields", "digits"),
    [
        ("min = 0\nmax = 5", ""),
        ("min = 1\nmax = 10", ""),
        ("min = 1.5\nmax = 5", ""),
        ("min = 1", ""),
        ("min = 1.0\nmax = 2.0", "12"),
        ("min = 3\nmax = 4", "34"),
    ],
)
def test_digits_are_numbers_only_on_a_whole_scale_within_nine(
    tmp_path: Path, fields: str, digits: str
) -> None:
    path = write(tmp_path, f'[feedback.n]\ntype = "numerical"\nallow_na = false\n{fields}\n')
    assert "".join(value_keys(load_project(path).definitions[0])) == digits


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[feedback.x]\ntype = 'bolean'", 2, "did you mean boolean"),
        ("[feedback.x]\n\n# c\ntipe = 'boolean'", 4, "did you mean type"),
        ("[feedback.x]\nscope = 'trace'", 1, "type is missing"),
        ("[feedback.x]\ntype = 'boolean'\nscope = 'traces'", 3, "did you mean trace"),
        ("[feedback.x]\ntype = 'boolean'\nchoices = ['a']", 3, "does not go with type boolean"),
        ("[feedback.x]\ntype = 'categorical'", 1, "choices are missing"),
        ("[feedback.x]\ntype = 'categorical'\nchoices = [\n 'a',\n 'a',\n]", 3, "twice"),
        ("[feedback.x]\ntype = 'categorical'\nchoices = ['a', 'N/A']", 3, "does not apply"),
        ("[feedback.x]\ntype = 'categorical'\nchoices = []", 3, "at least one"),
        ("[feedback.x]\ntype = 'categorical'\nchoices = [1]", 3, "expected texts, found 1"),
        ("[feedback.x]\ntype = 'numerical'\nmin = 5\nmax = 1", 3, "above max"),
        ("[feedback.x]\ntype = 'numerical'\nmin = true", 3, "expected a number, found true"),
        ("[feedback.x]\ntype = 'numerical'\nmax = nan", 3, "finite"),
        ("[feedback.x]\ntype = 'numerical'\ndirection = 'hihger'", 3, "did you mean higher"),
        ("[feedback.x]\ntype = 'boolean'\nallow_na = 'yes'", 3, "expected true or false, found 'yes'"),
        ("[feedback.note]\ntype = 'text'", 1, "kept for the app"),
        ("[feedback.first_bad]\ntype = 'text'", 1, "kept for the app"),
        ("[feedback.'a.b']\ntype = 'text'", 1, "letters, digits"),
        ("[feedback]\nx = 3", 2, "expected a table"),
        ("[feedbak.x]\ntype = 'boolean'", 1, "did you mean feedback"),
        ("lables = 'x'", 1, "did you mean labels"),
        ("labels = 3", 1, "expected the path"),
        ("\n\nviews = 3", 3, "expected a table"),
        ("[feedback.x]\ntype = = 'boolean'", 2, "not valid TOML"),
        ("[feedback.x]\ntype = 'boolean'\nkeys = { pas = 'p' }", 3, "did you mean pass"),
        ("[feedback.x]\ntype = 'boolean'\nkeys = { pass = '1' }", 3, "have a meaning already"),
        ("[feedback.x]\ntype = 'boolean'\nkeys = { pass = 'pp' }", 3, "one printable"),
        ("[feedback.x]\ntype = 'boolean'\nkeys = { pass = 'P', fail = 'P' }", 3, "is the key of pass too"),
        ("[feedback.x]\ntype = 'boolean'\nkeys = { pass = 'j' }", 3, "the app's key of 'cursor_down'"),
        (
            "[feedback.x]\ntype = 'boolean'\nkeys = { pass = 'P' }\n"
            "[feedback.y]\ntype = 'boolean'\nkeys = { pass = 'P' }",
            6,
            "is a key of feedback.x too",
        ),
    ],
)
def test_errors_name_the_file_the_line_and_what_was_expected(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadInput) as refused:
        load_project(path, reserved_keys={"j": "cursor_down", "k": "cursor_up"})
    assert str(refused.value).startswith(f"{path}:{line}:")
    assert words in str(refused.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "traceview.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_project(path)
    with pytest.raises(BadInput, match="no such file"):
        load_project(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("keys", "line"), [(("a",), 1), (("b", "c"), 4), (("b", "d", "e"), 8), (("x",), None), (("b", "no"), 3)]
)
def test_lines(keys: tuple[str, ...], line: int | None) -> None:
    text = "a = 1\n# c\n[b]\nc = [\n 1,\n]\n\nd = { e = 1 }\n"
    assert line_of(text, keys) == line


def test_the_first_file_found_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "_home", lambda: tmp_path)
    work, data = tmp_path / "work" / "deep", tmp_path / "data" / "deep"
    work.mkdir(parents=True)
    data.mkdir(parents=True)
    source = data / "a.parquet"
    builtin = load_project(sources=[source], cwd=work)
    assert (builtin.origin, [one.name for one in builtin.definitions]) == ("builtin", ["verdict"])
    assert builtin.definitions[0].scopes == ("trace", "thread")
    beside = write(tmp_path / "data")
    found = load_project(sources=[source], cwd=work)
    assert (found.path, found.origin, found.trusted) == (beside, "source", False)
    own = write(tmp_path / "work")
    found = load_project(sources=[source], cwd=work)
    assert (found.path, found.origin, found.trusted) == (own, "cwd", True)
    named = write(tmp_path / "named")
    for config in (named, named.parent):
        found = load_project(config, sources=[source], cwd=work)
        assert (found.path, found.origin, found.trusted) == (named, "config", True)
    assert str(named) in found.sentence


def test_the_search_stops_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setattr(project_module, "_home", lambda: home)
    assert load_project(cwd=home / "work").origin == "builtin"
    write(home)
    assert load_project(cwd=home / "work").path == home / "traceview.toml"


def test_the_hash_is_of_the_meaning_only(tmp_path: Path) -> None:
    def hash_of(text: str) -> str:
        return load_project(write(tmp_path, f"[feedback.x]\n{text}\n")).definitions[0].hash

    base = hash_of("type = 'boolean'\npass_means = 'a'")
    assert len(base) == 16
    same = [
        "pass_means = 'a'\ntype = 'boolean' # c",
        "type='boolean'\npass_means='a'\nrequired=true\nkeys={pass='P'}",
    ]
    assert {hash_of(text) for text in same} == {base}
    others = [
        "type = 'boolean'\npass_means = 'b'",
        "type = 'boolean'\nfail_means = 'a'",
        "type = 'boolean'\npass_means = 'a'\nscope = 'span'",
        "type = 'boolean'\npass_means = 'a'\ndescription = 'd'",
        "type = 'text'",
        "type = 'categorical'\nchoices = ['a', 'b']",
        "type = 'categorical'\nchoices = ['b', 'a']",
        "type = 'categorical'\nchoices = ['b', 'a']\nmulti = true",
        "type = 'numerical'",
        "type = 'numerical'\nmin = 0",
        "type = 'numerical'\nmax = 0",
    ]
    hashes = [hash_of(text) for text in others]
    assert len({base, *hashes}) == len(others) + 1
    assert hash_of("type = 'numerical'\nmin = 1") == hash_of("type = 'numerical'\nmin = 1.0")


def test_adding_keeps_the_comments_and_validates_first(tmp_path: Path) -> None:
    path = write(tmp_path)
    project = add_definition(
        path, "polite", {"type": "categorical", "choices": ("a", "b"), "keys": {"a": "A"}}
    )
    assert [one.name for one in project.definitions] == ["grounded", "tone", "effort", "polite"]
    text = path.read_text()
    assert text.startswith(GROUNDED[: GROUNDED.index("[views]")]) and "# the team's definitions" in text
    assert load_project(path).definition("polite") == project.definition("polite")
    for name, fields, words in (
        ("polite", {"type": "text"}, "already"),
        ("bad", {"type": "categorical"}, "choices are missing"),
        ("mode", {"type": "text"}, "kept for the app"),
    ):
        with pytest.raises(BadInput, match=words):
            add_definition(path, name, fields)
        assert path.read_text() == text
    add_definition(path, "grounded", {"type": "boolean", "scope": "thread"}, replace=True)
    assert "# boolean | categorical" in path.read_text()
    assert load_project(path).definition("grounded").scopes == ("thread",)  # type: ignore[union-attr]
    assert load_project(path).definition("grounded").pass_means is None  # type: ignore[union-attr]


def test_adding_creates_the_file_where_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project = add_definition(None, "ok", {"type": "boolean"})
    assert project.path == tmp_path / "traceview.toml"
    assert [one.name for one in load_project().definitions] == ["ok"]
    with pytest.raises(BadInput, match="is there already"):
        create_project()


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_valid_and_says_what_passes(tmp_path: Path, template: str) -> None:
    project = load_project(create_project(tmp_path / "traceview.toml", template))
    assert project.definitions and not project.refused_views
    assert any(one.required for one in project.definitions)
    for one in project.definitions:
        assert one.type != "boolean" or (one.pass_means and one.fail_means), one.name
    for view in project.views.values():
        parse(view.filter)


def test_the_templates_are_those_that_the_command_line_offers() -> None:
    assert tuple(TEMPLATES) == feedback.TEMPLATES
    files = Path(edit.__file__).with_name("templates").glob("*.toml")
    assert {file.stem for file in files} == set(TEMPLATES)
