"""Exports what a list shows or has marked: asks for format and path, and writes in a worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.tui.screens.path_dialog import PathDialog

if TYPE_CHECKING:
    from traceview.exports.base import ExportReport
    from traceview.filters.ast import Node
    from traceview.model.labels import TargetKind
    from traceview.store.interface import CancelToken
    from traceview.tui.context import AppContext
    from traceview.tui.marks import Marks
    from traceview.tui.screens.base import TraceviewScreen

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


class ExportWish(Struct, frozen=True):
    """What was asked for."""

    format: str
    path: Path


class ExportScreen(PathDialog):
    """Asks for a path; what it ends in says the format."""

    VERB = "Export"
    ENDINGS = tuple(FORMATS)
    ADVICE = "Beside it goes the same name with .meta.json: filter, source and definitions of these rows."


def ask_export(
    screen: TraceviewScreen,
    what: str,
    kind: TargetKind,
    node: Node | None,
    marks: Marks | None,
    all_targets: bool,
) -> None:
    """Ask for a path and write what `what` names; the screen that asked says what became of it."""

    def chosen(path: Path | None) -> None:
        if path is None:
            return
        wish = ExportWish(FORMATS[path.suffix.lower()], path)
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

    Rows marked one by one are written whether or not they match the filter that is on now. A file that exists was
    confirmed to be replaced.
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
        force=True,
    )
