"""Exports what a list shows or has marked: asks for format and path, and writes in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from traceview.text.safe import safe_line
from traceview.tui.dialog import Dialog
from traceview.tui.widgets.lines import Lines, wrapped
from traceview.tui.widgets.safe_input import SafeInput

if TYPE_CHECKING:
    from traceview.exports.base import ExportReport
    from traceview.filters.ast import Node
    from traceview.model.labels import TargetKind
    from traceview.store.interface import CancelToken
    from traceview.tui.context import AppContext
    from traceview.tui.marks import Marks
    from traceview.tui.screens.base import TraceviewScreen

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What was asked for."""

    format: str
    path: Path
    replace: bool


class ExportScreen(Dialog[ExportWish]):
    """Asks for a path; what it ends in says the format."""

    DEFAULT_CSS = """
    ExportScreen {
        & Lines { height: 1; background: $surface; }
        & #export-said { height: 3; margin: 1 0 0 0; }
        & Input, & Input:focus { border: none; height: 1; padding: 0 1; margin: 1 0 0 0; background: $background; }
    }
    """

    def __init__(self, what: str, suggested: str) -> None:
        super().__init__()
        self._what = what
        self._suggested = suggested
        self._confirmed: Path | None = None

    def compose(self) -> ComposeResult:
        """What is exported, the path, what is wrong with it."""
        with Vertical(id="dialog"):
            yield Lines(id="export-what")
            yield SafeInput(self._suggested, id="export-path", select_on_focus=False)
            yield Lines(id="export-said")

    def on_mount(self) -> None:
        """Say what will be written."""
        self.query_one("#export-what", Lines).show([[("Export ", "title"), (self._what, None)]])

    @on(Input.Submitted)
    def write(self, message: Input.Submitted) -> None:
        """Take the path if it can be written; ask once more before a file is replaced."""
        message.stop()
        path = Path(message.value.strip()).expanduser()
        chosen = FORMATS.get(path.suffix.lower())
        if chosen is None:
            self._say("✗ The name must end in .jsonl, .csv or .parquet.", "error")
        elif not path.parent.is_dir():
            self._say(f"✗ There is no folder {path.parent}.", "error")
        elif path.exists() and self._confirmed != path:
            self._confirmed = path
            self._say("This file exists. Enter again replaces it, Esc leaves.", "warning")
        else:
            self.dismiss(ExportWish(chosen, path, path.exists()))

    @on(Input.Changed)
    def show_place(self, message: Input.Changed) -> None:
        """Say where the file would be."""
        message.stop()
        path = Path(message.value.strip()).expanduser()
        ending = "" if path.suffix.lower() in FORMATS else "  (.jsonl .csv .parquet)"
        self._say(f"Enter writes {path.absolute()}{ending}", "dim")

    def _say(self, sentence: str, part: str) -> None:
        said = self.query_one("#export-said", Lines)
        said.show(wrapped(safe_line(sentence), max(8, said.size.width or 60), part, 3))


def ask_export(
    screen: TraceviewScreen,
    what: str,
    kind: TargetKind,
    node: Node | None,
    marks: Marks | None,
    all_targets: bool,
) -> None:
    """Ask for a path and write what `what` names; the screen that asked says what became of it."""

    def chosen(wish: ExportWish | None) -> None:
        if wish is None:
            return
        screen.say(f"Writing {wish.path} …")
        screen.ask(
            "export",
            lambda token: write_export(screen.context, wish, kind, node, marks, all_targets, token),
            lambda report: screen.say(
                f"{'✓ ' if report.rows else ''}{report.sentence}; in {report.path}", error=not report.rows
            ),
        )

    screen.app.push_screen(ExportScreen(what, f"{kind}s.jsonl"), chosen)


def write_export(
    context: AppContext,
    wish: ExportWish,
    kind: TargetKind,
    node: Node | None,
    marks: Marks | None,
    all_targets: bool,
    token: CancelToken,
) -> ExportReport:
    """Write the targets that match (with `marks` only the marked ones) and have a label, or all; runs in a worker.

    Rows marked one by one are written whether or not they match the filter that is on now.
    """
    from traceview.exports.base import ExportOrigin, export
    from traceview.exports.rows import export_rows
    from traceview.filters.printer import to_text
    from traceview.model.labels import Target

    engine, annotator = context.engine, context.annotator
    labels = annotator.store.current() if annotator is not None else ()
    labelled = None if all_targets else {row.target for row in labels}
    if marks is not None and not marks.all_but:
        only = [Target(kind, row_id, row_id if kind == "trace" else None) for row_id in marks.ids]
        rows = export_rows(engine, [kind], None, only=only, token=token)
    else:
        rows = export_rows(engine, [kind], node, only=labelled, token=token)
    if marks is not None:
        rows = (row for row in rows if row["target_id"] in marks)
    info = engine.info(token)
    return export(
        wish.format,
        rows,
        wish.path,
        labels=labels,
        origin=ExportOrigin(
            filter=to_text(node) if node is not None else "",
            source=info.files,
            identity=info.identity,
            labels=str(annotator.store.path) if annotator is not None else None,
        ),
        all_targets=all_targets,
        force=wish.replace,
    )
