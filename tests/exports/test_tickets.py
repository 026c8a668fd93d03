"""Tickets: a Markdown file per failure mode that says how often, shows redacted examples, and how to see them all."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import sample_files
from sample_files import with_index
from traceview.cli.main import main
from traceview.model.errors import BadInput

SAMPLE = sample_files.SAMPLE / "traces.parquet"


def run(*arguments: str) -> str:
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[str, list[str]]:
    """The label file of the sample data, and five of its traces that have a mode each."""
    with_index(SAMPLE)
    labels = str(tmp_path / "a.labels.db")
    rows = [json.loads(line) for line in run("traces", str(SAMPLE), "-n", "5", "--json").splitlines()]
    ids = [row["trace_id"] for row in rows]
    for number, trace_id in enumerate(ids):
        mode = "made-up `link`" if number < 4 else "Made up link!"
        note = f"note={'```' if number == 3 else ''}ask bob@example.com"
        run("score", str(SAMPLE), trace_id, f"mode={mode}", note, "--labels", labels, "--annotator", "ann")
    return labels, ids


def test_a_ticket_tells_what_a_colleague_needs(labelled: tuple[str, list[str]], tmp_path: Path) -> None:
    labels, ids = labelled
    run("labels", "modes", str(SAMPLE), "--labels", labels, "--tickets", str(tmp_path / "tickets"))
    second, first = sorted((tmp_path / "tickets").iterdir())
    assert first.name == "made-up-link.md" and second.name.startswith("made-up-link-")
    text = first.read_text()
    assert text.startswith("# made-up \\`link\\`\n")
    assert "4 of 5 items that were looked at: 80.0% (95 % interval" in text
    assert text.count("## Example") == 3 and "1 more items have it." in text
    assert "bob@example.com" not in text and "ask <EMAIL_1>" in text and "3 redacted: 3 EMAIL" in text
    # The newest item comes first: its note has a fence of its own, which closes nothing.
    assert "````text\n```ask <EMAIL_1>\n````" in text
    command = next(line for line in text.splitlines() if line.startswith("traceview traces"))
    words = shlex.split(command)[1:]
    found = [json.loads(line) for line in run(*words, "--labels", labels, "--json").splitlines()]
    assert {row["trace_id"] for row in found} == set(ids[:4])


def test_a_ticket_holds_no_control_characters(labelled: tuple[str, list[str]], tmp_path: Path) -> None:
    labels, ids = labelled
    run(
        "score",
        str(SAMPLE),
        ids[3],
        "note=red \x1b[31m and a bell\x07",
        "--labels",
        labels,
        "--annotator",
        "ann",
    )
    run("labels", "modes", str(SAMPLE), "--labels", labels, "--tickets", str(tmp_path / "tickets"))
    texts = [path.read_text() for path in (tmp_path / "tickets").iterdir()]
    assert any("red ␛[31m and a bell␇" in text for text in texts)
    assert not any(sign in text for text in texts for sign in "\x1b\x07")


def test_tickets_of_modes_that_were_renamed_go_and_nothing_else_does(
    labelled: tuple[str, list[str]], tmp_path: Path
) -> None:
    labels, ids = labelled
    given = ["labels", "modes", str(SAMPLE), "--labels", labels, "--annotator", "ann"]
    place = tmp_path / "tickets"
    tickets = [*given, "--tickets", str(place)]
    assert "2 tickets" in CliRunner().invoke(main, tickets).stderr
    (place / "mine.md").write_text("# my own notes\n")
    other = str(tmp_path / "other.labels.db")
    run("score", str(SAMPLE), ids[0], "mode=theirs", "--labels", other, "--annotator", "bob")
    run("labels", "modes", str(SAMPLE), "--labels", other, "--tickets", str(place))
    none = CliRunner().invoke(main, [*tickets, "--kind", "thread"])
    assert "0 tickets" in none.stderr and "removed" not in none.stderr, "they are there, of another kind"

    again = CliRunner().invoke(main, [*tickets, "--rename", "made-up `link`=invented"])
    assert "removed: made-up-link-" in again.stderr, "the other mode has the short name now"
    left = {path.name for path in place.iterdir()}
    assert left == {"invented.md", "made-up-link.md", "mine.md", "theirs.md"}

    ticket = place / "invented.md"
    ticket.write_text(ticket.read_text().replace("# invented", "# invented, I am on it"))
    changed = CliRunner().invoke(main, [*tickets, "--rename", "invented=gone"])
    assert "changed since they were written" in changed.stderr and "invented.md" in changed.stderr
    assert ticket.exists() and (place / "gone.md").exists()


def test_a_file_of_somebody_else_is_not_replaced(labelled: tuple[str, list[str]], tmp_path: Path) -> None:
    labels, _ = labelled
    (tmp_path / "made-up-link.md").write_text("my own\n")
    given = ["labels", "modes", str(SAMPLE), "--labels", labels, "--tickets", str(tmp_path)]
    refused = CliRunner().invoke(main, given)
    assert isinstance(refused.exception, BadInput) and "not replaced" in refused.exception.message
    assert (tmp_path / "made-up-link.md").read_text() == "my own\n"


def test_counts_are_rows_and_a_rename_says_how_many(labelled: tuple[str, list[str]]) -> None:
    labels, _ = labelled
    given = ("labels", "modes", str(SAMPLE), "--labels", labels, "--annotator", "ann")
    rows = [json.loads(line) for line in run(*given, "--json").splitlines()]
    assert [(row["mode"], row["count"], row["reviewed"]) for row in rows] == [
        ("made-up `link`", 4, 5),
        ("Made up link!", 1, 5),
    ]
    merged = CliRunner().invoke(main, [*given, "--rename", "made-up `link`=Made up link!"])
    assert "on 4 items" in merged.stderr
    assert "Made up link!  5" in merged.stdout
    wrong = CliRunner().invoke(main, [*given, "--rename", "gone=x"])
    assert isinstance(wrong.exception, BadInput) and wrong.exception.hint == "given: Made up link!"
