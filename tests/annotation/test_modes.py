"""Failure modes: counted over the items a person looked at, renamed, merged and split by rows that are only added."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.annotation import Annotator
from traceview.annotation.modes import checked_mode, mode_figures, rename_soon, toggle_mode
from traceview.definitions.feedback import VERDICT
from traceview.definitions.modes import FailureMode
from traceview.definitions.project import load_project
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore

TRACES = [Target("trace", f"t{number}", f"t{number}") for number in range(5)]


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


@pytest.fixture
def ann(store: LabelStore) -> Annotator:
    return Annotator(store, [VERDICT], "ann")


def modes_of(annotator: Annotator, target: Target) -> object:
    row = annotator.own(target).get("mode")
    return None if row is None else row.value


def test_a_mode_is_counted_among_all_that_a_person_looked_at(ann: Annotator) -> None:
    bob = Annotator(ann.store, [VERDICT], "bob")
    ann.set_value(TRACES[:2], "mode", ("made-up link",))
    bob.set_value([TRACES[1]], "mode", ("made-up link", "slow"))
    bob.note(TRACES[1], "no search")
    ann.set_value([TRACES[2]], "verdict", True)
    ann.store.append_now([LabelRow("", TRACES[3], "verdict", False, "judge", "j", "")])
    link, slow, rude = mode_figures(ann.store.current(), {"rude": FailureMode("rude", status="fixed")})
    assert (link.mode.name, link.count, link.reviewed, link.annotators) == (
        "made-up link",
        2,
        3,
        ("ann", "bob"),
    )
    assert link.targets == (TRACES[1], TRACES[0]), "the newest first"
    assert link.notes == {TRACES[1]: ("no search",)}
    assert link.interval is not None and link.interval[0] < 2 / 3 < link.interval[1]
    assert (slow.mode.name, slow.count) == ("slow", 1)
    assert (rude.mode.status, rude.count, rude.rate, rude.last_seen) == ("fixed", 0, 0.0, None)
    assert mode_figures([], {}) == ()


def test_renaming_onto_another_merges_and_is_one_undo(ann: Annotator) -> None:
    bob = Annotator(ann.store, [VERDICT], "bob")
    bob.set_value([TRACES[0]], "mode", ("a",))
    for target, modes in zip(TRACES, (("a",), ("a", "b"), ("b", "c"), ("c",)), strict=False):
        ann.set_value([target], "mode", modes)
    action = rename_soon(ann, ["a", "c"], "b").result()
    assert action is not None and len(action.rows) == 4
    assert [modes_of(ann, target) for target in TRACES] == [("b",), ("b",), ("b",), ("b",), None]
    assert modes_of(bob, TRACES[0]) == ("a",), "what others said stays theirs"
    ann.undo()
    assert [modes_of(ann, target) for target in TRACES[:3]] == [("a",), ("a", "b"), ("b", "c")]


def test_splitting_renames_among_some_items_only(ann: Annotator) -> None:
    ann.set_value(TRACES[:3], "mode", ("a",))
    rename_soon(ann, ["a"], "  made  up ", TRACES[1:3]).result()
    assert [modes_of(ann, target) for target in TRACES[:3]] == [("a",), ("made up",), ("made up",)]
    assert rename_soon(ann, ["gone"], "x").result() is None
    assert rename_soon(ann, ["a"], "a").result() is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x1bb", "\u202eabc"])
def test_what_cannot_be_a_name_is_refused(ann: Annotator, name: str) -> None:
    with pytest.raises(BadInput, match="printable"):
        rename_soon(ann, ["a"], name)


def test_names_have_single_blanks_and_toggle() -> None:
    assert checked_mode(" a \t b") == "a b"
    assert toggle_mode(("a",), "b") == ("a", "b")
    assert toggle_mode(("a", "b"), "a") == ("b",)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[modes]\na = "x"', "a table with"),
        ('[modes.a]\nstatus = "opne"', "did you mean open"),
        ('[modes.a]\nowner = "x"', "unknown key"),
        ("[modes.a]\nticket = 3", "a text"),
        ('[modes." "]', "printable"),
    ],
)
def test_a_wrong_table_of_modes_says_where(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "traceview.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load_project(tmp_path / "traceview.toml")
    said = f"{caught.value.message} {caught.value.hint}"
    assert word in said and "traceview.toml:" in said
