"""What calls cost: as recorded, else by the price table; and sums of costs that are not known of every call."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.definitions.prices import TIERS, Band, names_of
from traceview.store.duck.connection import Database, text
from traceview.store.interface import CancelToken

_BAND = "STRUCT(above BIGINT, input DOUBLE, output DOUBLE, cache_read DOUBLE, cache_write DOUBLE)"


def describe_models(
    database: Database, work: str, token: CancelToken | None = None, spans: str | None = None
) -> None:
    """Make the table `models` of a schema: one row for every model of its table `base`, or of `spans`.

    `name` is the model's without provider and date; `bands` are NULL where it has no price.
    """
    table = spans or f"{work}.base"
    models = database.fetch(
        f"SELECT model FROM {table} WHERE model IS NOT NULL "
        f"UNION SELECT model_requested FROM {table} WHERE model_requested IS NOT NULL",
        token=token,
    )
    database.execute(
        f"CREATE TABLE {work}.models (model VARCHAR, name VARCHAR, bands {_BAND}[], batch DOUBLE)",
        token=token,
    )
    for (model,) in models:
        *_, name = names_of(model)
        price = database.prices.of(model)
        bands = None if price is None else [_band(band) for band in reversed(price.bands)]
        batch = 1.0 if price is None or price.batch is None else price.batch
        database.execute(f"INSERT INTO {work}.models VALUES (?, ?, ?, ?)", [model, name, bands, batch], token)


def _band(band: Band) -> dict[str, float]:
    """A band as DuckDB takes it, with a price for everything."""
    read, write = (band.input if rate is None else rate for rate in (band.cache_read, band.cache_write))
    return {
        "above": band.above,
        "input": band.input,
        "output": band.output,
        "cache_read": read,
        "cache_write": write,
    }


def with_prices(columns: Mapping[str, str]) -> tuple[str, str]:
    """SQL of a span's cost and of whether it was computed; `columns` is the SQL of what the rules set.

    The span is `p`, the row of its model in `models` is `r`. A cost that was recorded stays; what belongs to no total
    gets none. The same formula as `definitions.prices.Price.cost`.
    """
    recorded, counted = columns["cost_usd"], columns["counted"]
    asked = f"coalesce({columns['input_tokens']}, 0)"
    read, written = (f"coalesce({columns[f'cache_{name}_tokens']}, 0)" for name in ("read", "write"))
    band = f"list_filter(r.bands, lambda b: b.above = 0 OR {asked} > b.above)[1]"
    tiers = ", ".join(text(tier) for tier in TIERS)
    cost = (
        f"(greatest({asked} - {read} - {written}, 0) * {band}.input + {read} * {band}.cache_read "
        f"+ {written} * {band}.cache_write + coalesce({columns['output_tokens']}, 0) * {band}.output) / 1e6 "
        f"* CASE WHEN lower(p.service_tier) IN ({tiers}) THEN r.batch ELSE 1 END"
    )
    # a call has tokens: where a recorder writes none, it did not know them
    known = f"coalesce({columns['input_tokens']}, 0) + coalesce({columns['output_tokens']}, 0) > 0"
    computed = f"({recorded} IS NULL AND {counted} AND r.bands IS NOT NULL AND {known})"
    return f"CASE WHEN {computed} THEN {cost} ELSE {recorded} END", computed


def cost_sum(cost: str, unknown: str, counted: str = "true") -> str:
    """SQL of the sum of `cost` where `counted` holds; NULL if it is zero while `unknown` holds of any row.

    Nothing recorded beside an unknown cost is not free: a sum that is more than zero at least says the least it was.
    """
    total = f"sum({cost}) FILTER ({counted})"
    return f"CASE WHEN {total} <> 0 OR count(*) FILTER ({unknown}) = 0 THEN {total} END"


def span_costs(alias: str) -> str:
    """SQL of the cost of a group of spans, and of how many of their calls have no known one; `alias` is their table."""
    unknown = f"{alias}.is_call AND {alias}.cost_usd IS NULL"
    total = cost_sum(f"{alias}.cost_usd", unknown, f"{alias}.counted")
    return f"{total} AS cost_usd, count(*) FILTER ({unknown}) AS uncosted"


def summed_costs(alias: str = "") -> str:
    """SQL of the same of a group of traces or threads, by the alias of their table, where it has one."""
    lead = f"{alias}." if alias else ""
    total = cost_sum(f"{lead}cost_usd", f"{lead}uncosted > 0")
    return f"{total} AS cost_usd, coalesce(sum({lead}uncosted), 0)::BIGINT AS uncosted"
