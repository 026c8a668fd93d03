"""The trace screen: tree, span, sections, walking the list, other programs."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from traceview.model.errors import BadInput
from traceview.tui import external
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.span_tree import SpanTree
from traceview.tui.widgets.text_view import TextView
from tui.fake_engine import FakeEngine


def app_with(**changes: Any) -> TraceviewApp:
    values: dict[str, Any] = {
        "engine": FakeEngine(count=30),
        "annotator": None,
        "definitions": (),
        "annotator_name": "me",
        "source_title": "week.parquet",
    }
    return TraceviewApp(AppContext(**{**values, **changes}))


async def settled(pilot: Pilot[None], condition: Any, tries: int = 200) -> None:
    """Let the event loop run until a condition holds."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to be")


def plain(app: TraceviewApp, selector: str) -> str:
    return str(getattr(app.screen.query_one(selector), "plain", ""))


def detail_text(screen: ItemScreen[Any]) -> str:
    view = screen.text_pane()
    return "\n".join(view.render_line(y).text for y in range(view.size.height))


async def open_trace(app: TraceviewApp, pilot: Pilot[None]) -> TraceScreen:
    await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
    screen = app.screen
    assert isinstance(screen, TraceScreen)
    await settled(pilot, lambda: screen.tree_pane.row is not None)
    return screen


async def test_the_detail_follows_the_cursor() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        assert "1 of 30" in plain(app, "#title") and "support@v" in plain(app, "#facts")
        await pilot.press("j")
        await settled(pilot, lambda: "search_docs" in detail_text(screen))
        assert "Tool" in plain(app, "#sections")
        await pilot.press("j", "j")
        await settled(
            pilot,
            lambda: "llm 6" in detail_text(screen) and "Open it and choose Move." in detail_text(screen),
        )


async def test_sections_turn_with_the_arrows_and_are_remembered_by_kind() -> None:
    app = app_with()
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await open_trace(app, pilot)
        rows = [screen._item_facts.row(at) for at in range(len(screen._item_facts))]
        tools = [str(row["span_id"]) for row in rows if row["kind"] == "tool"]
        calls = [str(row["span_id"]) for row in rows if row["kind"] == "llm"]

        async def go_to(span_id: str) -> None:
            screen.tree_pane.go_to_span(span_id)
            await settled(pilot, lambda: screen.span_detail.span is not None)
            await settled(pilot, lambda: f"span         {span_id}" in detail_text(screen))

        await go_to(tools[0])
        await settled(pilot, lambda: screen.span_detail.section == "Tool")
        assert "Attributes 1" in plain(app, "#sections") and "Events" not in plain(app, "#sections")
        for _ in range(8):
            if screen.span_detail.section == "Attributes":
                break
            await pilot.press("right")
        await settled(pilot, lambda: "service.name" in detail_text(screen))
        await go_to(calls[0])
        await settled(pilot, lambda: screen.span_detail.section == "Messages")
        await go_to(tools[1])
        await settled(pilot, lambda: "service.name" in detail_text(screen))


async def test_j_and_k_walk_the_list_and_its_cursor_follows() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        assert screen.target.id == "trace-000029"
        await pilot.press("J")
        await settled(pilot, lambda: screen.target.id == "trace-000028")
        await settled(pilot, lambda: "2 of 30" in plain(app, "#title"))
        await pilot.press("K")
        await settled(pilot, lambda: screen.target.id == "trace-000029")
        await pilot.press("K")
        await settled(pilot, lambda: "first item" in plain(app, "#status"))
        await pilot.press("J")
        await settled(pilot, lambda: screen.target.id == "trace-000028")
        # the list under it is not drawn anew with each step: that would draw this screen too
        assert app.screen_stack[-2].query_one("#rows").cursor == 0  # type: ignore[attr-defined]
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))
        assert app.screen.query_one("#rows").row["trace_id"] == "trace-000028"  # type: ignore[attr-defined]


async def test_enter_goes_into_the_span_and_escape_comes_back() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("enter")
        assert screen.in_detail
        await pilot.press("escape")
        assert app.screen is screen and not screen.in_detail
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))


async def test_maximise_gives_the_pane_the_screen_and_back() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("z")
        assert not screen.query_one("#span").display and screen.tree_pane.display
        await pilot.press("escape")
        assert app.screen is screen and screen.query_one("#span").display


@pytest.mark.parametrize("keys", [(), ("enter",), ("t",)])
async def test_the_maximised_pane_holds_its_text(keys: tuple[str, ...]) -> None:
    app = app_with()
    async with app.run_test(size=(120, 40)) as pilot:
        await open_trace(app, pilot)
        await pilot.press(*keys)
        await settled(pilot, lambda: not keys or keys != ("t",) or isinstance(app.screen, TranscriptScreen))
        await settled(pilot, lambda: app.screen.query("#detail, #talk"))
        screen = app.screen
        assert isinstance(screen, ItemScreen)
        await settled(pilot, lambda: screen.text_pane().line_count > 2)
        await pilot.press("z")
        await pilot.pause()
        pane = screen.pane()
        assert pane.size.width > 100 and pane.size.height > 20
        assert any(pane.render_line(y).text.strip(" │▌") for y in range(pane.size.height))
        await pilot.press("escape")
        assert app.screen is screen and not screen.has_class("-maximised") and screen.pane() is pane


async def test_search_counts_hits_in_the_span() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("j")
        await settled(pilot, lambda: "search_docs" in detail_text(screen))
        await pilot.press("enter")
        await settled(pilot, lambda: screen.in_detail)
        await pilot.press("slash", *"move goal", "enter")
        await settled(pilot, lambda: "1 of 1 hit" in plain(app, "#status"))
        assert screen.in_detail


async def test_search_in_the_tree_counts_hits_in_rows_and_payloads_and_walks_them() -> None:
    app = app_with()
    async with app.run_test(size=(160, 30)) as pilot:
        screen = await open_trace(app, pilot)

        def here() -> str:
            row = screen.tree_pane.row
            return str(row["name"]) if row is not None else ""

        def said() -> str:
            return plain(app, "#status")

        await pilot.press("slash", *"TOOL")
        await settled(
            pilot, lambda: "in 4 of 8 spans; here span 1 of 4" in said() and "searched)" not in said()
        )
        assert here() == "tool 1"
        rows = [screen.tree_pane.render_line(line).text for line in range(1, 9)]
        assert sum(" hit" in row for row in rows) == 4, rows
        await pilot.press("enter")
        await settled(pilot, lambda: screen.focused is screen.tree_pane)
        seen = [here()]
        for _ in range(60):
            await pilot.press("n")
            await settled(pilot, lambda: screen.span_detail.span is screen.tree_pane.row)
            if here() != seen[-1]:
                seen.append(here())
            if len(seen) == 5:
                break
        assert len(set(seen)) == 4 and seen[0] == seen[-1]
        await pilot.press("N")
        assert here() == seen[3] and "here span 4 of 4" in said()


@pytest.mark.parametrize("text", ["claude-son", "search_do", "agent", "the tool did not"])
async def test_search_in_the_tree_looks_at_models_tools_kinds_and_errors(text: str) -> None:
    app = app_with(engine=FakeEngine(count=4))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("slash", *text)
        await settled(pilot, lambda: " of 8 spans" in plain(app, "#status"))
        assert screen.tree_pane.go_to_hit(1)


async def test_search_in_the_tree_finds_what_only_a_payload_says_and_opens_it_there() -> None:
    app = app_with()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("slash", *"service.name")
        await settled(pilot, lambda: "in 8 of 8 spans" in plain(app, "#status"))
        await settled(pilot, lambda: screen.span_detail.section == "Attributes")
        await settled(pilot, lambda: "hit 1 of 1" in plain(app, "#status"))
        screen.search_for("nowhere at all")
        screen._search_text = "nowhere at all"
        await settled(pilot, lambda: "no hit in 8 spans" in plain(app, "#status"))
        await pilot.press("enter", "n")
        assert "No hit." in plain(app, "#status")


async def test_t_is_the_transcript_and_back() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        target = screen.target
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen))
        assert app.screen.target == target  # type: ignore[attr-defined]
        await settled(pilot, lambda: app.screen.query("#talk") and app.screen.text_pane().line_count > 2)  # type: ignore[attr-defined]
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TraceScreen))


async def test_escape_after_a_jump_from_the_transcript_goes_back_to_its_place() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        await open_trace(app, pilot)
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen))
        await settled(pilot, lambda: app.screen.query("#talk") and app.screen.text_pane().line_count > 2)  # type: ignore[attr-defined]
        await pilot.press("g", "down", "down")
        before = app.screen.text_pane().current  # type: ignore[attr-defined]
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        await settled(pilot, lambda: app.screen.tree_pane.row is not None)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen))
        await settled(pilot, lambda: app.screen.query("#talk") and app.screen.text_pane().line_count > 2)  # type: ignore[attr-defined]
        assert before is not None
        assert app.screen.text_pane().current.key == before.key  # type: ignore[attr-defined]
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))


async def test_v_lists_the_traces_of_the_version() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        await open_trace(app, pilot)
        await pilot.press("v")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))
        await settled(pilot, lambda: app.lists["traces"].filter_text == "prompt:support@v3")


async def test_a_trace_that_may_begin_earlier_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(count=5)
    real = engine.trace
    from msgspec.structs import replace

    monkeypatch.setattr(engine, "trace", lambda *args: replace(real(*args), maybe_incomplete=True))
    app = app_with(engine=engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_trace(app, pilot)
        await settled(pilot, lambda: "may be incomplete" in plain(app, "#title"))


async def test_a_trace_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(count=5)

    def gone(*args: Any) -> Any:
        raise BadInput("week.parquet is gone [/]")

    monkeypatch.setattr(engine, "trace", gone)
    app = app_with(engine=engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot, lambda: "week.parquet is gone [/]" in plain(app, "#title"))


async def test_a_payload_that_cannot_be_read_says_why_under_the_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> NoReturn:
        raise BadInput("a file of the source cannot be read: week.parquet", hint="was it moved?")

    app = app_with()
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await open_trace(app, pilot)
        monkeypatch.setattr(app.context.engine, "payloads", gone)
        screen.span_detail._kept.clear()
        await pilot.press("j")
        await settled(pilot, lambda: "week.parquet" in detail_text(screen))
        assert "was it moved?" in detail_text(screen) and "span" in detail_text(screen)
        assert plain(app, "#sections").strip() == "not read"
        await pilot.press("t")
        await settled(pilot, lambda: "week.parquet" in plain(app, "#title"))


def test_the_temporary_file_is_private_and_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "editor.py"
    script.write_text(
        "import os, sys\n"
        f"open({str(seen)!r}, 'w').write(sys.argv[1] + chr(10) + oct(os.stat(sys.argv[1]).st_mode & 0o777))\n"
        "text = open(sys.argv[1]).read()\n"
        "open(sys.argv[1], 'w').write(text.upper())\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    class Suspends:
        def suspend(self) -> Any:
            import contextlib

            return contextlib.nullcontext()

    edited = external.edit_text(Suspends(), "a secret", "note.md")  # type: ignore[arg-type]
    path, mode = seen.read_text().split("\n")
    assert edited == "A SECRET"
    assert mode == oct(stat.S_IRUSR | stat.S_IWUSR)
    assert not Path(path).exists() and not Path(path).parent.exists()


def test_no_editor_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.setenv(name, "there-is-no-such-program")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="EDITOR"):
        external.editor_command()


async def test_what_an_action_said_goes_with_the_next_key_and_hides_no_search() -> None:
    app = app_with()
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await open_trace(app, pilot)
        screen.say("Only this was done.")
        assert "Only this was done." in plain(app, "#status")
        await pilot.press("tab")
        assert "Only this was done." not in plain(app, "#status")
        await pilot.press("slash", *"chat", "enter")
        screen.say("Only this was done.")
        screen.tell_search("3 hits")
        assert "3 hits" in plain(app, "#status")
        screen.say("It could not be saved.", error=True)
        await pilot.press("down")
        assert "It could not be saved." in plain(app, "#status")


async def test_the_footer_says_tree_in_a_transcript_and_hits_only_after_a_search() -> None:
    app = app_with()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await open_trace(app, pilot)
        await pilot.press("enter")
        assert "next hit" not in [title for _, title in screen.footer_hints()]
        await pilot.press("slash", *"chat", "enter")
        assert "next hit" in [title for _, title in screen.footer_hints()]
        assert ("t", "transcript") in screen.footer_hints()
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TranscriptScreen))
        assert isinstance(app.screen, TranscriptScreen)
        assert ("t", "tree") in app.screen.footer_hints()
        assert ("t", "transcript") not in app.screen.footer_hints()


@pytest.mark.parametrize("columns", [80, 120, 200])
async def test_the_facts_of_a_trace_are_whole_or_not_there(columns: int) -> None:
    app = app_with()
    async with app.run_test(size=(columns, 30)) as pilot:
        screen = await open_trace(app, pilot)
        trace = screen._detail
        assert trace is not None
        trace.trace["trace_id"] = "0123456789abcdef" * 2  # type: ignore[index]
        screen._draw_facts()
        said = plain(app, "#facts")
        assert ("trace " + "0123456789abcdef" * 2 in said) == (columns == 200)
        assert columns == 200 or "trace 01234567…" in said or "trace" not in said


@pytest.mark.parametrize("pane", [SpanTree, TextView])
def test_no_key_of_a_pane_scrolls_away_from_its_cursor(pane: type[Widget]) -> None:
    assert pane._merged_bindings is not None
    keys = pane._merged_bindings.key_to_bindings.values()
    assert not [one.key for bound in keys for one in bound if one.action.startswith(("scroll_", "page_"))]
