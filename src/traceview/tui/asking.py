"""Questions to the engine: asked in a thread worker with a token, answered by a message on the event loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from textual.dom import DOMNode
from textual.message import Message
from textual.timer import Timer

from traceview.model.errors import Cancelled, TraceviewError
from traceview.store.interface import CancelToken

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Asked:
    """The newest question of a channel."""

    token: CancelToken
    then: Callable[[Any], object]
    failed: Callable[[TraceviewError], object] | None
    timer: Timer | None = None


class Asking(DOMNode):
    """Mixed into a screen or a widget whose questions must not outlive it.

    A newer question on a channel cancels the older one, whose answer is dropped if it still comes.
    """

    class AnswerArrived(Message, bubble=False):
        """A question of this channel was answered, or failed with an error for people."""

        def __init__(
            self, channel: str, token: CancelToken, answer: Any, error: TraceviewError | None
        ) -> None:
            super().__init__()
            self.channel = channel
            self.token = token
            self.answer = answer
            self.error = error

    class PartArrived(Message, bubble=False):
        """A part of the answer to a question of this channel; the whole is still to come."""

        def __init__(
            self, channel: str, token: CancelToken, part: Any, then: Callable[[Any], object]
        ) -> None:
            super().__init__()
            self.channel = channel
            self.token = token
            self.part = part
            self.then = then

    def ask(
        self,
        channel: str,
        question: Callable[[CancelToken], Answer],
        then: Callable[[Answer], object],
        *,
        failed: Callable[[TraceviewError], object] | None = None,
        delay: float = 0.0,
    ) -> CancelToken:
        """Run `question(token)` in a thread and `then(answer)` on the event loop.

        `delay` seconds pass first, in which a newer question replaces this one without it ever running.
        `failed` gets a TraceviewError; without it, `answer_failed` does. Cancelled says nothing.
        """
        self.cancel_asked(channel)
        token = CancelToken()
        asked = _Asked(token, then, failed)
        self._asked[channel] = asked
        start = partial(self._start_question, channel, token, question)
        if delay > 0:
            asked.timer = self.set_timer(delay, start)
        else:
            start()
        return token

    def tell_part(
        self, channel: str, token: CancelToken, part: Answer, then: Callable[[Answer], object]
    ) -> None:
        """Run `then(part)` on the event loop while a question is being answered; called in its thread."""
        if not token.cancelled:
            self.post_message(Asking.PartArrived(channel, token, part, then))

    def on_asking_part_arrived(self, message: PartArrived) -> None:
        """Hand a part on; one of a question that was cancelled is dropped."""
        message.stop()
        asked = self._asked.get(message.channel)
        if asked is not None and asked.token is message.token:
            message.then(message.part)

    def cursor_rests(self) -> None:
        """Tell the app that what is shown from now on follows a cursor that rests: it is painted in parts."""
        tell: Callable[[], object] | None = getattr(self.app, "cursor_rests", None)
        if tell is not None:
            tell()

    def is_asking(self, channel: str) -> bool:
        """True while a question of this channel is waiting or unanswered."""
        return channel in self._asked

    @property
    def is_asking_any(self) -> bool:
        """True while any question is waiting or unanswered."""
        return bool(self._asked)

    def cancel_asked(self, channel: str | None = None) -> None:
        """Cancel the question of one channel, or of all; returns at once."""
        channels = list(self._asked) if channel is None else [channel]
        for name in channels:
            asked = self._asked.pop(name, None)
            if asked is not None:
                if asked.timer is not None:
                    asked.timer.stop()
                asked.token.cancel()

    def answer_failed(self, error: TraceviewError) -> None:
        """Say an error for people that no `failed` of its own took."""
        text = error.message if error.hint is None else f"{error.message} {error.hint}"
        self.app.notify(text, severity="error", markup=False)

    @property
    def _asked(self) -> dict[str, _Asked]:
        found: dict[str, _Asked] | None = self.__dict__.get("_asked_by_channel")
        if found is None:
            found = self.__dict__["_asked_by_channel"] = {}
        return found

    def _start_question(
        self, channel: str, token: CancelToken, question: Callable[[CancelToken], object]
    ) -> None:
        def work() -> None:
            try:
                token.check()
                answer, error = question(token), None
            except Cancelled:
                return
            except TraceviewError as failure:
                answer, error = None, failure
            except Exception:
                # An interrupted query may fail in any way on its way out; nobody waits for it any more.
                if token.cancelled:
                    return
                raise
            if not token.cancelled:
                self.post_message(Asking.AnswerArrived(channel, token, answer, error))

        self.run_worker(work, name=channel, group=f"ask-{channel}", thread=True)

    def on_asking_answer_arrived(self, message: AnswerArrived) -> None:
        """Hand a fresh answer on; a stale one is dropped."""
        message.stop()
        asked = self._asked.get(message.channel)
        if asked is None or asked.token is not message.token or self._pruning:
            # While a screen is being closed its panes go before it does.
            return
        del self._asked[message.channel]
        if message.error is None:
            asked.then(message.answer)
        elif asked.failed is not None:
            asked.failed(message.error)
        else:
            self.answer_failed(message.error)

    def on_unmount(self) -> None:
        """Nothing that was asked outlives its asker."""
        self.cancel_asked()
