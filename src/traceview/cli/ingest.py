"""`import`: any source into a store."""

from __future__ import annotations

from pathlib import Path

import click

from traceview.cli.settings import Settings, json_option, source_options


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
) -> None:
    """Read sources into a store: a directory of Parquet parts. What is there already is not read again."""
    from traceview.cli.output import json_line, say
    from traceview.cli.settings import parse_mapping
    from traceview.ingest.importer import import_sources

    report = import_sources(sources, store, overrides=parse_mapping(mapping))
    if as_json:
        click.echo(json_line(report.as_json()))
        return
    for sentence in report.sentences():
        say(sentence)
