"""The console of `listen`: one line that keeps up on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from traceview.cli.output import say
from traceview.text.cells import truncate
from traceview.text.safe import safe_line

if TYPE_CHECKING:
    from traceview.ingest.listen.figures import Figures
    from traceview.ingest.listen.inbox import Backlog

_QUIET_SECONDS = 30.0
"""Between two lines where there is no terminal; without news there is none."""
_RATE_SECONDS = 10


class TerminalConsole:
    """Says on stderr what the receiver does."""

    def __init__(self, *, open_to_others: bool, with_token: bool) -> None:
        self._open_to_others = open_to_others
        self._with_token = with_token
        self._live = sys.stderr.isatty()
        self._seen: deque[tuple[float, int]] = deque(maxlen=_RATE_SECONDS + 1)
        self._said: tuple[float, int, str] = (time.monotonic(), 0, "")
        self._store = Path()
        self._shown = False

    def began(self, url: str, store: Path, left: Backlog) -> None:
        """Where it listens and writes to, and what that means."""
        self._store = store
        say(f"listening on {url} (OTLP/HTTP, protobuf and JSON), writing to {store}")
        if self._open_to_others:
            say(
                "anyone who reaches this address and has the token can write into the store; nothing is encrypted"
                if self._with_token
                else "anyone who reaches this address can write into the store: there is no authentication and no "
                "encryption; --token-file asks senders for a token"
            )
        if left.requests:
            say(f"{left.requests:,} requests ({left.spans:,} spans) of an earlier receiver are taken up")
        reached = url.replace("0.0.0.0", "ADDRESS").replace("[::]", "ADDRESS")
        say(f"OTEL_EXPORTER_OTLP_ENDPOINT={reached} points an exporter here; Ctrl-C ends")

    def tick(self, figures: Figures) -> None:
        """Keep the line up to date, or say a line if there is news."""
        now = time.monotonic()
        self._seen.append((now, figures.spans))
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{truncate(safe_line(status_line(figures, self._rate())), width)}")
            sys.stderr.flush()
            self._shown = True
            return
        at, requests, error = self._said
        new_error = figures.last_error != error
        if new_error or (figures.requests != requests and now - at >= _QUIET_SECONDS):
            say(status_line(figures, self._rate()))
            self._said = now, figures.requests, figures.last_error

    def ending(self, figures: Figures) -> None:
        """What is left to do."""
        self._end_line()
        if figures.waiting_spans:
            say(
                f"no more is taken; {figures.waiting_spans:,} spans are still to be written "
                "(Ctrl-C again leaves them in the inbox)"
            )

    def ended(self, figures: Figures, left: Backlog, unread: int, messages: int) -> None:
        """What is where."""
        self._end_line()
        say(
            f"{figures.spans:,} spans received, {figures.written:,} written to {figures.parts:,} parts in {self._store}"
        )
        if figures.messages:
            say(f"{figures.messages:,} messages of model calls received in log records")
        if messages:
            say(
                f"{messages:,} messages of model calls wait in the inbox of {self._store} for spans that have not come "
                "or have not ended; they are kept for a day"
            )
        if figures.repeated:
            say(f"{figures.repeated:,} spans came more than once and were left out")
        if figures.replaced:
            say(f"{figures.replaced:,} spans came again with other content, of which the last counts")
        if figures.rejected:
            say(f"{figures.rejected:,} spans without ids were refused")
        for reason, count in sorted(figures.skipped.items()):
            say(f"{count:,} x {reason}")
        if left.requests:
            say(f"{left.spans:,} spans wait in the inbox of {self._store}; the next listen takes them up")
        if unread:
            say(f"{unread:,} requests could not be read; they are kept in the inbox of {self._store}")
        if figures.written:
            say(f"traceview {self._store}")

    def _rate(self) -> float:
        if len(self._seen) < 2:
            return 0.0
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0

    def _end_line(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


def status_line(figures: Figures, rate: float) -> str:
    """Spans received and per second, messages in log records, what waits, parts, and the last error with its time."""
    told = [
        f"{figures.spans:,} spans received",
        *([f"{figures.messages:,} messages"] if figures.messages else []),
        f"{rate:,.0f}/s",
        f"{figures.waiting_spans:,} waiting",
        f"{figures.parts:,} parts",
    ]
    if figures.last_error_at is not None:
        at = time.strftime("%H:%M:%S", time.localtime(figures.last_error_at))
        told.append(f"last error {at}: {figures.last_error}")
    return " · ".join(told)
