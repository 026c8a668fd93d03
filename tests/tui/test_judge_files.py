"""Judge files from the screen of judges: made, edited, mapped, previewed; what is wrong is said and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from sample_files import sample_copy
from traceview.definitions.document import read_document
from traceview.definitions.judge_edit import with_variable
from traceview.definitions.project import load_project
from traceview.judges.loading import load_judges
from traceview.model.errors import BadInput
from traceview.tui.app import TraceviewApp
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.judge_files import ToldScreen
from traceview.tui.screens.judges import JudgesScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.widgets.lines import Bar
from tui.conftest import Until
from tui.sample_app import app_on

MODEL = """# kept
metric = "grounded"
kind = "llm"
[model]
id = "claude-haiku-4-5"
[variables]
answer = { path = "trace.output.text" }  # of the last model call
[prompt]
system = "You check whether the links of an answer come from a search."
user = "{{answer}}"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = sample_copy(tmp_path / "sample")
    (source.parent / "judges").mkdir()
    (source.parent / "judges" / "model.toml").write_text(MODEL)
    return source


@pytest.fixture
def app(source: Path) -> Iterator[TraceviewApp]:
    with app_on(source) as app:
        yield app


def plain(app: TraceviewApp, selector: str = "#status") -> str:
    return app.screen.query_one(selector, Bar).plain


async def opened(app: Any, pilot: Pilot[None], wait_for: Until) -> JudgesScreen:
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await pilot.press("f5")
    await wait_for(pilot, lambda: isinstance(app.screen, JudgesScreen) and app.screen.query("#rows"))
    await wait_for(pilot, lambda: app.screen.rows.row_count > 0)
    screen: JudgesScreen = app.screen
    return screen


async def picked(app: Any, pilot: Pilot[None], wait_for: Until, typed: str) -> None:
    await wait_for(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("#narrow"))
    screen = app.screen
    await pilot.press(*typed)
    await wait_for(pilot, lambda: screen._shown and len(screen._shown) < len(screen._picks))
    await pilot.press("enter")


async def named(app: Any, pilot: Pilot[None], wait_for: Until, name: str) -> None:
    await wait_for(pilot, lambda: isinstance(app.screen, NameScreen) and app.screen.query("#name"))
    await pilot.press(*name, "enter")


async def test_a_new_judge_is_made_from_a_template_and_from_a_definition(
    app: Any, source: Path, wait_for: Until
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("ctrl+n")
        await picked(app, pilot, wait_for, "no_loop")
        await named(app, pilot, wait_for, "loops")
        await wait_for(pilot, lambda: screen.rows.row_count == 2)
        await pilot.press("ctrl+n")
        await picked(app, pilot, wait_for, "ask format")
        await named(app, pilot, wait_for, "tidy")
        await wait_for(pilot, lambda: screen.rows.row_count == 3)
        await pilot.press("ctrl+n")
        await picked(app, pilot, wait_for, "no_loop")
        await named(app, pilot, wait_for, "No Good")
        await wait_for(pilot, lambda: "a judge's name has a-z, 0-9 and _" in plain(app))
    loaded = load_judges(load_project(source.parent / "traceview.toml"))
    assert {one.name: (one.kind, one.enabled) for one in loaded.judges} == {
        "model": ("llm", True),
        "loops": ("code", True),
        "tidy": ("llm", False),
    }
    assert not loaded.refused


async def test_what_would_be_sent_is_shown_with_its_price_and_hit_rates(app: Any, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("p")
        await wait_for(pilot, lambda: isinstance(app.screen, ToldScreen) and app.screen.lines)
        told = "\n".join("".join(text for text, _ in line) for line in app.screen.lines)
        assert "1 call to claude-haiku-4-5" in told and "$" in told
        assert "{{answer}} = trace.output.text: 100 of the last 100" in told
        assert "You check whether the links of an answer come from a search." in told
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)


async def test_a_file_is_edited_and_what_is_wrong_with_it_is_said(
    app: Any, source: Path, tmp_path: Path, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source.parent / "judges" / "model.toml"
    told = tmp_path / "told"
    script = tmp_path / "vi"
    script.write_text(f'#!/bin/sh\necho "$@" >> {told}\nsh {tmp_path}/edit "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setattr(type(app), "suspend", lambda self: nullcontext())
    edit = tmp_path / "edit"
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot, wait_for)
        edit.write_text("true")
        await pilot.press("O")
        await wait_for(pilot, lambda: "Nothing was changed." in plain(app))
        edit.write_text(f"sed -i s/claude-haiku-4-5/claude-sonnet-5-5/ {path}")
        await pilot.press("O")
        await wait_for(pilot, lambda: "✓ saved model.toml" in plain(app))
        await wait_for(pilot, lambda: not screen.is_asking_any)
        edit.write_text(f"echo temperature = 0 >> {path}")
        await pilot.press("O")
        lines = len(path.read_text().splitlines())
        await wait_for(pilot, lambda: f"refused: line {lines}: " in plain(app))
        assert "temperature" in plain(app)
        await wait_for(pilot, lambda: screen.rows.row_at(0)["state"] == "refused")
        await wait_for(pilot, lambda: not screen.is_asking_any)
        edit.write_text("true")
        await pilot.press("O")
    # the file itself, and at the line of what is wrong
    assert told.read_text().splitlines() == [*[str(path)] * 3, f"+{lines} {path}"]


async def test_a_path_of_the_traces_is_mapped_to_a_variable(app: Any, source: Path, wait_for: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, wait_for)
        commands = dict(screen.more_commands())
        commands["judge: map a variable to what the traces have"]()
        await picked(app, pilot, wait_for, "trace.input.text")
        await named(app, pilot, wait_for, "question")
        await wait_for(pilot, lambda: "✓ {{question}} = trace.input.text" in plain(app))
        commands["judge: versions of this judge"]()
        await wait_for(pilot, lambda: isinstance(app.screen, ToldScreen) and app.screen.lines)
        told = "\n".join("".join(text for text, _ in line) for line in app.screen.lines)
        assert "the one of now" in told
    text = (source.parent / "judges" / "model.toml").read_text()
    assert "# kept" in text and "# of the last model call" in text
    judge = load_judges(load_project(source.parent / "traceview.toml")).judges[0]
    assert {one.name: one.path for one in judge.variables} == {
        "answer": "trace.output.text",
        "question": "trace.input.text",
    }
    assert judge.user.endswith("question:\n{{question}}\n")


@pytest.mark.parametrize(
    "user", ["{{answer}}", "it's '''odd''' \"\"\"{{answer}}\"\"\" \\ ", "{{ answer }} {{question}}"]
)
def test_a_variable_is_mapped_once_and_anew(tmp_path: Path, user: str) -> None:
    import tomlkit

    document = tomlkit.parse(MODEL)
    document["prompt"]["user"] = user  # type: ignore[index]
    path = tmp_path / "m.toml"
    for wanted in ("trace.input.text", "thread.transcript"):
        path.write_text(tomlkit.dumps(document))
        document = tomlkit.parse(with_variable(read_document(path), "question", wanted))
        assert document["variables"]["question"]["path"] == wanted  # type: ignore[index]
        told = str(document["prompt"]["user"])  # type: ignore[index]
        assert told.startswith(user.rstrip()) and told.count("{{question}}") == 1
    with pytest.raises(BadInput, match="begins with no digit"):
        with_variable(read_document(path), "1st", "x")
