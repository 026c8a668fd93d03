"""What calls cost: as recorded, else by the price table; and sums of costs that are not known of every call."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.definitions.prices import TIERS
from traceview.store.duck.connection import Database, text
from traceview.store.interface import CancelToken

_BAND = "STRUCT(above BIGINT, input DOUBLE, output DOUBLE, cache_read DOUBLE, cache_write DOUBLE)"


def price_models(
    database: Database, work: str, token: CancelToken | None = None, spans: str | None = None
) -> None:
    """Make the table `prices` of a schema: one row for every model of its table `base` (or of `spans`) with a price."""
    models = database.fetch(
        f"SELECT DISTINCT model FROM {spans or f'{work}.base'} WHERE model IS NOT NULL", token=token
    )
    database.execute(
        f"CREATE TABLE {work}.prices (model VARCHAR, bands {_BAND}[], batch DOUBLE)", token=token
    )
    rows = [(model, price) for (model,) in models if (price := database.prices.of(model)) is not None]
    for model, price in rows:
        bands = [
            {
                "above": band.above,
                "input": band.input,
                "output": band.output,
                "cache_read": band.input if band.cache_read is None else band.cache_read,
                "cache_write": band.input if band.cache_write is None else band.cache_write,
            }
            for band in reversed(price.bands)
        ]
        batch = 1.0 if price.batch is None else price.batch
        database.execute(f"INSERT INTO {work}.prices VALUES (?, ?, ?)", [model, bands, batch], token)


def with_prices(columns: Mapping[str, str]) -> tuple[str, str]:
    """SQL of a span's cost and of whether it was computed; `columns` is the SQL of what the rules set.

    The span is `p`, the price of its model `r`. A cost that was recorded stays; what belongs to no total gets none.
    The same formula as `definitions.prices.Price.cost`.
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
    known = f"coalesce({columns['input_tokens']}, {columns['output_tokens']}) IS NOT NULL"
    computed = f"({recorded} IS NULL AND {counted} AND r.model IS NOT NULL AND {known})"
    return f"CASE WHEN {computed} THEN {cost} ELSE {recorded} END", computed


def cost_sum(cost: str, unknown: str, counted: str = "true") -> str:
    """SQL of the sum of `cost` where `counted` holds; NULL if it is zero while `unknown` holds of any row.

    Nothing recorded beside an unknown cost is not free: a sum that is more than zero at least says the least it was.
    """
    total = f"sum({cost}) FILTER ({counted})"
    return f"CASE WHEN {total} <> 0 OR count(*) FILTER ({unknown}) = 0 THEN {total} END"


def span_costs(alias: str) -> str:
    """SQL of the cost of a group of spans, by the alias of their table."""
    unknown = f"{alias}.is_call AND {alias}.cost_usd IS NULL"
    return cost_sum(f"{alias}.cost_usd", unknown, f"{alias}.counted")


def trace_costs(alias: str = "") -> str:
    """SQL of the cost of a group of traces, by the alias of their table, where it has one."""
    lead = f"{alias}." if alias else ""
    return cost_sum(f"{lead}cost_usd", f"{lead}llm_calls > 0 AND {lead}cost_usd IS NULL")
