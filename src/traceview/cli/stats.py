"""`stats`: figures of groups of traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import (
    Settings,
    filter_option,
    json_option,
    label_options,
    prompt_file_option,
    source_options,
)

if TYPE_CHECKING:
    from traceview.store.interface import Row, Stats

FIGURES: tuple[str, ...] = (
    "unit",
    "n",
    "units",
    "spans",
    "errors",
    "failed",
    "error_rate",
    "error_ci95",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "ttft_p50_ms",
    "ttft_p95_ms",
    "input_tokens",
    "output_tokens",
    "cache_read_share",
    "cost_usd",
    "uncosted",
    "scores",
    "filter",
)
"""The figures of a group as JSON prints them, behind its fields."""

LEFT_OUT_FIRST = ("cached", "ttft_p95_ms", "p99_ms", "output_tokens", "input_tokens", "errors", "ttft_p50_ms")
"""Columns that a narrow terminal does without, in this order; then the rates of scores, from the right."""

UNITS = {"traces": "traces", "calls": "model calls", "tools": "tool calls", "spans": "spans"}
NO_VALUE = "(none)"


@click.command("stats")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@source_options
@prompt_file_option
@label_options
@filter_option
@click.option(
    "-b",
    "--by",
    metavar="FIELD,...",
    default="",
    help="Group by model, provider, prompt, version, name, tool, user, thread, status, kind, attr.KEY, ...",
)
@click.option(
    "--over", type=click.Choice(("hour", "day", "week")), help="A row for each stretch of local time."
)
@click.option("-n", "--limit", type=click.IntRange(min=0), help="At most so many groups (50 on a terminal).")
@json_option
@click.pass_obj
def command_stats(
    settings: Settings,
    sources: tuple[str, ...],
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    filter_text: str,
    by: str,
    over: Any,
    limit: int | None,
    as_json: bool,
) -> None:
    """Errors, durations, tokens, cost and pass rates of groups of traces, the largest group first.

    n counts traces. Durations and failures are those of model calls where the grouping has a model, of tool calls
    where it has a tool, else of traces: each row says so. docs/stats.md says what every figure is.
    """
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import limit_or_default, print_json_lines, print_table, say, say_shown
    from traceview.store.stats import chosen_fields

    node = parse_filter(filter_text)
    fields = chosen_fields([name.strip() for name in by.split(",") if name.strip()])
    names = [field.label for field in fields]
    keys = [*names, over] if over else names
    with opened(settings, sources, mapping=mapping, labels=labels, annotator=annotator) as source:
        source.check(node, filter_text, "traces")
        found = source.engine.stats(node, names, over, limit_or_default(limit, as_json))
        if as_json:
            told = ("prompt_inferred",) if any("prompt_inferred" in row for row in found.rows) else ()
            print_json_lines({name: row[name] for name in (*keys, *told, *FIGURES)} for row in found.rows)
        else:
            rows = list(table_rows(found.rows, keys))
            columns = columns_of(found.rows, keys)
            heads = {column: head_of(column) for column in columns}
            shown = fitting(columns, rows, terminal_width(), heads)
            print_table(rows, shown, heads)
            if len(shown) < len(columns):
                hidden = [column for column in columns if column not in shown]
                say(f"{len(shown)} of {len(columns)} columns fit; --json has {', '.join(hidden)}")
            if found.rows:
                say(sentence(found))
        say_shown(len(found.rows), found.groups, "groups")
        if node is not None:
            source.say_matches(node, "traces", found.traces)


def sentence(found: Stats) -> str:
    """What was counted, for below the table."""
    unit = UNITS[found.rows[0]["unit"]]
    text = f"{found.traces:,} traces; failures and durations of {unit}"
    if found.overlapping:
        text += "; a trace can be in several groups, so the sum of n is larger"
    return text


def score_keys(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Names and sources of the scores of some rows, in order."""
    return sorted(
        {(name, source) for row in rows for name, sources in row["scores"].items() for source in sources}
    )


def columns_of(rows: Sequence[Row], keys: Sequence[str]) -> list[str]:
    """The columns of the table: figures that no row has are left out."""
    counted = ["n"] if not rows or rows[0]["unit"] == "traces" else ["n", rows[0]["unit"]]
    figures = ["errors", "failed", "p50_ms", "p95_ms", "p99_ms", "ttft_p50_ms", "ttft_p95_ms"]
    figures += ["input_tokens", "output_tokens", "cached", "cost_usd"]
    source = {"cached": "cache_read_share", "failed": "error_rate"}
    kept = [name for name in figures if any(row[source.get(name, name)] is not None for row in rows)]
    return [*keys, *counted, *kept, *(f"{name} ({by})" for name, by in score_keys(rows))]


def terminal_width() -> int | None:
    """The cells of a line; None where nothing has to fit."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def head_of(column: str) -> str:
    """The heading of a column: what an interval is, and that errors are of spans whatever the units are."""
    from traceview.cli.output import heading

    if column == "errors":
        return "error spans"
    return f"{column} 95% CI" if column == "failed" or column.endswith(")") else heading(column)


def fitting(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    width: int | None,
    heads: Mapping[str, str],
) -> list[str]:
    """The columns that fit a line whole: figures are left out rather than cut."""
    from traceview.cli.output import cell
    from traceview.text.cells import width as cells

    shown = list(columns)
    if width is None:
        return shown
    widths = {
        one: max([cells(heads[one]), *(cells(cell(one, row.get(one))) for row in rows)]) for one in columns
    }
    scores = [one for one in reversed(columns) if one.endswith(")")]
    for column in (*LEFT_OUT_FIRST, *scores):
        if sum(widths[one] + 2 for one in shown) - 2 <= width:
            break
        if column in shown:
            shown.remove(column)
    return shown


def table_rows(rows: Sequence[Row], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Groups as the table shows them."""
    from traceview.store.prompts import told

    scores = score_keys(rows)
    for row in rows:
        line = {key: NO_VALUE if row[key] is None else row[key] for key in keys}
        if row.get("prompt_inferred") and "prompt_version" in line:
            line["prompt_version"] = told(row["prompt_version"], row["prompt_inferred"])
        line |= {name: row[name] for name in FIGURES if name not in ("scores", "filter", "unit", "failed")}
        line[row["unit"]] = row["units"] if row["unit"] != "spans" else row["spans"]
        line["failed"] = with_interval(row["error_rate"], row["error_ci95"])
        line["cached"] = None if row["cache_read_share"] is None else f"{row['cache_read_share']:.0%}"
        for name, source in scores:
            line[f"{name} ({source})"] = rate_cell(row["scores"].get(name, {}).get(source))
        yield line


def rate_cell(one: Mapping[str, Any] | None) -> str:
    """A pass rate with its interval and how many were scored: `92% 81–97 n 48`."""
    if one is None or not one["n"]:
        return ""
    return f"{with_interval(one['rate'], one['ci95'])} n {one['n']:,}"


def with_interval(rate: float | None, interval: tuple[float, float] | None) -> str:
    """A rate and its interval in percent: `6.1% 5.0–7.3`."""
    if rate is None or interval is None:
        return ""
    from traceview.text import human

    return f"{human.share(rate)} {human.interval(interval)}"
