"""`prices`: what model calls cost, and which models of a source have no price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, source_options

if TYPE_CHECKING:
    from traceview.definitions.prices import Price

RATES = ("input", "output", "cache_read", "cache_write")
COLUMNS = ("model", "above", *RATES, "batch", "from")
OF_SOURCE = ("model", "calls", "input_tokens", "output_tokens", "cost_usd", "computed", "unknown", "price_of")


@click.command("prices")
@click.argument("sources", nargs=-1, metavar="[SOURCE...]")
@source_options
@json_option
@click.pass_obj
def command_prices(
    settings: Settings, sources: tuple[str, ...], mapping: tuple[str, ...], as_json: bool
) -> None:
    """What model calls cost, in dollars per million tokens; with SOURCE, which price each of its models has.

    [prices."MODEL"] in traceview.toml replaces a price or adds one. Costs that a source records are kept; others are
    computed from these prices, and those of models without a price are unknown, never zero. Exit code 1 if a model
    of SOURCE has no price.
    """
    from traceview.cli.opening import load_definitions, opened
    from traceview.cli.output import print_json_lines, print_table, say
    from traceview.definitions.prices import shipped

    if not sources:
        prices = load_definitions(settings, ()).prices
        table = shipped()
        own = set(prices.own)
        rows = [row for price in prices.own.values() for row in _rows(price, "traceview.toml")]
        rows += [
            row for name, price in table.prices.items() if name not in own for row in _rows(price, "shipped")
        ]
        if as_json:
            print_json_lines([row | {"date": table.date} for row in rows])
            return
        print_table(rows, COLUMNS)
        say(f"{len(table.prices):,} shipped prices as of {table.date}: {table.source}")
        say(f"{len(own):,} of traceview.toml; dollars per million tokens")
        return
    with opened(settings, sources, mapping=mapping, want_labels=False) as source:
        info = source.engine.info()
        rows = [{name: getattr(one, name) for name in OF_SOURCE} for one in info.model_costs]
        if as_json:
            print_json_lines(rows)
        else:
            print_table(rows, OF_SOURCE)
            say(
                f"prices as of {shipped().date}; {info.cost_calls:,} of {info.calls:,} calls have a known cost"
            )
        missing = [one for one in info.model_costs if one.unknown and one.model and one.price_of is None]
        for one in missing:
            say(
                f"no price for {one.model} ({one.unknown:,} calls): write into traceview.toml  "
                f'[prices."{one.model}"]  input = ...  output = ...'
            )
        without_tokens = sum(one.unknown for one in info.model_costs) - sum(one.unknown for one in missing)
        if without_tokens:
            say(f"{without_tokens:,} calls without a known cost name no model or no tokens")
    if missing:
        click.get_current_context().exit(1)


def _rows(price: Price, origin: str) -> list[dict[str, Any]]:
    """A line for each band of a price."""
    return [
        {"model": price.model, "above": band.above or None}
        | {rate: getattr(band, rate) for rate in RATES}
        | {"batch": price.batch, "from": origin}
        for band in price.bands
    ]
