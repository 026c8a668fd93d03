"""Sharing from the app: a page of what is on the screen, its whole path said beforehand, its redaction afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.tui.commands import commands_of
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.share import ShareScreen, suggested_name
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.sample_app import sample_app


@asynccontextmanager
async def opened(
    folder: Path, wait_for: Until, *, size: tuple[int, int] = (140, 36)
) -> AsyncIterator[Pilot[Any]]:
    """The app on a copy of the sample data, its list complete."""
    with sample_app(folder) as app:
        async with app.run_test(size=size) as pilot:
            await wait_for(
                pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None
            )
            yield pilot


def offered(screen: Any) -> dict[str, Any]:
    return {one.title: one for one in commands_of(screen) if one.title.startswith("share")}


def plain(screen: Any, selector: str) -> str:
    return str(screen.query_one(selector, Lines).plain)


async def share(pilot: Pilot[Any], wait_for: Until, title: str, path: Path | None = None) -> None:
    """Run a command of the palette, check that the dialog says the whole path, and press Enter."""
    app = pilot.app
    offered(app.screen)[title].run()
    await wait_for(pilot, lambda: isinstance(app.screen, ShareScreen) and app.screen.query("#path-said"))
    field = app.screen.query_one(Input)
    if path is not None:
        field.value = str(path)
    said = str(Path(field.value).absolute())
    await wait_for(pilot, lambda: said in plain(app.screen, "#path-said").replace("\n", ""))
    await pilot.press("enter")


@pytest.mark.parametrize(
    ("format", "ending", "begin"), [("HTML", ".html", "<!doctype html>"), ("Markdown", ".md", "# trace")]
)
async def test_a_list_shares_the_row_under_the_cursor(
    tmp_path: Path, wait_for: Until, monkeypatch: pytest.MonkeyPatch, format: str, ending: str, begin: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path / "data", wait_for) as pilot:
        screen: Any = pilot.app.screen
        id = screen.rows.row["trace_id"]
        await share(pilot, wait_for, f"share: page of this trace ({format})")
        await wait_for(pilot, lambda: "✓" in plain(screen, "#status"))
        page = tmp_path / f"trace-{id}{ending}"
        assert page.read_text().startswith(begin) and id in page.read_text()
        assert "redact" in plain(screen, "#status")
        assert page.stat().st_mode & 0o077 == 0


async def test_a_conversation_is_shared_from_its_transcript_and_says_what_was_redacted(
    tmp_path: Path, wait_for: Until
) -> None:
    async with opened(tmp_path / "data", wait_for) as pilot:
        app: Any = pilot.app
        await pilot.press("f3")
        await wait_for(pilot, lambda: app.screen.target_kind == "thread" and app.screen.selection is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.panel.kept.ready)
        item = app.screen
        page = tmp_path / "one.html"
        await share(pilot, wait_for, "share: page of this conversation (HTML)", page)
        await wait_for(pilot, lambda: f"✓ {page.name}: " in plain(item, "#status"))
        assert "redact" in plain(item, "#status")
        assert item.target.id in page.read_text()


async def test_a_page_that_exists_is_replaced_only_by_a_second_enter(tmp_path: Path, wait_for: Until) -> None:
    page = tmp_path / "old.md"
    page.write_text("mine")
    async with opened(tmp_path / "data", wait_for) as pilot:
        screen: Any = pilot.app.screen
        await share(pilot, wait_for, "share: page of this trace (Markdown)", page)
        dialog: Any = pilot.app.screen
        await wait_for(pilot, lambda: "Enter again replaces" in plain(dialog, "#path-said"))
        assert page.read_text() == "mine"
        await pilot.press("enter")
        await wait_for(pilot, lambda: "✓" in plain(screen, "#status"))
        assert page.read_text().startswith("# trace")


@pytest.mark.parametrize(
    ("path", "said"), [("page.txt", "must end in"), ("nowhere/page.html", "There is no folder")]
)
async def test_a_path_that_cannot_be_written_is_said_in_the_dialog(
    tmp_path: Path, wait_for: Until, path: str, said: str
) -> None:
    async with opened(tmp_path / "data", wait_for, size=(80, 24)) as pilot:
        await share(pilot, wait_for, "share: page of this trace (HTML)", tmp_path / path)
        dialog: Any = pilot.app.screen
        await wait_for(pilot, lambda: said in plain(dialog, "#path-said"))
        assert isinstance(dialog, ShareScreen) and not (tmp_path / path).exists()


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("8edc9f33", "trace-8edc9f33.html"),
        ("../../etc/passwd", "trace-etc-passwd.html"),
        ("a\x1b[31m b", "trace-a-31m-b.html"),
        ("x" * 300, f"trace-{'x' * 40}.html"),
    ],
)
def test_a_suggested_name_is_one_that_any_system_takes(id: str, name: str) -> None:
    assert suggested_name(Target("trace", id, id), ".html") == name
