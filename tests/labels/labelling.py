"""A process that labels: prints each row's id once it is committed. Arguments: file, annotator, rows, fail-at."""

from __future__ import annotations

import sys
from pathlib import Path

from traceview.annotation import Annotator
from traceview.definitions.feedback import VERDICT
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore


def main() -> None:
    path, name, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    annotator = Annotator(LabelStore.open(path), [VERDICT], name)
    for number in range(rows):
        action = annotator.set_value([Target("trace", f"{name}-{number}")], "verdict", number % 3 == 0)
        if number % 5 == 4:
            action = annotator.undo() or action
        sys.stdout.write("".join(f"{row.id}\n" for row in action.rows))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
