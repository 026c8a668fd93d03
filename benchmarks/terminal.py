"""A program in a real pseudo-terminal with a screen that can be read, for benchmarks and tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

import pexpect
import pyte

SETTLED_SECONDS = 10.0
"""A screen in which something moves without end (the caret of a field blinks) counts as settled after so long."""


class Terminal:
    """A process in a pty. `screen` is what a person would see; `received` counts the bytes written to it.

    Times are those at which bytes came, not at which this slow terminal had understood them.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.received = 0
        self.arrived = 0.0
        self.started = time.perf_counter()
        # Both would overrule the size of the pseudo-terminal.
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(rows, columns),
            env={**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
            cwd=cwd,
            timeout=None,
        )
        self.process.delaybeforesend = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.process.close(force=True)
        except pexpect.ExceptionPexpect:
            # A busy machine takes longer to end it than is waited for there.
            self.process.wait()

    def kill(self) -> None:
        """Kill the process at once (SIGKILL), and take what it had written."""
        os.kill(self.process.pid, signal.SIGKILL)
        with suppress(EOFError):
            while self.read(0.3):
                pass

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> bool:
        """Take what the process wrote, waiting at most so long for its first byte; False if it wrote nothing."""
        try:
            data = self.process.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            if self.process.isalive():
                return False
            raise EOFError(f"the process ended ({self.process.exitstatus}):\n{self.text}") from None
        self.arrived = time.perf_counter()
        self.received += len(data)
        # The stream of pyte does not know the queries that newer terminals answer; it skips them.
        self._stream.feed(data)
        return True

    def wait(self, condition: Callable[[Terminal], bool], seconds: float = 30.0) -> float:
        """Read until the screen meets a condition; the time.perf_counter() at which the bytes came that did it.

        Raises TimeoutError with the screen.
        """
        begun = time.perf_counter()
        deadline = begun + seconds
        while not condition(self):
            left = deadline - time.perf_counter()
            if left <= 0:
                raise TimeoutError(f"not within {seconds} s; the screen:\n{self.text}")
            self.read(min(left, 0.5))
        return max(begun, self.arrived)

    def wait_for(self, words: str, seconds: float = 30.0) -> float:
        """Read until these words are on the screen; the time.perf_counter() of that."""
        return self.wait(lambda terminal: words in terminal.text, seconds)

    def settle(self, quiet: float = 0.3, at_most: float = SETTLED_SECONDS) -> None:
        """Read until nothing was written for so many seconds, but no longer than the most."""
        deadline = time.perf_counter() + at_most
        while time.perf_counter() < deadline and self.read(quiet):
            pass

    def press(self, keys: str) -> None:
        """Send keys as a terminal does."""
        self.process.send(keys)

    def key_to_paint(self, keys: str, seconds: float = 5.0) -> tuple[float, int]:
        """Seconds from sending keys until the cells (or their styles) changed, and the bytes written for it."""
        before = self._cells()
        received = self.received
        sent = time.perf_counter()
        self.press(keys)
        changed = self.wait(lambda terminal: terminal._cells() != before, seconds)
        self.settle(0.06)
        return changed - sent, self.received - received

    def _cells(self) -> list[tuple[str, ...]]:
        columns = range(self.screen.columns)
        return [
            tuple(
                f"{cell.data}{cell.fg}{cell.bg}{cell.bold}{cell.reverse}"
                for cell in (self.screen.buffer[row][column] for column in columns)
            )
            for row in range(self.screen.lines)
        ]
