"""`store`: is it whole, and fewer and larger parts."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from traceview.cli.settings import json_option


@click.group("store")
def command_store() -> None:
    """Upkeep of a store: the directory that `import` and `listen` write."""


_STORE = click.argument("store", type=click.Path(path_type=Path), metavar="STORE")


@command_store.command("check")
@_STORE
@click.option("--whole", is_flag=True, help="Read every text too, not only what lists are made of.")
@json_option
def store_check(store: Path, whole: bool, as_json: bool) -> int:
    """Is every file whole and in its place? Exit code 1 if something is wrong; what to do is said."""
    from traceview.cli.output import json_line, say
    from traceview.ingest.checking import check_store
    from traceview.text import human
    from traceview.text.safe import safe_line

    report = check_store(store.expanduser().absolute(), whole=whole)
    if as_json:
        click.echo(json_line(report.as_json()))
        return report.exit_code
    for finding in report.findings:
        where = f"{safe_line(finding.file)} " if finding.file else ""
        click.echo(f"{'wrong' if finding.wrong else 'note'}: {where}{safe_line(finding.what)}")
        if finding.advice:
            click.echo(f"  {finding.advice}")
    say(
        f"{report.spans:,} spans in {report.parts:,} parts, {report.score_files:,} files of scores, "
        f"{human.size(report.bytes)}: {'something is wrong' if report.exit_code else 'good'}"
    )
    return report.exit_code


@command_store.command("compact")
@_STORE
@json_option
def store_compact(store: Path, as_json: bool) -> None:
    """Merge small parts into large sorted ones, of every span its newest version.

    Others may read the store and write to it meanwhile, and it may be killed at any time. Files that were merged are
    removed once nobody has the store open.
    """
    from traceview.cli.output import json_line, say
    from traceview.ingest.compaction import compact
    from traceview.text import human

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\rmerge {done:,} of {of:,}\x1b[K" if done < of else "\r\x1b[K", err=True, nl=False)

    path = store.expanduser().absolute()
    report = compact(
        path,
        on_merge=show,
        on_wait=lambda process: say(f"waiting for process {process or 'unknown'}, which writes to {path}"),
    )
    if as_json:
        click.echo(json_line(report.as_json()))
        return
    say(
        f"{report.files_before:,} files, {human.size(report.bytes_before)}, are now {report.files_after:,}, "
        f"{human.size(report.bytes_after)}"
    )
    if report.dropped:
        say(f"{report.dropped:,} earlier versions are gone")
    if report.kept:
        say(
            f"{report.kept:,} merged files are still there for whoever has the store open; "
            "the next import or compaction removes them"
        )
    if report.broken:
        say(f"{report.broken:,} parts cannot be read: traceview store check {path}")
