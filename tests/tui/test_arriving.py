"""A store that is written to while the app has it open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from traceview.ingest.directory import StoreDirectory
from traceview.sources.parts import write_rows
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Lines
from traceview.tui.widgets.scroll_lines import ScrollLines
from tui.conftest import Until
from tui.sample_app import app_on


def publish(store: StoreDirectory, *rows: dict[str, Any]) -> None:
    store.publish(lambda path: write_rows(list(rows), path))


def row(trace: int, **more: Any) -> dict[str, Any]:
    start = 10**18 + trace * 10**9
    return {
        "source": "otlp", "trace_id": f"t{trace}", "span_id": "s1", "name": f"trace {trace}", "kind": "llm",
        "status": "ok", "start_ns": start, "end_ns": start + 10**6, **more,
    }  # fmt: skip


async def test_spans_and_what_comes_later_of_them_appear_in_an_empty_store(
    tmp_path: Path, wait_for: Until
) -> None:
    store = StoreDirectory(tmp_path / "store")
    publish(store)
    (tmp_path / "traceview.toml").touch()
    with app_on(store.path) as app:
        async with app.run_test(size=(110, 30)) as pilot:
            screen = app.screen
            assert isinstance(screen, ListScreen)
            await wait_for(pilot, lambda: "There are no traces here yet." in screen.rows.render_line(2).text)
            await pilot.press("F")
            publish(store, row(1), row(2))
            await wait_for(pilot, lambda: screen.rows.row_count == 2)
            preview = screen.query_one("#preview", ScrollLines)
            await wait_for(pilot, lambda: "trace 2" in preview.plain and "assistant" in preview.plain)
            publish(store, row(2, input_text="asked later", output_text="answered later"))
            await wait_for(pilot, lambda: "answered later" in preview.plain)
            screen.said_seen()
            status = screen.query_one("#status", Lines).plain
            assert "2 spans" in status and "skipped" not in status
            assert screen.rows.row_count == 2
