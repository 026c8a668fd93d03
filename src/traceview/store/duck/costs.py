"""Sums of costs that are not known of every call."""

from __future__ import annotations


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
