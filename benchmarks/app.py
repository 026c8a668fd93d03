"""The app on a file in a real terminal, as benchmarks open it: its environment, its first rows, its cursor keys."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.terminal import Terminal


def timed(command: Sequence[str]) -> float:
    """Seconds of wall time of a whole process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def environment(directory: str) -> dict[str, str]:
    """User directories of a person who never ran traceview, whose Python keeps its bytecode as pip leaves it."""
    names = ("CACHE", "CONFIG", "STATE", "DATA")
    return {f"TRACEVIEW_{name}_DIR": str(Path(directory, name.lower())) for name in names} | {
        "TRACEVIEW_ANNOTATOR": "bench@example.com",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def has_rows(terminal: Terminal) -> bool:
    """True once the list shows at least ten rows of data: their tokens are written in→out."""
    return sum("→" in line for line in terminal.screen.display) >= 10


def open_app(path: Path, env: dict[str, str], *options: str) -> Terminal:
    """The app on a file, labels kept apart from it."""
    labels = Path(env["TRACEVIEW_DATA_DIR"], "bench.labels.db")
    labels.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "traceview.cli.main", "open", str(path), "--labels", str(labels)]
    command += options
    return Terminal(command, env=env)


def counts(terminal: Terminal) -> bool:
    """True while the app says that it indexes or counts."""
    return "indexing" in terminal.text or "counting" in terminal.text


def wait_indexed(terminal: Terminal, seconds: float = 300) -> float:
    """Seconds from the start of the process until there are rows and nothing is indexed or counted any more."""
    done = terminal.wait(lambda one: has_rows(one) and not counts(one), seconds)
    return done - terminal.started


def key_figures(terminal: Terminal, keys: Sequence[str]) -> tuple[list[float], list[int]]:
    """Seconds to paint and bytes written of each key."""
    found = [terminal.key_to_paint(key) for key in keys]
    return [seconds for seconds, _ in found], [octets for _, octets in found]


def cursor_keys(count: int) -> list[str]:
    """Cursor keys, mostly down."""
    return ["j" if number % 5 or not number else "k" for number in range(count)]


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, by rank."""
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def repeated(runs: int, measure: Callable[[], float]) -> list[float]:
    """Several runs of one measurement."""
    return [measure() for _ in range(runs)]
