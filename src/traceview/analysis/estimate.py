"""A figure that may be undefined: with its error where it is known, with the reason where it is not."""

from __future__ import annotations

from msgspec import Struct


class Estimate(Struct, frozen=True):
    """A figure, its standard error and its 95 % interval.

    `value` is None where the figure is undefined, never 0, 1 or NaN; `reason` then says why, in words for people.
    """

    value: float | None
    se: float | None = None
    ci95: tuple[float, float] | None = None
    reason: str | None = None


def undefined(reason: str) -> Estimate:
    """A figure that has no value, and why."""
    return Estimate(None, reason=reason)


def around(value: float, se: float, z: float, low: float, high: float) -> Estimate:
    """`value` with the interval of `z` standard errors on both sides, within [low, high]."""
    ends = (min(high, max(low, value - z * se)), min(high, max(low, value + z * se)))
    return Estimate(value, se, ends)
