"""`sql`: read-only SQL over spans, traces, threads and scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from traceview.cli.settings import Settings, json_option, label_options, prompt_file_option, source_options


@click.command("sql")
@click.argument("source")
@click.argument("statement")
@source_options
@prompt_file_option
@label_options
@click.option("-n", "--limit", type=click.IntRange(min=0), help="At most so many rows (50 on a terminal).")
@json_option
@click.pass_obj
def command_sql(
    settings: Settings,
    source: str,
    statement: str,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Run one SELECT over the views spans, traces, threads and scores.

    Their columns are those of `spans --json`, `traces --json`, `threads --json` and `labels list --json`.
    """
    from traceview.cli.opening import opened
    from traceview.cli.output import limit_or_default, print_json_lines, print_table, say

    with opened(settings, (source,), mapping=mapping, labels=labels, annotator=annotator) as opened_source:
        if "score" in statement.lower():
            opened_source.say_unlabelled()
        result = opened_source.engine.sql(statement)
        names = unique_names(result.columns)
        cap = limit_or_default(limit, as_json)
        more = False

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal more
            for number, values in enumerate(result.rows):
                if cap is not None and number >= cap:
                    more = True
                    return
                yield dict(zip(names, values, strict=True))

        shown = print_json_lines(rows()) if as_json else print_table(rows(), names)
        if more:
            say(f"the first {shown:,} rows; --limit shows more")


def unique_names(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Column names with a number where one repeats, so that no value is lost in a JSON object."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        names.append(column if seen[column] == 1 else f"{column}_{seen[column]}")
    return tuple(names)
