"""Notes and corrections that cannot be saved are not lost: they stay in their field, come back, and are in a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from traceview.model.labels import Target
from traceview.store.labels.errors import unsaved
from traceview.store.labels.store import LabelStore
from traceview.tui.drafts import Drafts
from tui.test_annotate import PRICE, TONE, app_with, open_panel, panel_text, rows, screen_of, settled

FULL = OSError(28, "No space left on device")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "a folder" / "week.labels.db")
    yield store
    store.close()


def refused(path: Path) -> Any:
    """A write that finds the disk full."""

    def write(*given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(unsaved(FULL, path))
        return future

    return write


def status_of(app: Any) -> str:
    return str(app.screen.query_one("#status").plain)


async def test_a_note_that_is_not_saved_comes_back_into_its_field(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.path.parent).mkdir()
    app = app_with(store, TONE, PRICE)
    annotator = app.context.annotator
    assert annotator is not None
    async with app.run_test(size=(160, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("1")
        await settled(pilot, lambda: "saved ✓" in panel_text(app))
        first = screen_of(app).target.id
        with monkeypatch.context() as full:
            full.setattr(annotator, "note_soon", refused(store.path))
            await pilot.press("c", *"odd", "space", *"tone", "enter")
            await settled(pilot, lambda: "No space left" in status_of(app))
            field = screen_of(app).query_one("#panel-field", Input)
            await settled(pilot, lambda: app.focused is field)
            assert field.value == "odd tone"
            assert status_of(app).strip().startswith("✗ not saved: No space left on device")
            assert "✗ not saved" in panel_text(app)
            assert "saved ✓" not in panel_text(app)
            # Leaving the field loses nothing either.
            await pilot.press("escape", "c")
            assert field.value == "odd tone"
        await pilot.press("enter")
        await settled(pilot, lambda: (first, "note", "odd tone") in rows(store))
        assert app.drafts.text(screen_of(app).target, "note") is None


async def test_a_note_is_kept_when_the_folder_of_the_labels_is_gone(store: LabelStore) -> None:
    (store.path.parent).mkdir()
    app = app_with(store, TONE, PRICE)
    async with app.run_test(size=(160, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("1")
        await settled(pilot, lambda: "saved ✓" in panel_text(app))
        shutil.rmtree(store.path.parent)
        await pilot.press("c", *"gone", "enter")
        await settled(pilot, lambda: "the note is kept here" in status_of(app))
        assert screen_of(app).query_one("#panel-field", Input).value == "gone"


async def test_a_correction_from_the_editor_is_kept_in_a_file(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.path.parent).mkdir()
    app = app_with(store, TONE, PRICE)
    annotator = app.context.annotator
    assert annotator is not None
    monkeypatch.setattr(annotator, "correction_soon", refused(store.path))
    async with app.run_test(size=(160, 30)) as pilot:
        await open_panel(app, pilot)
        panel = screen_of(app).panel
        panel.save_correction("two\nlines")
        await settled(pilot, lambda: "the correction is kept in" in status_of(app))
        (file,) = Path(os.environ["TRACEVIEW_STATE_DIR"], "unsaved").iterdir()
        assert "two\nlines" in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
        assert panel.own_correction == "two\nlines"


async def test_quitting_names_a_text_that_is_nowhere_but_in_memory(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, TONE, PRICE)
    monkeypatch.setattr("traceview.tui.drafts.atomic_write", lambda *given: (_ for _ in ()).throw(FULL))
    async with app.run_test(size=(160, 30)) as pilot:
        assert app.drafts.keep(Target("trace", "t", "t"), "note", "precious") is None
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert app.is_running
        assert [one.message for one in app._notifications] == [
            "Nowhere saved: note. Write it again; the same key again leaves without it."
        ]
        await pilot.press("ctrl+q")
        await settled(pilot, lambda: not app.is_running)


def test_a_draft_is_removed_once_its_text_is_saved(tmp_path: Path) -> None:
    drafts, target = Drafts(), Target("trace", "t", "t")
    first = drafts.keep(target, "note", "one")
    again = drafts.keep(target, "note", "two")
    assert first is not None
    assert first == again
    assert "two" in first.read_text()
    assert drafts.homeless == ()
    drafts.saved(target, "note")
    assert not first.exists()
    assert drafts.text(target, "note") is None


async def test_an_item_that_cannot_be_read_is_not_called_without_definitions(store: LabelStore) -> None:
    app = app_with(store, TONE, PRICE)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        screen_of(app).panel.show((), "not read", ())
        assert "could not be read" in panel_text(app).replace("\n", " ")
        assert "No feedback definition" not in panel_text(app)
