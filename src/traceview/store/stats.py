"""What traces can be grouped by, and the rows of groups: their figures, their filters, their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Literal

from msgspec import Struct

from traceview.analysis.intervals import wilson
from traceview.filters.ast import Compare, Node, Presence, Quantified, Text, Versioned, all_of
from traceview.filters.printer import to_text
from traceview.model.errors import BadInput
from traceview.model.fields import FIELD_BY_NAME
from traceview.store.buckets import Bucket

Unit = Literal["traces", "calls", "tools", "spans"]

UNIT_OF: dict[str, Unit] = {
    "model": "calls",
    "provider": "calls",
    "operation": "calls",
    "finish_reason": "calls",
    "outcome": "calls",
    "fallback": "calls",
    "tool_name": "tools",
    "kind": "spans",
    "error_type": "spans",
    "service": "spans",
    "release": "spans",
    "feature": "spans",
    "source": "spans",
    "prompt_name": "traces",
    "prompt_version": "traces",
    "name": "traces",
    "status": "traces",
    "user_id": "traces",
    "thread_id": "traces",
    "environment": "traces",
    "tags": "traces",
    "session": "traces",
    "attr": "traces",
}
"""Fields that traces can be grouped by (`attr` as attr.KEY), and whose durations and failures a group then has."""

OWN: tuple[str, ...] = (
    "model", "provider", "operation", "finish_reason", "outcome", "fallback", "tool_name", "kind", "error_type",
    "service", "release", "feature", "source", "prompt_name", "prompt_version",
)  # fmt: skip
"""Fields that single spans have: of a trace in the group, only the spans with the group's value are summed up."""

OF_CALLS: tuple[str, ...] = ("model", "provider", "operation", "finish_reason", "outcome", "fallback")
"""Fields of model calls alone: beside a tool they only choose traces."""

SINGLE: tuple[str, ...] = ("name", "status", "thread_id")
"""Fields of which a trace has one value; of all others it may have several."""

_UNIT_ORDER: tuple[Unit, ...] = ("tools", "calls", "spans", "traces")

P95_FROM, P99_FROM = 20, 100
"""A percentile so far out is told from so many values on."""


class GroupField(Struct, frozen=True):
    """A field that traces are grouped by; `key` is the KEY of attr.KEY, `label` its name in rows."""

    name: str
    key: str | None = None

    @property
    def label(self) -> str:
        """`prompt_version`, `attr.KEY`."""
        return self.name if self.key is None else f"{self.name}.{self.key}"


def group_fields(names: Sequence[str]) -> tuple[GroupField, ...]:
    """Fields by their names or short forms. Raises BadInput with the nearest name."""
    found: list[GroupField] = []
    for name in names:
        head, dot, key = name.partition(".")
        field = FIELD_BY_NAME.get(name)
        if head == "attr" and dot and key:
            found.append(GroupField("attr", key))
        elif field is not None and field.name in UNIT_OF and field.name != "attr":
            found.append(GroupField(field.name))
        else:
            known = [*(FIELD_BY_NAME[one].printed for one in UNIT_OF if one != "attr"), "attr.KEY"]
            near = get_close_matches(name, [*known, *UNIT_OF], n=1)
            raise BadInput(
                f"traces cannot be grouped by {name!r}",
                hint=f"Did you mean {near[0]}?"
                if near
                else f"Group by {', '.join(known)}; over hour, day or week",
            )
    if len(set(found)) < len(found):
        raise BadInput("traces are grouped twice by the same field", hint="name each field once")
    return tuple(found)


def chosen_fields(names: Sequence[str]) -> tuple[GroupField, ...]:
    """Fields that a person groups by: a version comes with its prompt, since v1 of another one is another text.

    Raises BadInput with the nearest name.
    """
    found = list(group_fields(names))
    prompt, version = GroupField("prompt_name"), GroupField("prompt_version")
    if version in found and prompt not in found:
        found.insert(found.index(version), prompt)
    return tuple(found)


def unit_of(by: Sequence[GroupField]) -> Unit:
    """Whose durations a grouping tells: of the smallest thing that one of its fields belongs to."""
    units = {UNIT_OF[field.name] for field in by}
    return next((unit for unit in _UNIT_ORDER if unit in units), "traces")


def own_fields(by: Sequence[GroupField]) -> frozenset[str]:
    """Fields whose value a span must have to be summed up; the others only choose traces."""
    own = {field.name for field in by} & set(OWN)
    return frozenset(own - set(OF_CALLS) if unit_of(by) == "tools" else own)


def paired(by: Sequence[GroupField]) -> bool:
    """True if prompt names and versions are grouped as pairs: both on the same span."""
    return {"prompt_name", "prompt_version"} <= {field.name for field in by}


def condition(by: Sequence[GroupField], values: Sequence[str | None]) -> Node | None:
    """The filter for the traces of a group; None for that of all traces."""
    nodes: list[Node] = []
    pair = paired(by)
    prompt: dict[str, str | None] = {}
    for field, value in zip(by, values, strict=True):
        if pair and field.name in ("prompt_name", "prompt_version"):
            prompt[field.name] = value
            continue
        nodes.append(_compare(field.name, value, field.key))
    if pair:
        nodes.append(_prompt(prompt["prompt_name"], prompt["prompt_version"]))
    return all_of(*nodes)


def _prompt(name: str | None, version: str | None) -> Node:
    if name is not None and version is not None:
        return Compare("prompt_name", ":", (Versioned(Text(name), Text(version)),))
    both = all_of(_compare("prompt_name", name), _compare("prompt_version", version))
    assert both is not None
    return both if name is None and version is None else Quantified("any", both)


def _compare(field: str, value: str | None, key: str | None = None) -> Compare:
    return Compare(field, ":", (Presence(False) if value is None else Text(value),), key)


def figures(
    found: dict[str, Any],
    by: Sequence[GroupField],
    over: str | None,
    bucket: Bucket | None,
    base: Node | None,
) -> dict[str, Any]:
    """The row of a group as `Engine.stats` gives it, from what a query found: raw sums, counts and quantiles."""
    values = [found[f"g{number}"] for number in range(len(by))]
    row: dict[str, Any] = {field.label: value for field, value in zip(by, values, strict=True)}
    when: Node | None = None
    if over is not None:
        row[over] = bucket.name if bucket is not None else None
        row["start_ns"] = bucket.start_ns if bucket is not None else None
        when = bucket.condition if bucket is not None else Compare("start_time", ":", (Presence(False),))
    units, failed = found["units"], found["failed"]
    p50, p95, p99 = found["quantiles"] or (None, None, None)
    ttft50, ttft95 = found["ttft_quantiles"] or (None, None)
    tokens = found["input_tokens"]
    row |= {
        "unit": unit_of(by),
        "n": found["n"],
        "units": units,
        "spans": found["spans"],
        "errors": found["errors"],
        "failed": failed,
        "error_rate": failed / units if units else None,
        "error_ci95": wilson(failed, units),
        "p50_ms": p50,
        "p95_ms": p95 if found["timed"] >= P95_FROM else None,
        "p99_ms": p99 if found["timed"] >= P99_FROM else None,
        "ttft_p50_ms": ttft50,
        "ttft_p95_ms": ttft95 if found["ttft_n"] >= P95_FROM else None,
        "input_tokens": tokens,
        "output_tokens": found["output_tokens"],
        "cache_read_share": found["cache_read"] / tokens
        if tokens and found["cache_read"] is not None
        else None,
        "cost_usd": found["cost_usd"],
        "uncosted": found["uncosted"],
        "scores": {},
        "first_seen_ns": found["first_seen_ns"],
        "last_seen_ns": found["last_seen_ns"],
        "filter": to_text(all_of(base, condition(by, values), when)),
    }
    return row


def rate(k: int, n: int, unscored: int, split: int, not_applicable: int) -> dict[str, Any]:
    """The figures of one yes-or-no score in one group."""
    return {
        "k": k,
        "n": n,
        "unscored": unscored,
        "split": split,
        "not_applicable": not_applicable,
        "rate": k / n if n else None,
        "ci95": wilson(k, n),
    }


def prompt_rows(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Groups by prompt name and version as rows of the list of prompt versions: by name, the newest first."""
    named = [row for row in rows if row["prompt_name"] is not None or row["prompt_version"] is not None]
    for row in named:
        row["traces"], row["error_traces"] = row["n"], row["failed"]
        row["tokens"] = row["input_tokens"] + row["output_tokens"]
    named.sort(key=lambda row: -(row["last_seen_ns"] or 0))
    return tuple(sorted(named, key=lambda row: (row["prompt_name"] is None, row["prompt_name"] or "")))
