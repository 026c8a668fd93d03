"""The app on the engine in memory, as a program for a pseudo-terminal: `python -m tui.pty_app COUNT`."""

from __future__ import annotations

import sys

from traceview.tui.app import run_app
from traceview.tui.context import AppContext
from tui.fake_engine import FakeEngine


def main() -> int:
    """Run until the user quits."""
    engine = FakeEngine(int(sys.argv[1]))
    if "crash" in sys.argv:
        engine.overrides[engine.count - 3] = {"start_ns": "not a number"}
    context = AppContext(
        engine,
        None,
        (),
        "ann",
        "support.parquet",
        "labels: support.labels.db",
        ascii_signs=True if "ascii" in sys.argv else None,
    )
    return run_app(context)


if __name__ == "__main__":
    raise SystemExit(main())
