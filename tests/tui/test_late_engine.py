"""The engine that is still being opened: questions wait, its status does not, a failure is said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from traceview.model.errors import BadInput, Cancelled
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.late import LateEngine
from traceview.tui.app import TraceviewApp
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

QUERY = ListQuery("traces")


def test_a_question_waits_for_the_engine() -> None:
    opening: Future[Engine] = Future()
    engine = LateEngine(opening)
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(len(engine.first_page(QUERY, 5).rows)))
    thread.start()
    assert engine.status().phase == "indexing" and engine.generation == 0
    assert not engine.refresh_labels() and not engine.refresh_source()
    opening.set_result(FakeEngine(50))
    thread.join(5)
    assert answers == [5]
    assert engine.status().phase == "ready" and engine.generation == FakeEngine(50).generation


def test_a_cancelled_question_does_not_wait() -> None:
    engine = LateEngine(Future())
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(Cancelled):
        engine.totals(QUERY, token)


def test_an_engine_that_is_no_longer_wanted_is_not_opened() -> None:
    opening: Future[Engine] = Future()
    LateEngine(opening).close()
    assert opening.cancelled()


async def test_the_app_paints_first_and_says_when_the_engine_fails(
    make_app: Callable[..., TraceviewApp], wait_for: Until
) -> None:
    opening: Future[Any] = Future()
    app = make_app(LateEngine(opening))
    async with app.run_test(size=(100, 30)) as pilot:
        status = lambda: app.screen.query_one("#status", Lines).plain  # noqa: E731 - one expression
        await wait_for(pilot, lambda: "indexing" in status())
        opening.set_exception(BadInput("the cache directory cannot be written"))
        await wait_for(pilot, lambda: "the cache directory cannot be written" in status())
        assert app.is_running


async def test_the_list_comes_with_the_engine(make_app: Callable[..., TraceviewApp], wait_for: Until) -> None:
    opening: Future[Any] = Future()
    app = make_app(LateEngine(opening))
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.screen.query("#filter-shown"))
        opening.set_result(FakeEngine(50))
        await wait_for(pilot, lambda: "50 of 50" in app.screen.query_one("#filter-shown", Lines).plain)
        assert "✗" not in app.screen.query_one("#status", Lines).plain
