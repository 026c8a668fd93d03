"""How stats and prompts look: pictures on a frozen clock. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.model.messages import Message, Part, SpanPayload
from traceview.store.interface import CancelToken, Row
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.group_frame import GroupScreen
from traceview.tui.screens.prompts import PromptsScreen
from traceview.tui.widgets.text_view import TextView
from tui.conftest import Until
from tui.fake_engine import START_NS, FakeEngine

DAY_NS = 86_400_000_000_000
SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A day after the first trace, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("traceview.tui.figures.time.time_ns", lambda: START_NS + DAY_NS)
    yield
    monkeypatch.undo()
    time.tzset()


class Told(FakeEngine):
    """An engine whose calls have a system prompt that changes with the version."""

    def payloads(self, spans: Any, token: CancelToken | None = None) -> tuple[SpanPayload, ...]:
        """Payloads with a system message."""
        return tuple(
            self._with_system(row, payload)
            for row, payload in zip(spans, super().payloads(spans), strict=True)
        )

    def _with_system(self, row: Row, payload: SpanPayload) -> SpanPayload:
        from dataclasses import replace

        tone = "warm and short" if row["prompt_version"] == "v3" else "short"
        text = (
            f"You are the assistant of a goals app.\n- Use the tools; never invent figures.\nAnswer {tone}."
        )
        return replace(
            payload, input_messages=(Message("system", (Part("text", text),)), *payload.input_messages)
        )

    def _numbers(self, query: Any) -> Any:
        """Spans are those of the newest traces with the version that is asked for."""
        found = super()._numbers(
            type(query)("traces", query.filter.children[-1] if query.level == "spans" else query.filter)
        )
        return found if query.level != "spans" else found[:20]

    def _row(self, query: Any, number: int) -> Row:
        return self.span_rows(number)[2] if query.level == "spans" else super()._row(query, number)


def engine() -> FakeEngine:
    found = Told(500)
    for number in range(440, 500):
        values: dict[str, Any] = {"ann": number % 5 > 0}
        found.scores[f"trace-{number:06d}"] = {
            "grounded": {"human": values, "judge": {"grounded-v2": number % 4 > 0}}
        }
    return found


@pytest.mark.parametrize("size", [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in SIZES])
@pytest.mark.parametrize("screen", ["stats", "prompts"])
def test_looks(
    snap_compare: Any,
    make_app: Callable[..., TraceviewApp],
    wait_for: Until,
    size: tuple[int, int],
    screen: str,
) -> None:
    async def settle(pilot: Pilot[None]) -> None:
        app: Any = pilot.app

        def quiet() -> bool:
            shown = app.screen
            return (
                isinstance(shown, GroupScreen)
                and shown.found is not None
                and not any(shown.is_asking(one) for one in ("figures", "use", "prompt"))
            )

        await wait_for(pilot, quiet)
        if screen == "stats":
            app.screen.choose(("prompt_version",), None)
            await wait_for(pilot, quiet)
        await pilot.press("j")
        await wait_for(pilot, quiet)
        if screen == "prompts":
            # The version that came last, and changed what the one before said.
            await pilot.press("j")
            await wait_for(pilot, lambda: quiet() and app.screen.line.row["prompt_version"] == "v3")
        if isinstance(app.screen, PromptsScreen):
            view = app.screen.query_one("#preview", TextView)
            await wait_for(pilot, lambda: not view.display or view.block_index is not None)
        await pilot.pause()

    app = make_app(engine(), initial_screen=screen)
    assert snap_compare(app, terminal_size=size, run_before=settle)
