"""Definitions made and edited from the palette: mended until readable, in force at once, old labels offered again."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from textual.app import App

from sample_files import sample_copy
from traceview.cli.main import main
from traceview.definitions.project import load_project
from traceview.model.labels import Target
from traceview.store.labels import sessions as stored
from traceview.tui.commands import commands_of
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Bar
from tui.annotating import panel_text, screen_of, settled
from tui.sample_app import app_on


class Suspended:
    """The terminal is given away and comes back."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def editor(tmp_path: Path, *scripts: str) -> str:
    """An editor that does with the file what the next of these sed scripts says, each time it is opened."""
    for number, script in enumerate(scripts):
        (tmp_path / f"edit-{number}").write_text(script)
    program = tmp_path / "editor.sh"
    program.write_text(
        f"#!/bin/sh\ncd {tmp_path}\nnumber=$(cat count 2>/dev/null || echo 0)\necho $((number + 1)) > count\n"
        'cp "$1" seen-$number\n[ -f edit-$number ] && sed -i -f edit-$number "$1"\nexit 0\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def command(app: Any, title: str) -> Any:
    return next(one for one in commands_of(app.screen) if one.title == title)


def status(app: Any) -> str:
    return app.screen.query_one("#status", Bar).plain


@pytest.fixture
def given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "suspend", lambda self: Suspended())


async def test_an_edit_is_mended_and_holds_at_once_and_old_labels_are_offered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_away: None
) -> None:
    source = sample_copy(tmp_path / "data")
    tools = tmp_path / "tools"
    tools.mkdir()
    scripts = ("s/boolean/bolean/", 's/bolean/boolean/; s/^pass_means.*/pass_means = "New wording."/')
    monkeypatch.setenv("EDITOR", editor(tools, *scripts))
    monkeypatch.delenv("VISUAL", raising=False)
    with app_on(source) as app:
        async with app.run_test(size=(140, 40)) as pilot:
            await settled(
                pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None
            )
            row = app.screen.rows.row
            target = Target("trace", row["trace_id"], row["trace_id"])
            app.context.annotator.set_value([target], "grounded", True)
            await pilot.press("enter")
            await settled(
                pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.query("AnnotatePanel")
            )
            await settled(pilot, lambda: screen_of(app).panel.kept.ready)
            await pilot.press("a")
            await settled(pilot, lambda: "right_user" in panel_text(app))
            command(app, "definitions: edit grounded").run()
            await settled(
                pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("VirtualList")
            )
            seen = (tools / "seen-1").read_text()
            assert seen.startswith("#! ") and "did you mean boolean" in seen and "bolean" in seen
            text = (source.parent / "traceview.toml").read_text()
            assert (
                "New wording." in text and "#!" not in text and "# Feedback definitions of the sample" in text
            )
            await pilot.pause()
            await pilot.press("enter")
            await settled(pilot, lambda: "of 1 · 0 labelled" in app.screen.query_one("#title", Bar).plain)
            await settled(pilot, lambda: "New wording." in panel_text(app))
            (session,) = stored.sessions(app.context.annotator.store)
            assert session.rule == "re-review" and list(session.definitions) == ["grounded"]
            assert session.definitions["grounded"] == app.context.annotator.definitions["grounded"].hash


async def test_a_new_one_can_be_answered_and_giving_up_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_away: None
) -> None:
    source = sample_copy(tmp_path / "data")
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("EDITOR", editor(tools, "s/NAME/brief/", "s/NAME/note/"))
    monkeypatch.delenv("VISUAL", raising=False)
    with app_on(source) as app:
        async with app.run_test(size=(140, 40)) as pilot:
            await settled(
                pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None
            )
            command(app, "definitions: new").run()
            await settled(pilot, lambda: "saved brief" in status(app))
            assert app.context.annotator.parse("brief", "fail") is False
            before = (source.parent / "traceview.toml").read_text()
            command(app, "definitions: new").run()
            await settled(pilot, lambda: "Nothing was changed: " in status(app) and "note" in status(app))
            assert (source.parent / "traceview.toml").read_text() == before
            assert any(one.title == "definitions: edit brief" for one in commands_of(app.screen))


async def test_what_another_editor_saves_holds_once_it_can_be_read(tmp_path: Path) -> None:
    source = sample_copy(tmp_path / "data")
    definitions = source.parent / "traceview.toml"

    def saved(old: str, new: str) -> None:
        """As editors do: another file in the place of the one before."""
        (tmp_path / "new").write_text(definitions.read_text().replace(old, new))
        (tmp_path / "new").replace(definitions)

    with app_on(source) as app:
        async with app.run_test(size=(140, 40)) as pilot:
            await settled(
                pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None
            )
            await pilot.press("enter")
            await settled(
                pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.query("AnnotatePanel")
            )
            await settled(pilot, lambda: screen_of(app).panel.kept.ready)
            await pilot.press("a")
            await pilot.press("c")
            saved("Every documentation page", "Each page")
            await pilot.pause(1.2)
            assert "Each page" not in panel_text(app), "nothing changes under somebody who writes"
            await pilot.press("escape")
            await settled(pilot, lambda: "Each page" in panel_text(app))
            await settled(pilot, lambda: "grounded was changed · A, re-review" in status(app))
            saved("[feedback.format]", "[feedback.layout]")
            await settled(pilot, lambda: "layout is new, format is gone" in status(app))
            held = app.context.definitions
            saved("boolean", "bolean")
            await settled(pilot, lambda: "definitions of before hold: traceview.toml:" in status(app))
            assert "bolean" in status(app) and app.context.definitions == held


def test_the_command_line_edits_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sample_copy(tmp_path / "data")
    config = str(source.parent / "traceview.toml")
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(tools, 's/^fail_means.*/fail_means = "Other."/', "s/boolean/bool/"))
    done = CliRunner().invoke(main, ["--config", config, "feedback", "edit", "grounded"])
    assert done.exit_code == 0 and "--sample re-review --define grounded" in done.stderr
    assert load_project(Path(config)).definition("grounded").fail_means == "Other."
    before = Path(config).read_text()
    done = CliRunner().invoke(main, ["--config", config, "feedback", "edit", "grounded"])
    assert done.exit_code != 0 and Path(config).read_text() == before
    done = CliRunner().invoke(main, ["--config", config, "feedback", "edit", "grunded"])
    assert "did you mean grounded" in f"{done.exception} {getattr(done.exception, 'hint', '')} {done.stderr}"
