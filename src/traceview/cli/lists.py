"""`info`, `traces`, `spans` and `threads`: what a source holds, as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    from traceview.cli.opening import Opened
    from traceview.store.interface import Level, ListQuery, Row, Selection, SortKey

PAGE = 1024
LISTED = 20
"""Values of one line of `info` for people."""
TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "traces": (
        "start_time",
        "trace_id",
        "name",
        "status",
        "duration_ms",
        "spans",
        "errors",
        "tokens",
        "cost_usd",
        "prompt_versions",
        "input_preview",
        "output_preview",
    ),
    "spans": (
        "start_time",
        "trace_id",
        "span_id",
        "kind",
        "name",
        "status",
        "duration_ms",
        "model",
        "tokens",
        "cost_usd",
        "prompt_version",
        "error_message",
    ),
    "threads": (
        "start_time",
        "thread_id",
        "traces",
        "spans",
        "errors",
        "tokens",
        "cost_usd",
        "first_input",
        "last_output",
    ),
}


def list_options(command: Any) -> Any:
    """Filter, sort, limit and columns of a list."""
    for option in (
        click.option(
            "--columns", metavar="A,B,...", help="The columns to print, also attr.KEY and score.NAME."
        ),
        click.option(
            "-n", "--limit", type=click.IntRange(min=0), help="At most so many rows (50 on a terminal)."
        ),
        click.option(
            "-s", "--sort", "sort", metavar="K", help="Sort by a field; -K for descending. Newest first."
        ),
        filter_option,
    ):
        command = option(command)
    return command


@click.command("info")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@source_options
@prompt_file_option
@json_option
@click.pass_obj
def command_info(
    settings: Settings, sources: tuple[str, ...], mapping: tuple[str, ...], as_json: bool
) -> None:
    """Format, counts, time range, models, prompt versions, and what was skipped and why."""
    from traceview.cli.opening import opened
    from traceview.cli.output import json_line, print_fields
    from traceview.cli.shapes import info_json
    from traceview.text import human
    from traceview.text.safe import safe_line

    with opened(settings, sources, mapping=mapping, want_labels=False) as source:
        facts = info_json(source.engine.info())
        if as_json:
            click.echo(json_line(facts))
            return
        skipped = facts.pop("skipped")
        listed = facts.pop("thread_ids")
        columns, not_read = facts.pop("mapping"), facts.pop("not_read")
        remembered = source.project.mapping_of(sources)
        known, calls = facts.pop("cost_known_calls"), facts.pop("calls")
        costs = facts.pop("model_costs")
        told = []
        if known < calls:
            told.append(f"known of {known:,} of {calls:,} calls")
        if computed := sum(one["computed"] for one in costs):
            told.append(f"{computed:,} computed from prices")
        if told:
            facts["cost_usd"] = f"{human.money(facts['cost_usd'])} ({'; '.join(told)})"
        brought = facts.pop("scores")
        if brought:
            facts["scores"] = [
                f"{one['name']} {one['count']:,} ({one['by']}, on {one['target']}s)" for one in brought
            ]
        unpriced = [one["model"] for one in costs if one["unknown"] and one["model"] and not one["price_of"]]
        if unpriced:
            facts["without_price"] = [f"{model} (traceview prices)" for model in unpriced]
        facts["spans_by_kind"] = [f"{kind} {count:,}" for kind, count in facts["spans_by_kind"].items()]
        files = facts.pop("files")
        facts["definitions"] = source.project.sentence.removeprefix("definitions: ")
        print_fields(
            [
                *((name, _first_of(name, value)) for name, value in facts.items()),
                *(("" if index else "files", path) for index, path in enumerate(files[:LISTED])),
            ]
        )
        if len(files) > LISTED:
            click.echo(f"and {len(files) - LISTED:,} more files (--json has all)")
        if len(listed) < facts["threads"]:
            click.echo(f"thread ids: --json lists the first {len(listed)} of {facts['threads']:,}")
        if columns:
            renamed = {field: column for field, column in columns.items() if column != field}
            own = len(columns) - len(renamed)
            others = f"; {own:,} more under their own names" if renamed and own else ""
            if renamed:
                click.echo(f"\ncolumns read (--map FIELD=COLUMN corrects them{others})")
                print_fields((f"  {field}", column) for field, column in renamed.items())
            else:
                click.echo(f"\ncolumns read under their own names: {own:,}")
            if not_read:
                click.echo(
                    f"\nother columns, kept as attributes (attr.NAME): {', '.join(map(safe_line, not_read))}"
                )
            if remembered:
                pairs = ", ".join(f"{name} = {column or '(left out)'}" for name, column in remembered.items())
                click.echo(f"\nremembered in {source.project.path}: {safe_line(pairs)}")
        click.echo(f"\nskipped  {sum(entry['count'] for entry in skipped):,}")
        for reason, places in grouped(skipped):
            count = sum(entry["count"] for entry in places)
            first = places[0]["where"] or ""
            more = f" and {len(places) - 1:,} more (--json has all)" if len(places) > 1 else ""
            print_fields([(f"  {count:,}", f"{reason}  {first}{more}")])


def grouped(skipped: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """What was skipped by its reason, in the order in which the reasons came."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in skipped:
        found.setdefault(entry["reason"], []).append(entry)
    return list(found.items())


def _first_of(name: str, value: Any) -> Any:
    """A list that is too long for people, cut, with the number of those that are left out."""
    from traceview.cli.output import cell

    if not isinstance(value, list) or len(value) <= LISTED:
        return value
    return f"{cell(name, value[:LISTED])} and {len(value) - LISTED:,} more (--json has all)"


def _command(level: Level, words: str, more: Callable[[Any], Any] = lambda command: command) -> click.Command:
    """The command of a list: `words` are its help, `more` declares the options that only it has."""

    @click.command(level, help=words)
    @click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
    @source_options
    @prompt_file_option
    @label_options
    @list_options
    @more
    @json_option
    @click.pass_obj
    def command(settings: Settings, /, sources: tuple[str, ...], **options: Any) -> None:
        _list(level, settings, sources, **options)

    return command


command_traces = _command("traces", "Traces, newest first.")
command_threads = _command("threads", "Threads (conversations), newest first.")
command_spans = _command(
    "spans",
    "Spans, newest first.",
    click.option(
        "--payload", is_flag=True, help="With input, output, messages, documents, tool, attributes, events."
    ),
)


def _list(
    level: Level,
    settings: Settings,
    sources: tuple[str, ...],
    *,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    filter_text: str,
    sort: str | None,
    limit: int | None,
    columns: str | None,
    as_json: bool,
    payload: bool = False,
) -> None:
    """Print one list, in pages, so that memory does not grow with it."""
    from traceview.cli.facts import derived
    from traceview.cli.open_columns import is_open, open_cell, open_values
    from traceview.cli.opening import opened, parse_filter
    from traceview.cli.output import limit_or_default, print_json_lines, print_table
    from traceview.store.interface import ListQuery, asks_for
    from traceview.store.row_json import COLUMNS, payload_json, row_json

    query = ListQuery(level, parse_filter(filter_text), parse_sort(level, sort))
    chosen = parse_columns(level, columns)
    with opened(settings, sources, mapping=mapping, labels=labels, annotator=annotator) as source:
        source.check(query.filter, filter_text, level)
        if any(name.startswith("score") for name in (*(chosen or ()), *(key.field for key in query.sort))):
            source.say_unlabelled()
        names = chosen or (COLUMNS[level] if as_json else TABLE_COLUMNS[level])
        if level == "traces" and ("unsourced" in names or asks_for("unsourced", query)):
            derived(source.engine, "unsourced")
            names = names if chosen else (*names, "unsourced")
        selection = source.engine.select(query)
        shown = (
            len(selection) if (cap := limit_or_default(limit, as_json)) is None else min(cap, len(selection))
        )

        named = [name for name in names if is_open(name)]
        # a table says which costs are the least of a sum
        read = names if as_json or payload else (*names, "uncosted")

        def for_people(row: dict[str, Any]) -> dict[str, Any]:
            return row | {name: open_cell(name, row[name]) for name in named}

        def rows() -> Iterator[dict[str, Any]]:
            for page in pages(source, selection, shown):
                payloads = source.engine.payloads(page) if payload else None
                more = open_values(source.engine, level, page, named, payloads)
                for index, row in enumerate(page):
                    shape = row_json(row, read) | more[index]
                    if payloads is not None:
                        shape |= payload_json(payloads[index])
                    yield shape

        if as_json or payload:
            print_json_lines(rows())
        else:
            print_table(map(for_people, rows()), names)
        source.say_matches(query.filter, level, len(selection), shown)


def pages(source: Opened, selection: Selection, count: int) -> Iterator[tuple[Row, ...]]:
    """The first `count` rows of a selection, a page at a time."""
    for offset in range(0, count, PAGE):
        yield source.engine.rows(selection, offset, min(PAGE, count - offset)).rows


def all_rows(source: Opened, query: ListQuery) -> Iterator[Row]:
    """Every row of a query, fetched a page at a time."""
    selection = source.engine.select(query)
    for page in pages(source, selection, len(selection)):
        yield from page


def parse_sort(level: Level, text: str | None) -> tuple[SortKey, ...]:
    """`cost,-latency` as sort keys. Raises BadInput with the nearest field of the list."""
    from traceview.store.interface import SortKey

    keys = []
    for entry in (text or "").split(","):
        name = entry.strip().lstrip("-+")
        if name:
            keys.append(SortKey(_sort_name(level, name), descending=entry.strip().startswith("-")))
    return tuple(keys)


def parse_columns(level: Level, text: str | None) -> tuple[str, ...]:
    """`--columns` as canonical names, short forms accepted. Raises BadInput with the nearest name."""
    names = [entry.strip() for entry in (text or "").split(",") if entry.strip()]
    return tuple(_open_name(level, name, "--columns") for name in names)


def _sort_name(level: Level, name: str) -> str:
    """A column, or of traces and threads an attribute or a score."""
    return (_field_name if level == "spans" else _open_name)(level, name, "--sort")


def _open_name(level: Level, name: str, option: str) -> str:
    """A column, or an attribute or a score as the lists of the app show them."""
    from traceview.model.fields import column_name

    if name.partition(".")[0] in ("attr", "score"):
        return column_name(level, name) or _field_name(level, name, option)
    return _field_name(level, name, option)


def _field_name(level: Level, name: str, option: str) -> str:
    from difflib import get_close_matches

    from traceview.model.errors import BadInput
    from traceview.model.fields import FIELD_BY_NAME, columns_of
    from traceview.store.row_json import COLUMNS

    field = FIELD_BY_NAME.get(name)
    known = {entry.name for entry in columns_of(level)}
    known |= set(COLUMNS[level])
    if field is not None and field.name in known:
        return field.name
    if name in known:
        return name
    known |= {alias for entry in columns_of(level) for alias in entry.aliases}
    near = get_close_matches(name, sorted(known), n=1)
    raise BadInput(
        f"{option}: {level} have no column {name!r}",
        hint=f"Did you mean {near[0]}?"
        if near
        else f"Columns: {', '.join(sorted(known))}, attr.KEY, score.NAME",
    )
