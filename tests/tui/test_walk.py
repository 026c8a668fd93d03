"""At most two keys between any two places where somebody reads: the table in docs/reading.md, walked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sample_files import sample_copy, with_index
from traceview.tui.actions import textual_key
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from tui.conftest import Until
from tui.sample_app import app_on

PAGE = Path(__file__).parents[2] / "docs/reading.md"
VERSION = re.compile(r"prompt:[\w-]+@v\d+")
"""The filter of a prompt version: that of the span under the cursor, else of the trace."""


@dataclass(frozen=True)
class Place:
    """A place: whether the app is there, and the keys that go there from the list."""

    there: Callable[[Any], bool]
    begin: tuple[str, ...]


def on_list(screen: Any) -> bool:
    return (
        isinstance(screen, ListScreen)
        and screen.selection is not None
        and not VERSION.fullmatch(screen.filter_text)
    )


def on_version(screen: Any) -> bool:
    return (
        isinstance(screen, ListScreen)
        and screen.selection is not None
        and bool(VERSION.fullmatch(screen.filter_text))
    )


def on_trace(screen: Any) -> bool:
    return (
        isinstance(screen, TraceScreen)
        and screen.tree_pane.row is not None
        and screen.panel.kept.ready
        and screen.span_detail.section != "Documents"
    )


def on_documents(screen: Any) -> bool:
    return (
        isinstance(screen, TraceScreen)
        and screen.tree_pane.row is not None
        and screen.tree_pane.row["kind"] == "retriever"
        and screen.span_detail.section == "Documents"
    )


def on_transcript(screen: Any) -> bool:
    return isinstance(screen, TranscriptScreen) and screen.panel.kept.ready and screen._talk is not None


def on_error(screen: Any) -> bool:
    return (
        isinstance(screen, TraceScreen)
        and screen.tree_pane.row is not None
        and screen.tree_pane.row["status"] == "error"
    )


PLACES: dict[str, Place] = {
    "list": Place(on_list, ()),
    "trace": Place(on_trace, ("Enter",)),
    "its documents": Place(on_documents, ("B",)),
    "transcript": Place(on_transcript, ("t",)),
    "traces of its prompt version": Place(on_version, ("v",)),
    "next error": Place(on_error, ("Enter", "e")),
}


def table() -> list[tuple[str, str, tuple[str, ...]]]:
    """The walks of the guide: from, to, keys."""
    section = PAGE.read_text().partition("<!-- walk -->\n")[2].partition("<!-- /walk -->")[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in section.splitlines() if line]
    heads = rows[0][1:]
    return [
        (row[0], to, tuple(re.findall(r"`(.+?)`", cell)))
        for row in rows[2:]
        for to, cell in zip(heads, row[1:], strict=True)
        if row[0] != to
    ]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data with one failed model call in a trace with documents: no trace of it has both."""
    source = sample_copy(tmp_path_factory.mktemp("walk"))
    traces = pq.read_table(source)
    rows = traces.select(["trace_id", "kind", "prompt_version", "start_time", "span_id"]).to_pylist()
    newest = max(
        (row for row in rows if row["kind"] == "retriever" and row["prompt_version"] in (None, "v3")),
        key=lambda row: row["start_time"],
    )
    calls = [row for row in rows if row["trace_id"] == newest["trace_id"] and row["kind"] == "llm"]
    failed = calls[-1]["span_id"]
    status = [
        "error" if row["span_id"] == failed else one
        for row, one in zip(rows, traces["status"].to_pylist(), strict=True)
    ]
    at = traces.schema.get_field_index("status")
    pq.write_table(
        traces.set_column(at, traces.schema.field(at), pa.array(status, traces.schema.field(at).type)), source
    )
    return source


@pytest.fixture
def one_trace(failing: Path) -> Iterator[str]:
    """The filter that shows the trace with documents and an error alone."""
    yield "kind:retriever status:error"


def test_the_table_of_the_guide_has_every_pair_and_no_walk_is_longer_than_two_keys() -> None:
    walks = table()
    assert {(start, end) for start, end, _ in walks} == {
        (start, end) for start in PLACES for end in PLACES if start != end
    }
    for start, end, keys in walks:
        assert 1 <= len(keys) <= 2, f"{start} to {end}: {keys}"


@pytest.mark.parametrize("start", PLACES)
async def test_the_keys_of_the_guide_go_where_it_says(
    failing: Path, one_trace: str, wait_for: Until, start: str
) -> None:
    with_index(failing)
    for begin, end, keys in table():
        if begin != start:
            continue
        with app_on(failing, initial_filter=one_trace) as app:
            async with app.run_test(size=(140, 40)) as pilot:

                async def arrive(place: Place, said: str) -> None:
                    try:
                        await wait_for(pilot, lambda: place.there(app.screen))
                    except AssertionError:
                        pytest.fail(f"{said}: {app.screen!r}")

                await wait_for(pilot, lambda: on_list(app.screen))
                assert app.screen.rows.row_count == 1
                for key in PLACES[begin].begin:
                    await pilot.press(textual_key(key))
                    await wait_for(pilot, lambda: app.screen.is_mounted and not app.screen.is_asking("item"))
                await arrive(PLACES[begin], f"begin at {begin}")
                for key in keys:
                    await pilot.press(textual_key(key))
                await arrive(PLACES[end], f"{begin} to {end} by {keys}")
