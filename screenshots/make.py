"""Draws the screenshots of this folder from the sample data, as SVG and PNG: python screenshots/make.py [NAME ...]"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ME = "cleo@example.com"
FONT = "DejaVu Sans Mono"
"""A font with every glyph of the app, that systems with a desktop have; the PNG is drawn with it."""
CELL = 12.2
"""The width of a cell in the SVG."""
SIZE = (132, 36)
PATIENCE = 20.0
SCALE = 12 / CELL
"""A cell is a whole number of pixels wide: bars of several cells have no seams."""


@dataclass(frozen=True)
class Picture:
    """A file name, and how the app gets there: filter, first screen, keys, theme."""

    name: str
    keys: tuple[str, ...] = ()
    filter: str = ""
    screen: Any = "traces"
    theme: str | None = None


BAD_LINK = 'prompt:goal-assistant@v3 tag:"lang:en" score.grounded:fail'
PICTURES: tuple[Picture, ...] = (
    Picture("traces", ("j", "j"), 'prompt:goal-assistant@v3 tag:"lang:en" score.grounded:any'),
    Picture("trace", ("B",), BAD_LINK),
    Picture("waterfall", ("enter", "m", "m", "T"), "tool:jira_sync latency>20s"),
    Picture("transcript", ("enter", "}"), "thread:thr_0aa2cf76ff", "threads"),
    Picture("origin", ("t", ")", "i", "i", "i"), BAD_LINK),
    Picture("prompts", (), "", "prompts"),
    Picture("stats", (), "", "stats"),
    Picture("annotate", ("a", "1", "]"), 'prompt:goal-assistant@v3 tag:"lang:en" kind:retriever label:none'),
    Picture("judges", ("f5", "j", "j", "j")),
    Picture("calibration", ("f5", "j", "j", "j", "enter")),
    Picture("help", ("enter", "question_mark"), BAD_LINK),
    Picture("light", ("B",), BAD_LINK, theme="light"),
)


@asynccontextmanager
async def opened(picture: Picture, engine: Any, store: Any, project: Any) -> AsyncIterator[Any]:
    """A fresh app, and the pilot that presses its keys."""
    from traceview.annotation import Annotator
    from traceview.tui.app import TraceviewApp
    from traceview.tui.context import AppContext

    context = AppContext(
        engine=engine,
        annotator=Annotator(store, project.definitions, ME),
        definitions=project.definitions,
        project=project,
        annotator_name=ME,
        source_title="traces.parquet",
        label_sentence="labels: traces.labels.db",
        initial_filter=picture.filter,
        initial_screen=picture.screen,
        theme=picture.theme,
    )
    app = TraceviewApp(context)
    async with app.run_test(size=SIZE) as pilot:
        yield pilot


async def settled(pilot: Any) -> None:
    """Wait until no worker runs and what is shown has been the same for a while."""
    until = time.monotonic() + PATIENCE
    same, before = 0, ""
    while same < 6 and time.monotonic() < until:
        await pilot.pause(0.15)
        now = pilot.app.export_screenshot(title="traceview")
        now = re.sub(r"terminal-\d+", "terminal", now)
        idle = all(worker.is_finished for worker in pilot.app.workers)
        same = same + 1 if idle and now == before else 0
        before = now


async def draw(pictures: Sequence[Picture]) -> None:
    """One picture after the other, each in a fresh app on a copy of the sample data with its labels."""
    from traceview.cli.app import prepare_demo
    from traceview.definitions.project import load_project
    from traceview.judges.code_run import run_code_judges
    from traceview.judges.loading import load_judges
    from traceview.store.labels.location import label_location
    from traceview.store.labels.store import LabelStore
    from traceview.store.open import open_engine

    source = prepare_demo()
    project = load_project(source.parent / "traceview.toml", [source])
    store = LabelStore.open(label_location((str(source),)).path)
    engine = open_engine((str(source),), labels=store)
    engine.wait_ready()
    run_code_judges(engine, store, load_judges(project).judges, project=project)
    engine.refresh_labels()
    for picture in pictures:
        async with opened(picture, engine, store, project) as pilot:
            await settled(pilot)
            for key in picture.keys:
                await pilot.press(key)
                await settled(pilot)
            write(picture.name, pilot.app.export_screenshot(title="traceview"))
    engine.close()
    store.close()


def write(name: str, svg: str) -> None:
    """The picture as SVG, and as PNG drawn with a font that is there."""
    import cairosvg

    # The numbers in class names are of this run only; fonts from the web would not be drawn.
    svg = re.sub(r"terminal-\d+", f"terminal-{name}", svg)
    (HERE / f"{name}.svg").write_text(svg)
    plain = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)
    plain = re.sub(r'(<text [^>]*?)x="([\d.]+)"([^>]*?) textLength="[^"]*"([^>]*)>([^<]*)', placed, plain)
    cairosvg.svg2png(bytestring=plain.encode(), write_to=str(HERE / f"{name}.png"), scale=SCALE)
    print(HERE / f"{name}.png")


def placed(text: re.Match[str]) -> str:
    """A text of the SVG with every letter at its cell: the font's own widths are rounded where it is drawn."""
    from html import unescape

    from traceview.text.cells import width

    at, places = float(text[2]), []
    for letter in unescape(text[5]):
        places.append(f"{at:.1f}")
        at += CELL * max(0, width(letter))
    return f'{text[1]}x="{" ".join(places)}"{text[3]}{text[4]}>{text[5]}'


def main(names: Sequence[str]) -> None:
    """Draw everything, or what is named, in user directories that are thrown away."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    pictures = [one for one in PICTURES if not names or one.name in names]
    with tempfile.TemporaryDirectory() as home:
        for variable in ("CACHE", "CONFIG", "STATE", "DATA"):
            os.environ[f"TRACEVIEW_{variable}_DIR"] = str(Path(home, variable.lower()))
        asyncio.run(draw(pictures))


if __name__ == "__main__":
    main(sys.argv[1:])
