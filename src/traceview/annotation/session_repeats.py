"""Which items of a session come back without a word, and where. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.annotation.sampling.chance import chance
from traceview.model.sessions import SessionItem

REPEATED_SHARE = 0.05
"""About so many of one's own items come back without a word."""
REPEATS_FROM = 20
"""Items from which some come back."""
LEAST_APART = 10
"""Items between an item and its return, at least."""


def repeats_among(count: int) -> int:
    """How many of so many items come back."""
    return round(count * REPEATED_SHARE) if count >= REPEATS_FROM else 0


def with_repeats(places: Sequence[SessionItem], seed: int) -> list[SessionItem]:
    """The places with about 5 % of them a second time, LEAST_APART or more later; none among fewer than 20.

    Which come back, and where, depends on the seed and the ids alone.
    """
    count = repeats_among(len(places))
    early = places[: max(0, len(places) - LEAST_APART)]
    again = sorted(early, key=lambda one: (chance(seed, "repeat", one.target.id), one.target.id))[:count]
    after: dict[int, list[SessionItem]] = {}
    for one in again:
        room = len(places) - (one.position + LEAST_APART)
        behind = one.position + LEAST_APART + chance(seed, "repeat at", one.target.id) % room
        after.setdefault(behind, []).append(one)
    ordered: list[SessionItem] = []
    moved: dict[int, int] = {}
    for place in places:
        moved[place.position] = len(ordered)
        ordered.append(SessionItem(len(ordered), place.target, place.probability, place.reason))
        for one in after.get(place.position, ()):
            ordered.append(
                SessionItem(len(ordered), one.target, one.probability, one.reason, moved[one.position])
            )
    return ordered
