"""The app in a real pseudo-terminal: bytes per cursor move, modules at start, the terminal after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte
import pytest

TESTS = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 100, 30
SIZES = ("COLUMNS", "LINES")
"""Variables of the environment that would overrule the size of the pseudo-terminal."""
BYTES_PER_MOVE = 2048
PATIENCE = 20.0
QUIET = 0.3


class Screen:
    """What a person sees, and how many bytes it took."""

    def __init__(self, *arguments: str, program: Sequence[str] = ()) -> None:
        command = program or [sys.executable, "-m", "tui.pty_app", *arguments]
        self.process = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(ROWS, COLUMNS),
            cwd=str(TESTS),
            env={
                **{name: value for name, value in os.environ.items() if name not in SIZES},
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "TZ": "UTC",
            },
        )
        self.process.delaybeforesend = None
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def read(self, seconds: float) -> int:
        """Take what comes within some seconds of quiet; its length."""
        total = 0
        while True:
            try:
                data = self.process.read_nonblocking(65536, timeout=seconds)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return total
            total += len(data)
            self.raw += data
            self.stream.feed(data)

    def wait(self, text: str) -> None:
        """Until the screen shows a text."""
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, self.text
            self.read(0.05)


@contextmanager
def running(*arguments: str, program: Sequence[str] = ()) -> Iterator[Screen]:
    screen = Screen(*arguments, program=program)
    try:
        yield screen
    finally:
        screen.process.close(force=True)


def test_a_cursor_move_writes_at_most_two_kilobytes() -> None:
    with running("1000000") as screen:
        screen.wait("1,000,000 of 1,000,000 traces")
        screen.wait("assistant")
        screen.read(3 * QUIET)
        written = []
        for number, key in enumerate("jjjjkkjj"):
            before, end, count = screen.text, time.monotonic() + PATIENCE, 0
            screen.process.send(key)
            while screen.text == before:
                assert time.monotonic() < end, f"key {number} changed nothing"
                count += screen.read(0.02)
            written.append(count + screen.read(QUIET))
        assert max(written) <= BYTES_PER_MOVE, written


def test_a_lone_escape_is_the_key() -> None:
    with running("50") as screen:
        screen.wait("50 of 50 traces")
        screen.process.send("\r")
        screen.wait("1 of 50")
        screen.process.send("\x1b")
        screen.wait("50 of 50 traces")
        screen.process.send("\x1b[B\x1b[B\x1bOQ")
        screen.process.send("\r")
        screen.wait("3 of 50")


def test_quitting_restores_the_terminal() -> None:
    with running("50") as screen:
        screen.wait("50 of 50 traces")
        screen.process.send("q")
        screen.process.expect(pexpect.EOF, timeout=PATIENCE)
        screen.process.close()
        assert screen.process.exitstatus == 0
        assert b"\x1b[?1049l" in screen.raw + screen.process.before


@pytest.mark.parametrize("trap", ["trap '' HUP", "trap : HUP"], ids=["no-signal", "signal"])
def test_a_closed_terminal_ends_the_app(trap: str, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    command = f"{trap}; '{sys.executable}' -m tui.pty_app 50; echo $? > '{ended}'"
    with running(program=["/bin/sh", "-c", command]) as screen:
        screen.wait("50 of 50 traces")
        screen.process.ptyproc.fileobj.close()
        end = time.monotonic() + PATIENCE
        while not (ended.exists() and ended.read_text().strip()):
            assert time.monotonic() < end, "the app goes on without a terminal"
            time.sleep(0.05)
        assert ended.read_text().strip() == "129"


def test_the_app_paints_where_only_standard_error_is_sent_to_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = f"'{sys.executable}' -m tui.pty_app 50 2>'{log}'"
    with running(program=["/bin/sh", "-c", command]) as screen:
        screen.wait("50 of 50 traces")
        screen.process.send("q")
        screen.process.expect(pexpect.EOF, timeout=PATIENCE)
    assert log.read_bytes() == b""


def test_a_crash_restores_the_terminal_and_is_raised() -> None:
    with running("50", "crash") as screen:
        screen.process.expect(pexpect.EOF, timeout=PATIENCE)
        out = screen.raw + screen.process.before
        screen.process.close()
        assert screen.process.exitstatus == 1
        left = out.rindex(b"\x1b[?1049l")
        assert b"TypeError" in out[left:] and b"\x1b[?1049h" in out[:left]


@pytest.mark.parametrize(
    "module",
    [
        "duckdb",
        "pyarrow",
        "anthropic",
        "textual.widgets._markdown",
        "textual.widgets._data_table",
        "traceview.tui.widgets.filter_field",
        "traceview.tui.screens.help",
        "traceview.tui.screens.palette",
        "traceview.tui.screens.copy_menu",
        "traceview.tui.screens.split",
        "traceview.tui.commands",
        "traceview.tui.mono",
        "traceview.tui.screens.trace",
        "traceview.tui.screens.item",
        "traceview.tui.panels.annotate",
        "traceview.tui.clipboard",
        "traceview.filters.parser",
        "traceview.filters.completion",
        "traceview.store.duck",
        "traceview.sources.open",
        "traceview.annotation.service",
        "numpy",
        "tomlkit",
        "traceview.exports.base",
    ],
)
def test_the_first_frame_does_not_need(module: str, modules_at_start: frozenset[str]) -> None:
    assert module not in modules_at_start


@pytest.fixture(scope="module")
def modules_at_start() -> frozenset[str]:
    code = "import traceview.tui.app, sys; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return frozenset(found.stdout.split())
