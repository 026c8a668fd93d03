"""Saved views and the columns of lists: read with file and line, written with comments kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions.edit import save_view
from traceview.definitions.project import load_project
from traceview.definitions.views import SavedView, view_error
from traceview.model.errors import BadInput
from traceview.tui.looks import Looks

TEXT = """\
# the team's
[feedback.grounded]
type = "boolean"  # one thing

[views]
slow = 'latency>10s'  # too slow
dear = { filter = "cost>1", sort = "-cost", columns = ["start", "name", "attr.plan", "score.grounded.judge"] }

[views."long talks"]
screen = "threads"
filter = "traces>5"

[columns]
traces = ["name", "latency"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "traceview.toml"
    path.write_text(text)
    return path


def test_views_and_columns_are_read_by_their_canonical_names(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, TEXT))
    assert list(project.views.values()) == [
        SavedView("slow", "latency>10s"),
        SavedView("dear", "cost>1", "-cost_usd", ("start_time", "name", "attr.plan", "score.grounded.judge")),
        SavedView("long talks", "traces>5", screen="threads"),
    ]
    dear = project.views["dear"]
    assert (dear.sort_field, dear.descending) == ("cost_usd", True)
    assert project.columns == {"traces": ("name", "duration_ms")}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[views]\na = 'x'\nb = 3", 3, "a filter in quotes"),
        ("[views]\na = { filtre = 'x' }", 2, "did you mean filter"),
        ("[views]\na = { sort = '-nme' }", 2, "did you mean name"),
        ("[views]\na = { screen = 'spans' }", 2, "no list"),
        ("[views]\na = { screen = 'threads', columns = ['status'] }", 2, "threads have no column 'status'"),
        ("[views]\na = { columns = 'name' }", 2, "an array of columns"),
        ('[views]\n" " = "x"', 2, "name"),
        ('[views]\n"a\u200db" = "x"', 2, "name"),
    ],
)
def test_a_wrong_view_is_left_out_and_said_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = write(tmp_path, f"{text}\ngood = 'y'\n")
    project = load_project(path)
    (error,) = project.refused_views.values()
    assert str(error).startswith(f"{path}:{line}: ") and said in str(error)
    assert set(project.views) == {"good", *(["a"] if "b = 3" in text else [])}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("views = 3", 1, "a table of named filters"),
        ("[columns]\ntraces = ['name', 'attr.']", 2, "no column 'attr.'"),
        ("[columns]\nspans = ['name']", 2, "unknown key"),
        ("columns = 3", 1, "a table"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadInput) as error:
        load_project(path)
    assert str(error.value).startswith(f"{path}:{line}: ") and said in str(error.value)


def test_lists_have_the_views_whose_filters_can_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, "[views]\na = 'latency>'\nb = 'x'\nc = { sort = 'nme' }\n")
    looks = Looks(load_project(path))
    assert set(looks.views) == {"b"}
    assert looks.refused["a"].startswith(f"{path}:2: views.a: column ")
    assert looks.refused["c"].startswith(f"{path}:4: views.c.sort: ")
    looks.save(SavedView("a", "latency>1s"), replace=True)
    assert set(looks.views) == {"a", "b"} and set(looks.refused) == {"c"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_saving_keeps_line_ends_and_the_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "traceview.toml"
    before = mark + TEXT.encode().replace(b"\n", b"\r\n")
    path.write_bytes(before)
    save_view(path, SavedView("new", "x"))
    after = path.read_bytes()
    assert after.startswith(mark) and after.count(b"\xef\xbb\xbf") == bool(mark)
    assert after.count(b"\n") == after.count(b"\r\n") == before.count(b"\n") + 1
    assert set(before.splitlines()) < set(after.splitlines())


def test_replacing_a_table_keeps_its_comment_once(tmp_path: Path) -> None:
    path = write(tmp_path, "[views.a] # t\nfilter = 'x' # f\nsort = 'name'\n\n[views.b]\nfilter = 'z' # z\n")
    save_view(path, SavedView("a", "y", "-cost_usd"), replace=True)
    text = path.read_text()
    assert [text.count(comment) for comment in ("# t", "# z")] == [1, 1]
    assert load_project(path).views["a"] == SavedView("a", "y", "-cost_usd")
    save_view(path, SavedView("a", "y"), replace=True)
    assert load_project(path).views == {"a": SavedView("a", "y"), "b": SavedView("b", "z")}


def test_a_name_may_hold_an_emoji_of_several_parts(tmp_path: Path) -> None:
    name = "\U0001f468\u200d\U0001f469\u200d\U0001f467 talks"
    path = write(tmp_path, TEXT)
    save_view(path, SavedView(name, "x"))
    assert load_project(path).views[name].filter == "x"
    assert name in str(view_error(path, name, "no field"))


@pytest.mark.parametrize(
    "view",
    [
        SavedView("errors", 'status:error "no, I meant"'),
        SavedView("the dear ones", "cost>1", "-cost_usd", ("thread_id", 'attr.odd "key"'), "threads"),
        SavedView("everything"),
    ],
)
@pytest.mark.parametrize("text", [TEXT, "", "# only a comment\n", "views = { a = 'x' } # inline\n"])
def test_saving_adds_one_view_and_keeps_the_rest(tmp_path: Path, text: str, view: SavedView) -> None:
    path = write(tmp_path, text)
    before = load_project(path).views
    project = save_view(path, view)
    assert project.views == load_project(path).views == {**before, view.name: view}
    for comment in ("# the team's", "# one thing", "# too slow", "# only a comment", "# inline"):
        assert (comment in path.read_text()) == (comment in text)


def test_a_name_that_is_taken_is_replaced_only_if_said(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    with pytest.raises(BadInput, match="already"):
        save_view(path, SavedView("slow", "x"))
    assert path.read_text() == TEXT
    assert save_view(path, SavedView("slow", "x"), replace=True).views["slow"].filter == "x"
    assert "# too slow" in path.read_text()


def test_a_wrong_view_is_never_written(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    with pytest.raises(BadInput, match="no column"):
        save_view(path, SavedView("bad", columns=("nope",)))
    assert path.read_text() == TEXT


def test_the_error_of_a_filter_names_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert str(view_error(path, "dear", "no field x")).startswith(f"{path}:7: views.dear: no field x")
