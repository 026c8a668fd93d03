"""Questions in workers: the newest one wins, errors are said, nothing outlives its asker."""

from __future__ import annotations

import threading

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from traceview.model.errors import BadInput, Cancelled, TraceviewError
from traceview.store.interface import CancelToken
from traceview.tui.asking import Asking


class Asker(Asking, Screen[None]):
    """Keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def answer_failed(self, error: TraceviewError) -> None:
        self.said.append(error.message)


class OneScreen(App[None]):
    """An app that is nothing but an asker."""

    def __init__(self) -> None:
        super().__init__()
        self.asker = Asker()

    def get_default_screen(self) -> Screen[None]:
        return self.asker


async def finished(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_an_answer_arrives_on_the_event_loop() -> None:
    app, answers = OneScreen(), []
    async with app.run_test() as pilot:
        home = threading.get_ident()
        app.asker.ask(
            "a",
            lambda token: threading.get_ident(),
            lambda worker: answers.append((worker, threading.get_ident())),
        )
        assert app.asker.is_asking("a")
        await finished(pilot)
        assert answers[0][0] != home and answers[0][1] == home
        assert not app.asker.is_asking("a")


async def test_a_newer_question_cancels_the_older_and_drops_its_answer() -> None:
    app, answers, started, release = OneScreen(), [], threading.Event(), threading.Event()

    def slow(token: CancelToken) -> str:
        started.set()
        release.wait(10)
        return "stale" if token.cancelled else "not cancelled"

    async with app.run_test() as pilot:
        app.asker.ask("a", slow, answers.append)
        while not started.is_set():
            await pilot.pause(0.005)
        app.asker.ask("a", lambda token: "fresh", answers.append)
        release.set()
        await finished(pilot)
        assert answers == ["fresh"]


async def test_an_answer_that_was_posted_before_the_newer_question_is_dropped() -> None:
    app, answers = OneScreen(), []
    async with app.run_test() as pilot:
        old = app.asker.ask("a", lambda token: "first", answers.append)
        app.asker.ask("a", lambda token: "second", answers.append)
        app.asker.post_message(Asking.AnswerArrived("a", old, "posted late", None))
        await finished(pilot)
        assert answers == ["second"]


async def test_a_delayed_question_that_is_replaced_never_runs() -> None:
    app, ran = OneScreen(), []
    async with app.run_test() as pilot:
        for text in ("a", "ab", "abc"):
            app.asker.ask("typing", lambda token, text=text: ran.append(text), lambda _: None, delay=0.02)  # type: ignore[misc]
        while app.asker.is_asking("typing"):
            await pilot.pause(0.005)
        assert ran == ["abc"]


async def test_channels_do_not_disturb_each_other() -> None:
    app, answers = OneScreen(), []
    async with app.run_test() as pilot:
        app.asker.ask("a", lambda token: 1, answers.append)
        app.asker.ask("b", lambda token: 2, answers.append)
        await finished(pilot)
        assert sorted(answers) == [1, 2]


async def test_errors_for_people_are_said_and_cancelled_is_silent() -> None:
    app, own = OneScreen(), []

    def fails(token: CancelToken) -> None:
        raise BadInput("no such column")

    def cancelled(token: CancelToken) -> None:
        raise Cancelled

    async with app.run_test() as pilot:
        app.asker.ask("a", fails, own.append)
        app.asker.ask("b", fails, own.append, failed=lambda error: own.append(f"own: {error.message}"))
        app.asker.ask("c", cancelled, own.append)
        await finished(pilot)
        assert app.asker.said == ["no such column"]
        assert own == ["own: no such column"]


async def test_what_an_interrupted_query_raises_is_nobodys_business() -> None:
    app, started, release = OneScreen(), threading.Event(), threading.Event()

    def torn(token: CancelToken) -> None:
        started.set()
        release.wait(10)
        raise RuntimeError("connection closed")

    async with app.run_test() as pilot:
        app.asker.ask("a", torn, lambda _: None)
        while not started.is_set():
            await pilot.pause(0.005)
        app.asker.cancel_asked()
        release.set()
        await finished(pilot)
    assert app.asker.said == []


async def test_leaving_cancels_everything() -> None:
    app = OneScreen()
    async with app.run_test():
        token = app.asker.ask("a", lambda token: None, lambda _: None, delay=60)
    assert token.cancelled
