"""However the app ends or is stopped, the terminal is given back, and a crash is reported where it is said."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pexpect
from benchmarks.kills import TRACES, sample_copy
from benchmarks.terminal import Terminal

APP = [sys.executable, "-m", "traceview.cli.main"]
BROKEN = """
from traceview.tui.widgets.span_tree import SpanTree
def broken(self, y):
    raise RuntimeError("a widget that cannot draw")
SpanTree.render_line = broken
from traceview.cli.main import run
run()
"""
LEFT, ENTERED = b"\x1b[?1049l", b"\x1b[?1049h"


def ending(terminal: Terminal) -> bytes:
    """What is written until the process has ended."""
    terminal.process.expect(pexpect.EOF, timeout=30)
    written: bytes = terminal.process.before
    terminal.process.close()
    return written


def test_a_widget_that_cannot_draw_leaves_a_report_and_a_terminal(tmp_path: Path) -> None:
    source = sample_copy(tmp_path)
    with Terminal(
        [sys.executable, "-c", BROKEN, str(source)], cwd=str(tmp_path), columns=200, rows=40
    ) as terminal:
        terminal.wait_for(TRACES, 60)
        terminal.press("\r")
        written = ending(terminal)
        assert terminal.process.exitstatus not in (0, None)
    assert LEFT in written and b"\x1b[?25h" in written
    said = written[written.rindex(LEFT) :].decode()
    report = re.search(r"the report is in (\S+crash-\S+\.txt)", said)
    assert "RuntimeError" in said and report is not None, said
    assert "a widget that cannot draw" in Path(report[1]).read_text()


def test_a_signal_to_end_gives_the_terminal_back(tmp_path: Path) -> None:
    with Terminal([*APP, str(sample_copy(tmp_path))], cwd=str(tmp_path)) as terminal:
        terminal.wait_for(TRACES, 60)
        terminal.press("jjj")
        terminal.process.kill(signal.SIGTERM)
        written = ending(terminal)
        assert terminal.process.exitstatus == 128 + signal.SIGTERM
    assert LEFT in written and b"\x1b[?25h" in written


def test_the_app_is_stopped_resized_and_goes_on(tmp_path: Path) -> None:
    app = f"'{sys.executable}' -m traceview.cli.main '{sample_copy(tmp_path)}'"
    command = f"set -m; {app}; echo at the shell; read word; fg"
    with Terminal(["/bin/bash", "-c", command], cwd=str(tmp_path)) as terminal:
        terminal.wait_for(TRACES, 60)
        for columns, rows in ((60, 20), (180, 50), (120, 40)):
            terminal.process.setwinsize(rows, columns)
            terminal.screen.resize(rows, columns)
            terminal.press("j")
            time.sleep(0.05)
        terminal.settle(0.5)
        terminal.wait_for(TRACES, 60)
        terminal.press("\x1a")
        terminal.wait_for("at the shell", 30)
        terminal.settle(0.3)
        terminal.screen.reset()
        terminal.press("go\n")
        # Everything is drawn anew: nothing of what stood there before is taken for granted.
        terminal.wait_for(TRACES, 30)
        terminal.press("\x11")
        ending(terminal)
