"""The last place in a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from traceview.tui.app import TraceviewApp
from traceview.tui.state import LastPlace, keep_place, read_place
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]


def test_a_place_comes_back(tmp_path: Path) -> None:
    place = LastPlace("threads", 'version:v3 "é"', "duration_ms", True, "thread-1")
    assert keep_place(tmp_path / "deep" / "place.json", place) is None
    assert read_place(tmp_path / "deep" / "place.json") == place


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"filter": 3, "row": null, "extra": 1}']
)
def test_a_broken_file_is_no_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "place.json").write_bytes(content)
    assert read_place(tmp_path / "place.json") == LastPlace()


def test_without_a_file_nothing_is_kept() -> None:
    assert keep_place(None, LastPlace(row="x")) is None
    assert read_place(None) == LastPlace()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said = keep_place(tmp_path / "file" / "place.json", LastPlace())
    assert said is not None and "not kept" in said


async def test_a_filter_of_another_day_is_said(tmp_path: Path, make_app: MakeApp, wait_for: Until) -> None:
    state = tmp_path / "place.json"
    keep_place(state, LastPlace("traces", "status:error"))
    app = make_app(FakeEngine(50), state_file=state)
    async with app.run_test(size=(120, 30)) as pilot:
        status = app.screen.query_one("#status", Lines)
        await wait_for(pilot, lambda: "view of last time: Esc clears the filter" in status.plain)
        await pilot.press("escape")
        await wait_for(pilot, lambda: getattr(app.screen, "filter_text", None) == "")


@pytest.mark.parametrize("kept", ["threads", "stats"])
async def test_a_filter_that_was_given_opens_the_traces(
    tmp_path: Path, make_app: MakeApp, wait_for: Until, kept: str
) -> None:
    state = tmp_path / "place.json"
    keep_place(state, LastPlace(kept, "status:ok"))
    app = make_app(FakeEngine(50), state_file=state, initial_filter="status:error")
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_for(pilot, lambda: getattr(app.screen, "level", None) == "traces")
        assert getattr(app.screen, "filter_text", None) == "status:error"
