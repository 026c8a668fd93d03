"""visidata in a terminal: the Parquet file loaded, its rows with errors, and those with a word."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.budgets.memory import Peak
from benchmarks.peers.work import Task, Work, installed, version
from benchmarks.terminal import Terminal

LONGEST = 600.0


def work(task: Task, venvs: Path) -> Work:
    """Load, select with an expression, search."""
    python = installed(venvs, "visidata", "visidata", "pyarrow", "pandas")
    done = Work(f"visidata {version(python, 'visidata')}")
    with tempfile.TemporaryDirectory() as home:
        command = [str(python), "-m", "visidata", "--nothing", str(task.path)]
        env = {"HOME": home, "XDG_CONFIG_HOME": home}
        with (
            Terminal(command, columns=160, env=env, cwd=home) as terminal,
            Peak(terminal.process.pid) as peak,
        ):
            loaded = (
                terminal.wait(lambda one: f"{task.spans} rows" in _status(one), LONGEST) - terminal.started
            )
            done.seconds["ready"] = loaded
            done.notes.append("no tree: a trace is a selection of rows")

            for step, expression in (
                ("filter", "status == 'error'"),
                ("substring", f"{task.word!r} in input"),
                ("tree", f"trace_id == {task.trace_id!r}"),
            ):
                done.seconds[step] = _selected(terminal, expression)
            peak.look()
        done.megabytes = peak.megabytes
    return done


def _status(terminal: Terminal) -> str:
    return terminal.text.splitlines()[-1].replace(",", "")


def _selected(terminal: Terminal, expression: str) -> float:
    """Seconds from an expression in Python to the message that says how many rows it selected."""
    for keys in ("gu", "z|", expression):
        terminal.press(keys)
        terminal.settle(0.5, at_most=3.0)
    terminal.wait(lambda one: "▐ selected " not in one.text, LONGEST)
    pressed = time.perf_counter()
    terminal.press("\r")
    return terminal.wait(lambda one: "▐ selected " in one.text, LONGEST) - pressed
