"""The command line with its event loop watched: stalls go to a file when it ends, with the time of each.

Usage: python -m benchmarks.watched FILE ARGUMENT ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from msgspec import to_builtins

from benchmarks.stalls import floor, watched


def main() -> None:
    """Run `traceview ARGUMENT ...` in this process."""
    from traceview.cli.main import main as run

    path = Path(sys.argv[1])
    sys.argv[:] = ["traceview", *sys.argv[2:]]
    floors = [floor() for _ in range(5)]
    with watched(0.015) as seen:
        try:
            run()
        finally:
            floors += [floor() for _ in range(5)]
            told = {
                "floors": floors,
                "stalls": [to_builtins(one) for one in seen.stalls],
                "held": [to_builtins(one) for one in seen.held],
            }
            path.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
