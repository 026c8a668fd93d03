"""`cache`: what the cache holds and how to clear it."""

from __future__ import annotations

import click

from traceview.cli.settings import json_option


@click.group("cache")
def command_cache() -> None:
    """The cache: converted sources and indexes. It holds your traces' texts; deleting it loses nothing."""


@command_cache.command("list")
@json_option
def cache_list(as_json: bool) -> None:
    """What the cache holds, with sizes."""
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.files.cache import cache_entries
    from traceview.files.dirs import cache_dir
    from traceview.text import human

    entries = cache_entries()
    rows = [
        {
            "name": entry.name,
            "bytes": entry.bytes,
            "files": entry.files,
            "modified": human.rfc3339(entry.modified_ns),
        }
        for entry in entries
    ]
    if as_json:
        print_json_lines(rows)
        return
    print_table(rows, ("name", "bytes", "files", "modified"))
    say(f"{len(entries):,} entries, {human.size(sum(entry.bytes for entry in entries))} in {cache_dir()}")


@command_cache.command("clear")
def cache_clear() -> None:
    """Delete everything in the cache. Sources, labels and definitions are not touched."""
    from traceview.cli.output import say
    from traceview.files.cache import clear_cache
    from traceview.files.dirs import cache_dir
    from traceview.text import human

    cleared = clear_cache()
    say(f"cleared {cleared.entries:,} entries, {human.size(cleared.bytes)}, from {cache_dir()}")
    for name, reason in cleared.kept:
        say(f"kept {name}: {reason}")
