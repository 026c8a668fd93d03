"""The copy menu: what it offers, and command lines that show the same thing when they are run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from traceview.cli.main import main
from traceview.model.errors import BadInput
from traceview.tui.app import TraceviewApp
from traceview.tui.copying import Copies, Invocation
from traceview.tui.screens.copy_menu import CopyMenu, choices_of
from tui.conftest import Until
from tui.fake_engine import FakeEngine

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data" / "traces.parquet"
FILTERS = (
    "",
    "status:error",
    '"what\'s behind that"',
    "latency>2s cost>$0.005",
    "-status:error",
    "output~/[$`\\\\]/ or version:v3",
    "name:'goal-assistant'",
)


def run(line: str) -> Result:
    """What a shell would do with the line; the program is called in this process."""
    program, *words = shlex.split(line)
    assert program == "traceview"
    return CliRunner().invoke(main, words)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "it's a $HOME `day`.parquet"
    path.write_bytes(SAMPLE.read_bytes())
    return str(path)


@pytest.mark.parametrize("text", FILTERS, ids=range(len(FILTERS)))
def test_the_line_of_a_list_prints_the_list(source: str, text: str) -> None:
    line = Invocation([source]).listing("traces", text, ("cost_usd", True))
    assert line is not None
    done = run(f"{line} --json --limit 3")
    assert done.exit_code == 0, done.output
    costs = [json.loads(row)["cost_usd"] for row in done.stdout.splitlines()]
    assert costs == sorted(costs, reverse=True)


def test_the_line_of_an_item_shows_it(source: str, tmp_path: Path) -> None:
    row = json.loads(run(f"{Invocation([source]).listing('traces', '', None)} --json --limit 1").stdout)
    line = Invocation([source], options=["--labels", str(tmp_path / "my labels.db")]).show(row["trace_id"])
    shown = run(f"{line} --json")
    assert shown.exit_code == 0 and json.loads(shown.stdout)["trace"]["trace_id"] == row["trace_id"]
    line = Invocation([source]).show(row["thread_id"], transcript=True)
    assert line is not None and run(line).exit_code == 0
    refused = run(Invocation([source]).show("-x; rm -rf ~") or "")
    assert isinstance(refused.exception, BadInput) and "'-x; rm -rf ~'" in str(refused.exception)


@pytest.mark.parametrize("sources", [(), ("-",), ("a", "b")])
def test_there_is_no_line_for_an_item_of_what_cannot_be_read_again(sources: tuple[str, ...]) -> None:
    assert Invocation(sources).show("id") is None
    assert (Invocation(sources).listing("traces", "", None) is None) == (sources != ("a", "b"))


def test_what_is_not_there_says_why() -> None:
    choices = choices_of(Copies(None, "trace", None, "text", None, None))
    assert all(text is None and why for _, _, text, why in choices)
    assert [key for key, *_ in choices] == ["i", "t", "j", "c"]


async def test_each_key_copies_its_form(
    make_app: Callable[..., TraceviewApp], wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "traceview.tui.clipboard.copy", lambda app, text, what: copied.append((what, text)) or "copied"
    )
    app = make_app(FakeEngine(20), invocation=Invocation(["s.parquet"]), initial_filter="status:error")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#rows") and app.screen.query_one("#rows").row)  # type: ignore[attr-defined]
        for number, key in enumerate("itjc", start=1):
            await pilot.press("y")
            await wait_for(pilot, lambda: isinstance(app.screen, CopyMenu))
            await pilot.press(key)
            await wait_for(pilot, lambda number=number: len(copied) == number)
        await pilot.press("y")
        await wait_for(pilot, lambda: isinstance(app.screen, CopyMenu))
        await pilot.press("y")
        await wait_for(pilot, lambda: not isinstance(app.screen, CopyMenu))
    (kind, trace_id), _, (_, row), (_, line) = copied
    assert kind == "trace id" and json.loads(row)["trace_id"] == trace_id
    assert line == "traceview traces s.parquet --filter status:error"


def test_json_of_a_row_has_no_numbers_of_the_index() -> None:
    row = {"trace_no": 3, "first_span": 12, "span_no": 14, "trace_id": "a1", "spans": 2}
    copies = Copies(id="a1", what="trace", text=None, text_name="text", row=row, command=None)
    assert json.loads(copies.json or "") == {"trace_id": "a1", "spans": 2}
