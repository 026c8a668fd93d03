"""`import`: any source into a store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from traceview.cli.settings import Settings, json_option, source_options

if TYPE_CHECKING:
    from traceview.ingest.importer import Progress


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--to", "store", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="STORE"
)
@source_options
@json_option
@click.pass_obj
def command_import(
    settings: Settings, sources: tuple[str, ...], store: Path, mapping: tuple[str, ...], as_json: bool
) -> int:
    """Read sources into a store: a directory of Parquet parts, with their scores.

    What is there already is not written again; of a span that has changed the newest counts. Interrupt it at any time:
    run it again and it goes on. Exit code 2 if a source that was named is not there or could not be read.
    """
    from traceview.cli.opening import load_definitions, overrides_for, remember_mapping
    from traceview.cli.output import json_line, say
    from traceview.ingest.importer import import_sources
    from traceview.sources.freed_memory import keep_freed_memory

    keep_freed_memory()
    project = load_definitions(settings, sources)
    line = _Line() if sys.stderr.isatty() else None
    try:
        report = import_sources(
            sources,
            store,
            overrides=overrides_for(sources, mapping, project),
            on_progress=line.show if line is not None else None,
            on_wait=lambda process: say(
                f"waiting for process {process or 'unknown'}, which writes to {store}"
            ),
        )
    except KeyboardInterrupt:
        if line is not None:
            line.clear()
        say("interrupted: what was written is whole; run it again to go on")
        raise
    if line is not None:
        line.clear()
    remember_mapping(sources, mapping, project)
    if as_json:
        click.echo(json_line(report.as_json()))
    else:
        for sentence in report.sentences():
            say(sentence)
    return report.exit_code


class _Line:
    """The progress on one line of the terminal: bytes of bytes, spans, spans a second."""

    _SECONDS = 0.2

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._began = self._clock()
        self._shown = 0.0

    def show(self, progress: Progress) -> None:
        """Show it, unless it was shown just now."""
        from traceview.text import human

        now = self._clock()
        if now - self._shown < self._SECONDS:
            return
        self._shown = now
        rate = progress.spans / max(now - self._began, 1e-3)
        click.echo(
            f"\r{human.size(progress.bytes)} of {human.size(progress.total_bytes)}, {progress.spans:,} spans, "
            f"{rate:,.0f} a second\x1b[K",
            err=True,
            nl=False,
        )

    def clear(self) -> None:
        """Remove the line."""
        click.echo("\r\x1b[K", err=True, nl=False)
