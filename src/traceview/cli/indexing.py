"""`index`: the index file of a source, made before anybody waits for it, or removed."""

from __future__ import annotations

import click

from traceview.cli.settings import Settings, json_option, prompt_file_option, source_options


@click.command("index")
@click.argument("source")
@source_options
@prompt_file_option
@click.option("--drop", is_flag=True, help="Remove the index files of this source instead.")
@json_option
@click.pass_obj
def command_index(
    settings: Settings, source: str, mapping: tuple[str, ...], drop: bool, as_json: bool
) -> None:
    """Make the index of a large source now, so that it opens at once.

    Whoever opens a source makes its index in the background; this does nothing else, as fast as it can. It is kept in
    the cache, under what the source is now: a file that was rewritten gets another one.
    """
    from traceview.cli.opening import (
        Progress,
        load_definitions,
        load_prompt_files,
        overrides_for,
        remember_mapping,
        saying_that_files_are_looked_at,
    )
    from traceview.cli.output import json_line, say
    from traceview.store.indexing import drop_index, make_index
    from traceview.text import human

    project = load_definitions(settings, (source,))
    overrides = overrides_for((source,), mapping, project)
    if drop:
        freed = drop_index((source,), overrides)
        if as_json:
            click.echo(json_line({"dropped_bytes": freed}))
        else:
            say(f"removed {human.size(freed)}" if freed else "there is no index file of this source")
        return
    with saying_that_files_are_looked_at():
        made = make_index(
            (source,),
            overrides=overrides,
            prices=project.prices,
            prompt_files=load_prompt_files(settings, project),
            on_progress=Progress(),
        )
    remember_mapping((source,), mapping, project)
    if as_json:
        click.echo(
            json_line(
                {
                    "file": None if made.file is None else str(made.file),
                    "made": made.made,
                    "bytes": made.bytes,
                    "spans": made.spans,
                    "traces": made.traces,
                    "threads": made.threads,
                    "seconds": round(made.seconds, 3),
                }
            )
        )
        return
    held = f"{made.spans:,} spans, {made.traces:,} traces, {made.threads:,} threads"
    if made.file is None:
        say(f"{held}: so few are indexed whenever they are opened, and need no file")
        return
    took = (
        f"made in {made.seconds:.1f} s, {made.spans / made.seconds:,.0f} spans/s"
        if made.made
        else "was there"
    )
    say(f"{held}; {took}; {human.size(made.bytes)} in {made.file}")
