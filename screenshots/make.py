"""Draws the screenshots of this folder from the sample data: python screenshots/make.py"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PICTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("traces", ("j", "j", "j")),
    ("trace", ("j", "j", "j", "j", "j", "j", "enter", "j", "j")),
    ("transcript", ("f3", "j", "enter")),
    ("annotate", ("j", "j", "a", "1")),
    ("help", ("question_mark",)),
)


async def settled(pilot: object, seconds: float = 1.2) -> None:
    """Wait until workers had time to answer and the screen to paint."""
    await asyncio.sleep(seconds)
    await pilot.pause()  # type: ignore[attr-defined]


async def draw() -> None:
    """One picture after the other, each in a fresh app on a copy of the sample data."""
    from traceview.annotation import Annotator
    from traceview.cli.app import prepare_demo
    from traceview.definitions.project import load_project
    from traceview.store.labels.location import label_location
    from traceview.store.labels.store import LabelStore
    from traceview.store.open import open_engine
    from traceview.tui.app import TraceviewApp
    from traceview.tui.context import AppContext

    source = prepare_demo()
    project = load_project(source.parent / "traceview.toml", [source])
    location = label_location((str(source),))
    store = LabelStore.open(location.path)
    engine = open_engine((str(source),), labels=store)
    engine.wait_ready()
    for name, keys in PICTURES:
        context = AppContext(
            engine=engine,
            annotator=Annotator(store, project.definitions, "cleo@example.com"),
            definitions=project.definitions,
            annotator_name="cleo@example.com",
            source_title="traces.parquet",
            label_sentence="labels: traces.labels.db",
        )
        app = TraceviewApp(context)
        async with app.run_test(size=(130, 36)) as pilot:
            await settled(pilot, 2.0)
            for key in keys:
                await pilot.press(key)
                await settled(pilot, 0.4)
            await settled(pilot)
            (HERE / f"{name}.svg").write_text(app.export_screenshot(title="traceview"))
            print(HERE / f"{name}.svg")
    engine.close()
    store.close()


def main() -> None:
    """Draw everything in user directories that are thrown away."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as home:
        for variable in ("CACHE", "CONFIG", "STATE", "DATA"):
            os.environ[f"TRACEVIEW_{variable}_DIR"] = str(Path(home, variable.lower()))
        asyncio.run(draw())


if __name__ == "__main__":
    main()
