"""The check editor: what is typed is tried, its cells open the traces, and it is saved as a judge file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.judges.test_code_run import write
from textual.pilot import Pilot

from traceview.definitions.project import load_project
from traceview.judges.loading import load_judges
from traceview.model.labels import LabelRow, Target
from traceview.store.duck import unit_scan
from traceview.store.labels.store import LabelStore
from traceview.tui.app import TraceviewApp
from traceview.tui.commands import commands_of
from traceview.tui.screens.check_editor import CheckEditor
from traceview.tui.screens.judges import JudgesScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.palette import ranked
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.sample_app import app_on

TOML = """
[feedback.grounded]
type = "boolean"
scope = "trace"
pass_means = "Every link was found."
fail_means = "A link was not."
allow_na = true
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[TraceviewApp]:
    source = write(tmp_path / "traces.jsonl", range(40))
    (tmp_path / "traceview.toml").write_text(TOML)
    store = LabelStore.open(tmp_path / "traces.labels.db")
    store.append_now(
        [
            LabelRow(
                "", Target("trace", f"t{number}", f"t{number}"), "grounded", number < 3, "human", "ana", ""
            )
            for number in range(6)
        ]
    )
    store.close()
    with app_on(source) as app:
        yield app


def plain(app: TraceviewApp, selector: str) -> str:
    return app.screen.query_one(selector, Lines).plain


async def editor_open(app: Any, pilot: Pilot[None], wait_for: Until) -> CheckEditor:
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    for typed in ("check", "live", "live check"):
        assert any(
            "live check editor" in found.title for found, _ in ranked(commands_of(app.screen), typed)[:3]
        )
    await pilot.press("f7")
    await wait_for(pilot, lambda: isinstance(app.screen, CheckEditor) and app.screen.query("#rows"))
    editor: CheckEditor = app.screen
    await wait_for(pilot, lambda: editor._found.count(None, None) and not editor.is_asking("check"))
    return editor


async def test_what_is_typed_is_tried_and_its_items_open(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        editor = await editor_open(app, pilot, wait_for)
        assert "my_check fails 20 of 40" in plain(app, "#figures")
        await pilot.press(*"tool")
        await wait_for(pilot, lambda: "not valid TOML" in plain(app, "#figures"))
        assert "below: the check before" in plain(app, "#figures")
        assert "the tools whose results count" in plain(app, "#completions")
        await pilot.press(*(" = 'nothing'"))
        await wait_for(pilot, lambda: "my_check fails 40 of 40" in plain(app, "#figures"))
        assert "only the check fails 3   only people fail 0   both fail 3" in plain(app, "#labelled")
        assert "people on grounded: 6 labelled, 3 of 6 the same" in plain(app, "#here")
        assert "TPR 0 of 3  TNR 3 of 3" in plain(app, "#here")
        assert editor.rows.row_count == 40 and editor.rows.row_at(0)["id"] == "t39"
        await pilot.press("escape", "right", "right", "right")
        await wait_for(pilot, lambda: editor.rows.row_count == 3)
        assert [editor.rows.row_at(at)["id"] for at in range(3)] == ["t2", "t1", "t0"]
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is editor)
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))
        # the text is still there
        again = await editor_open(app, pilot, wait_for)
        assert "tool = 'nothing'" in again.text.text


async def test_the_screen_of_judges_opens_it_too(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
        await pilot.press("f5")
        await wait_for(pilot, lambda: isinstance(app.screen, JudgesScreen) and not app.screen.is_asking_any)
        judges = app.screen
        await pilot.press("f7")
        await wait_for(pilot, lambda: isinstance(app.screen, CheckEditor) and app.screen.query("#rows"))
        await pilot.press("escape", "escape")
        await wait_for(pilot, lambda: app.screen is judges)


async def test_tab_completes_and_the_judge_is_saved(app: Any, tmp_path: Path, wait_for: Until) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        editor = await editor_open(app, pilot, wait_for)
        await pilot.press(*"requ", "tab")
        await wait_for(pilot, lambda: editor.text.text.endswith("require_called"))
        await pilot.press(*" = t", "tab", "ctrl+s")
        path = tmp_path / "judges" / "my_check.toml"
        await wait_for(pilot, path.is_file)
        (judge,) = load_judges(load_project(tmp_path / "traceview.toml")).judges
        assert (judge.metric, judge.checks[0].use) == ("grounded", "urls_from_tools")
        assert judge.checks[0].options["require_called"] is True
        before = path.read_text()
        await pilot.press("enter", *"# more", "ctrl+s")
        await wait_for(pilot, lambda: "again replaces it" in plain(app, "#status"))
        assert path.read_text() == before
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: path.read_text() != before)
        assert path.read_text().endswith("# more\n")


async def test_a_text_that_is_no_judge_is_not_saved(app: Any, tmp_path: Path, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        editor = await editor_open(app, pilot, wait_for)
        for text, wrong in (
            ('kind = "code"\n[check]\nuse = "urls_from_tols"\n', "did you mean urls_from_tools"),
            ('kind = "code"\n[check]\nuse = "format_rules"\n', "no rule is given"),
            ('kind = "code"\n[check]\nuse = "python:own.py:check"\n', "own.py"),
        ):
            editor.text.text = text
            await wait_for(pilot, lambda wrong=wrong: wrong in plain(app, "#here").replace("\n", ""))
        editor.text.text = "x = ["
        await pilot.press("ctrl+s")
        await wait_for(pilot, lambda: "Not saved" in plain(app, "#status"))
        assert not (tmp_path / "judges").exists()


async def test_the_children_end_with_the_screen(
    app: Any, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_scan, "INSIDE_SPANS", 0)
    async with app.run_test(size=(120, 40)) as pilot:
        editor = await editor_open(app, pilot, wait_for)
        scanning: Any = editor._live._scanning
        children = scanning._pass._children._processes
        assert all(child.poll() is None for child in children)
        await pilot.press("escape", "escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ListScreen))
        await wait_for(pilot, lambda: all(child.poll() is not None for child in children))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_it_looks_as_it_did(app: Any, wait_for: Until, snap_compare: Any, size: tuple[int, int]) -> None:
    async def ready(pilot: Pilot[None]) -> None:
        editor = await editor_open(app, pilot, wait_for)
        editor._found.seconds = 0.0
        editor._show(editor._found)
        await pilot.press("escape")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=ready)
