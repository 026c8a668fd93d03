"""Writes the recording that `test_recorded_session.py` replays: what somebody who knows the truth presses, and means.

Usage: python tests/tui/recorded/write.py

Both files are made from `sample_data/truth.jsonl` and the plan of the session, never from what the app did: the keys
with their slips (a wrong value that is undone, an item that is put off, a look back), the rows as they are meant.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2])]

from traceview.annotation.session_making import make_session  # noqa: E402
from traceview.store.labels import sessions as stored  # noqa: E402
from tui.recorded.session import ASKED, KEYS, PLAN, ROWS, recorded_app  # noqa: E402

SAMPLE = HERE.parents[2] / "sample_data"
FAILS = {
    "grounded": {"made_up_link", "search_skipped"},
    "right_user": {"wrong_user"},
    "feasible_followups": {"infeasible_followup"},
}
DIGITS = {True: "1", False: "2", "n/a": "0"}
Value = bool | str


def meant(problem: str | None, trace: str, name: str) -> Value:
    """What is true of a trace; where nothing could go wrong it does not apply (one in four, by the id)."""
    if problem in FAILS[name]:
        return False
    return "n/a" if int(trace[-4:], 16) % 4 == ASKED.index(name) else True


def screens(
    targets: list[str], values: dict[str, tuple[Value, ...]]
) -> Iterator[tuple[list[str], list[object]]]:
    """For each time that an item comes: its keys, and the rows of it with their op."""
    chance = random.Random(5)
    put_off: list[int] = []
    order = list(range(len(targets)))
    at = 0
    while at < len(order):
        position = order[at]
        trace = targets[position]
        at += 1
        slip = chance.random()
        if slip < 0.03 and position not in put_off:
            put_off.append(position)
            order.append(position)
            yield ["d"], []
            continue
        keys: list[str] = []
        rows: list[object] = []
        for number, (name, value) in enumerate(zip(ASKED, values[trace], strict=True)):
            if number == 1 and 0.03 <= slip < 0.09:
                # The wrong key: taken back, and then the right one.
                wrong = value is not True
                keys += [DIGITS[wrong], "u"]
                rows += [[position, trace, name, wrong, "set"], [position, trace, name, None, "undo"]]
            keys.append(DIGITS[value])
            rows.append([position, trace, name, value, "set"])
        if 0.09 <= slip < 0.11 and at > 1:
            # A look at the item before.
            keys = ["K", "J", *keys]
        yield keys, rows


def main() -> None:
    """Write both files."""
    truth = [json.loads(line) for line in (SAMPLE / "truth.jsonl").read_text().splitlines()]
    problems = {one["trace_id"]: one["problem"] for one in truth}
    with tempfile.TemporaryDirectory() as folder, recorded_app(Path(folder)) as app:
        annotator = app.context.annotator
        assert annotator is not None
        session = make_session(app.context.engine, annotator, PLAN).session
        targets = [item.target.id for item in stored.items(annotator.store, session.id)]
    values = {trace: tuple(meant(problems.get(trace), trace, name) for name in ASKED) for trace in targets}
    keys, rows = [], []
    for pressed, written in screens(targets, values):
        keys.append(" ".join(pressed))
        rows += [json.dumps(row) for row in written]
    KEYS.write_text("\n".join(keys) + "\n")
    ROWS.write_text("\n".join(rows) + "\n")
    print(f"{len(targets)} places, {sum(len(one.split()) for one in keys)} keys, {len(rows)} rows")


if __name__ == "__main__":
    main()
