"""Masked system prompts, and when and how often calls had them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec import Struct


class Span(Struct, frozen=True):
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


class Form(Struct, frozen=True):
    """A masked system prompt: its segments (`text.prompt_masks`), and when calls had it."""

    segments: tuple[str, ...]
    use: Span


def together(uses: Iterable[Span]) -> Span:
    """All of at least one."""
    first, *others = uses
    for one in others:
        first |= one
    return first


def taking_turns(uses: Sequence[Span]) -> int:
    """How many of them are `among` another one. Only those that were in use at the same time are compared."""
    ordered = sorted(uses, key=lambda use: use.first_ns)
    until = list(accumulate((use.last_ns for use in ordered), max))
    return sum(_takes_turns(ordered, until, at) for at in range(len(ordered)))


def _takes_turns(ordered: Sequence[Span], until: Sequence[int], at: int) -> bool:
    """Whether the one at a position is among another; `until` is when all up to a position were out of use."""
    use = ordered[at]
    after = at + 1
    while after < len(ordered) and ordered[after].first_ns < use.last_ns:
        if use.among(ordered[after]):
            return True
        after += 1
    before = at - 1
    while before >= 0 and until[before] > use.first_ns:
        if use.among(ordered[before]):
            return True
        before -= 1
    return False
