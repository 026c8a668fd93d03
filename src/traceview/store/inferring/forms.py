"""Masked system prompts, and when and how often calls had them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time and what lies in it: calls, and the traces or threads that they belong to (`units`).

    Times are UTC nanoseconds; calls without a time are at 0.
    """

    calls: int
    units: int
    first_ns: int
    last_ns: int

    def __or__(self, other: Span) -> Span:
        """Both together; a unit that is in both counts twice."""
        return Span(
            self.calls + other.calls,
            self.units + other.units,
            min(self.first_ns, other.first_ns),
            max(self.last_ns, other.last_ns),
        )

    def among(self, other: Span) -> bool:
        """True if one of the two was used while the other was: they take turns, neither replaced the other."""
        low, high = max(self.first_ns, other.first_ns), min(self.last_ns, other.last_ns)
        shorter = min(self.last_ns - self.first_ns, other.last_ns - other.first_ns)
        if shorter <= 0:
            one, longer = (self, other) if self.first_ns == self.last_ns else (other, self)
            return longer.first_ns < one.first_ns < longer.last_ns
        return high - low > shorter / 2


@dataclass(frozen=True, slots=True)
class Form:
    """A masked system prompt: its segments (`text.prompt_masks`), and when calls had it."""

    segments: tuple[str, ...]
    use: Span


def together(uses: Iterable[Span]) -> Span:
    """All of at least one."""
    first, *others = uses
    for one in others:
        first |= one
    return first
