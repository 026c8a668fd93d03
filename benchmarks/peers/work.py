"""What is asked of every tool, and what it took."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STEPS = ("ready", "list", "filter", "substring", "tree")
"""From the file to everything being there; the newest 50; those with errors; those with a word; one trace."""


@dataclass(frozen=True, slots=True)
class Task:
    """The file, how many spans it has, a trace and how many spans that has, and a word that some inputs have."""

    path: Path
    spans: int
    trace_id: str
    trace_spans: int
    word: str


@dataclass(slots=True)
class Work:
    """What a tool took: seconds by step, None for what it cannot do, MB of memory at the most; or why not."""

    tool: str
    seconds: dict[str, float | None] = field(default_factory=dict)
    megabytes: float | None = None
    notes: list[str] = field(default_factory=list)

    def step(self, name: str, ask: Callable[[], object], times: int = 3) -> None:
        """The least seconds of some answers; why there is none, if it fails."""
        found = []
        try:
            for _ in range(times):
                begun = time.perf_counter()
                ask()
                found.append(time.perf_counter() - begun)
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            self.notes.append(f"{name}: {first_line(error)}")
            self.seconds[name] = None
            return
        self.seconds[name] = min(found)


def first_line(error: BaseException) -> str:
    """An error in one line of bounded length."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:120]


def installed(folder: Path, name: str, *packages: str) -> Path:
    """The Python of a virtual environment with these packages, made if it is not there. Raises CalledProcessError."""
    home = folder / name
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
        done.touch()
    return python


def version(python: Path, package: str) -> str:
    """The installed version of a package."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
