"""What the command line imports before it does anything, and how it answers before it opens anything."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "textual",
    "duckdb",
    "pyarrow",
    "rich",
    "anthropic",
    "numpy",
    "scipy",
    "sklearn",
    "sqlite3",
    "orjson",
    "uvicorn",
    "google",
    "opentelemetry",
)

PROBE = """
import json, sys
from traceview.cli.main import _run
code = _run(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def run(*arguments: str) -> tuple[int, set[str], str]:
    """Exit code, top-level modules imported, and stdout of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules), done.stdout


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("open", "--help"), ("labels", "--help"), ("listen", "--help")]
)
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code, modules, out = run(*arguments)
    assert code == 0
    assert "traceview" in out
    assert modules.isdisjoint(HEAVY), modules & set(HEAVY)


def test_every_command_is_in_the_help() -> None:
    from traceview.cli.main import COMMANDS

    _, _, out = run("--help")
    for name in COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "nonsense"),
        (("./missing.parquet",), "missing.parquet"),
        (("info", "missing.parquet"), "missing.parquet"),
        (("info", "s3://bucket/key.parquet"), "download"),
        (("traces",), "SOURCE"),
        (("--bogus",), "--bogus"),
    ],
)
def test_bad_usage_exits_with_2_and_says_what_is_wrong(arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "traceview.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
