"""A recorded session: 200 traces of the sample data under three definitions, its keys and the rows they mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sample_files import sample_copy
from traceview.annotation.session_choosing import Plan
from traceview.tui.app import TraceviewApp
from tui.sample_app import app_on

KEYS = Path(__file__).with_name("session.keys")
"""A line for each time that an item comes, its keys with blanks between."""
ROWS = Path(__file__).with_name("session.rows.jsonl")
"""A line for each row: place, trace, name, value, op."""

ASKED = ("grounded", "right_user", "feasible_followups")
PLAN = Plan(rule="random:200", define=ASKED, seed=6, name="recorded")
OPTIONAL = "[feedback.feasible_followups]\n"


@contextmanager
def recorded_app(folder: Path) -> Iterator[TraceviewApp]:
    """The app on a copy of the sample data in which all three definitions complete an item."""
    source = sample_copy(folder)
    definitions = folder / "traceview.toml"
    text = definitions.read_text()
    definitions.write_text(text.replace(OPTIONAL, f"{OPTIONAL}required = true\n"))
    with app_on(source, plan=PLAN) as app:
        yield app
