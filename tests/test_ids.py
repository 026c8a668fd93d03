"""Test ids are the same in every process: workers that name tests differently cannot share them out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = """
import time
now = time.time
time.time = lambda: now() + {seconds}
import sys
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "tests"]))
"""


def collecting(seconds: int) -> subprocess.Popen[str]:
    """A process that collects the suite at another time of day and in another order of hashes."""
    return subprocess.Popen(
        [sys.executable, "-c", LATER.format(seconds=seconds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seconds + 1), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ids(process: subprocess.Popen[str]) -> list[str]:
    found = [line for line in process.communicate()[0].splitlines() if "::" in line]
    assert process.returncode == 0
    return found


def test_collecting_twice_gives_the_same_ids(request: pytest.FixtureRequest) -> None:
    first = ids(collecting(86_461))
    assert len(first) > 500
    # A worker of the whole suite has collected all of it itself, now and in an order of hashes of its own.
    own = [item.nodeid for item in request.session.items]
    assert first == (own if len(own) == len(first) else ids(collecting(0)))
