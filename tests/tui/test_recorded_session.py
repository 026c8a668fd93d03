"""A recorded session of 200 sample traces under three definitions: few keys for each label, and the rows as meant."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot

from traceview.store.labels import sessions as stored
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.sessions import SummaryScreen
from traceview.tui.widgets.lines import Lines
from tui.annotating import settled
from tui.recorded.session import ASKED, KEYS, ROWS, recorded_app

KEYS_PER_LABEL = 1.1


def ready(app: Any) -> bool:
    screen = app.screen
    return (
        isinstance(screen, ItemScreen)
        and screen.session is not None
        and bool(screen.query("AnnotatePanel"))
        and screen.panel.kept.ready
    )


def summaries(app: Any) -> list[str]:
    """What the summary says, nothing while it is being made."""
    return [one.plain for one in app.screen.query("#summary").results(Lines)]


async def press(pilot: Pilot[None], keys: list[str]) -> None:
    """The keys of one item, as fast as a terminal sends them; then the next item is waited for."""
    app: Any = pilot.app
    for number, key in enumerate(keys):
        here = app.screen.session.place.position
        app.post_message(events.Key(key, key))
        if key in "dJK" or number == len(keys) - 1:
            for _ in range(4_000):
                await asyncio.sleep(0.005)
                if isinstance(app.screen, SummaryScreen) or (
                    ready(app) and app.screen.session.place.position != here
                ):
                    break
            else:
                raise AssertionError(f"no other item came behind {key} at place {here}")


async def test_two_hundred_traces_cost_hardly_more_keys_than_labels(tmp_path: Path) -> None:
    recording = [line.split() for line in KEYS.read_text().splitlines()]
    with recorded_app(tmp_path) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot, lambda: ready(app), 1_000)
            for keys in recording:
                await press(pilot, keys)
            await settled(pilot, lambda: any("of 200 items" in one for one in summaries(app)), 1_000)
            assert any("200 of 200 items labelled, 0 deferred" in one for one in summaries(app))
        assert app.context.annotator is not None
        store = app.context.annotator.store
        (session,) = stored.sessions(store)
        places = {one.action_id: one.position for one in stored.events(store, session.id)}
        history = store.history()
        written = [
            [
                places.get(row.action_id),
                row.target.id,
                row.name,
                row.value if row.op == "set" else None,
                row.op,
            ]
            for row in history
        ]
    meant = [json.loads(line) for line in ROWS.read_text().splitlines()]
    # An undo is no label given at a place: the row that it refers to says where.
    assert [row if row[4] == "set" else [None, *row[1:]] for row in written] == [
        row if row[4] == "set" else [None, *row[1:]] for row in meant
    ]
    assert Counter(row.annotator for row in history) == {"tester@example.com": len(meant)}
    assert all(row.session == session.id for row in history if row.op == "set")
    labels = sum(row[4] == "set" for row in meant) - sum(row[4] == "undo" for row in meant)
    assert labels == session.size * len(ASKED) and session.size >= 200
    pressed = sum(map(len, recording))
    print(f"{pressed} keys for {labels} labels: {pressed / labels:.3f} keys per label")
    assert pressed / labels <= KEYS_PER_LABEL
