"""Failure modes on the command line: their items, split by filter or by target, taken back and done again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from traceview.annotation import Annotator
from traceview.cli.main import main
from traceview.definitions.feedback import VERDICT
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore

SPANS = [
    {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": name,
        "start_time": "2026-01-01T00:00:00Z",
    }
    for number, name in enumerate(("ask", "ask", "look", "ask"), start=1)
]
IDS = [span["trace_id"] for span in SPANS]


@pytest.fixture
def given(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Arguments of a source of four traces; ann found one mode on three of them, bob on the fourth."""
    source = tmp_path / "s.jsonl"
    source.write_text("".join(json.dumps(span) + "\n" for span in SPANS))
    store = LabelStore.open(tmp_path / "a.labels.db")
    ann = Annotator(store, [VERDICT], "ann")
    ann.set_value([Target("trace", one, one) for one in IDS[:3]], "mode", ("bad link",))
    ann.note(Target("trace", IDS[1], IDS[1]), "the search said nothing of it")
    Annotator(store, [VERDICT], "bob").set_value([Target("trace", IDS[3], IDS[3])], "mode", ("bad link",))
    store.close()
    yield (str(source), "--labels", str(tmp_path / "a.labels.db"), "--annotator", "ann")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["labels", *arguments])


def counts(given: tuple[str, ...]) -> dict[str, int]:
    rows = map(json.loads, run("modes", *given, "--json").stdout.splitlines())
    return {row["mode"]: row["count"] for row in rows}


def test_the_items_of_a_mode_are_listed_with_their_notes(given: tuple[str, ...]) -> None:
    found = run("modes", *given, "--show", "bad link", "--json")
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert {row["target_id"]: row["notes"] for row in rows} == {
        IDS[0]: [],
        IDS[1]: ["the search said nothing of it"],
        IDS[2]: [],
    }
    assert "3 of your 3 items of bad link; 1 that only others gave it stay theirs" in found.stderr
    assert "1 of your 3" in run("modes", *given, "--show", "bad link", "-f", "name:look").stderr


def test_a_split_by_filter_is_taken_back_and_done_again(given: tuple[str, ...]) -> None:
    split = run("modes", *given, "--split", "bad link=no search", "-f", "name:look")
    assert "bad link is no search on 1 item; `traceview labels undo` takes it back" in split.stderr
    assert "failure modes: no new one in the last 3 items" in split.stderr
    assert counts(given) == {"bad link": 3, "no search": 1}, "two of ann, one of bob"
    assert "taken back: mode = no search on " in run("undo", *given).stderr
    assert counts(given) == {"bad link": 4}
    again = run("redo", *given, "--json")
    assert [json.loads(line)["op"] for line in again.stdout.splitlines()] == ["redo"]
    assert counts(given) == {"bad link": 3, "no search": 1}
    assert "ann has nothing to redo" in run("redo", *given).stderr


def test_a_split_by_target_takes_ones_own_only(given: tuple[str, ...]) -> None:
    chosen = ("--target", IDS[0], "--target", IDS[1], "--target", IDS[3])
    split = run("modes", *given, "--split", "bad link=wrong page", *chosen)
    assert "on 2 items" in split.stderr and "1 of the 3 do not have bad link from you" in split.stderr
    assert counts(given) == {"bad link": 2, "wrong page": 2}


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("--split", "bad link=x"), "which items of bad link?"),
    (("--split", "bad link=x", "-f", "name:look", "--target", IDS[0]), "which items of bad link?"),
    (("--split", "bad link=x", "-f", "name:nothing"), "none of your 3 items"),
    (("--split", "bad link=x", "--target", IDS[3]), "none of these 1 items"),
    (("--split", "gone=x", "-f", "name:look"), "no item the failure mode 'gone'"),
    (("-f", "name:look"), "--filter chooses items of a mode"),
    (("--target", IDS[0]), "--target chooses items of a mode"),
    (("--show", "gone"), "no item the failure mode 'gone'"),
    (("--show", "bad link", "--rename", "a=b"), "goes with none of"),
)


def test_what_cannot_be_done_is_said_and_changes_nothing(given: tuple[str, ...]) -> None:
    for words, told in REFUSED:
        refused = run("modes", *given, *words)
        assert told in f"{refused.output}{refused.exception}" and refused.stdout == ""
        assert isinstance(refused.exception, BadInput) or refused.exit_code == 2
    assert counts(given) == {"bad link": 4}
