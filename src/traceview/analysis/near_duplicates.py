"""Texts that are nearly the same: equal once normalised, or alike by MinHash of their shingles."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signature = NDArray[np.uint32]

SHINGLE = 5
"""Characters of a shingle."""
HASHES = 128
"""Minima kept of a text, 4 bytes each: their estimate of the similarity has a standard error of 0.035 at 0.8."""
BANDS = 32
"""Bands of HASHES / BANDS minima; texts are compared where a band is equal, which at 0.8 fails once in 10^7."""
ALIKE = 0.8
"""The similarity (Jaccard's, of the sets of shingles) from which texts are nearly the same."""
_BLOCK = 1 << 14


class NearDuplicates(Struct, frozen=True):
    """Numbers of texts that are nearly the same, in order; `equal` if all are equal once normalised."""

    members: tuple[int, ...]
    equal: bool


def normalised(text: str) -> str:
    """The text in one form (NFKC, folded case) with every white space as one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_duplicates(texts: Sequence[str], alike: float = ALIKE) -> tuple[NearDuplicates, ...]:
    """Groups of texts that are nearly the same, directly or through others, the first text's group first.

    Two texts are if they are equal once normalised, or if the share of their 5-character shingles that both have is
    `alike` or more, estimated from MinHash (Broder, 1997). An empty text is like none. Chance plays no part.
    """
    by_text: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        if plain := normalised(text):
            by_text[plain].append(number)
    groups = list(by_text.values())
    roots = list(range(len(groups)))
    for first, second in _alike(list(by_text), alike):
        roots[_root(roots, second)] = _root(roots, first)
    joined: dict[int, list[int]] = defaultdict(list)
    for number in range(len(groups)):
        joined[_root(roots, number)].append(number)
    found = [
        NearDuplicates(tuple(sorted(one for group in parts for one in groups[group])), len(parts) == 1)
        for parts in joined.values()
        if len(parts) > 1 or len(groups[parts[0]]) > 1
    ]
    return tuple(sorted(found, key=lambda one: one.members))


def alike_to(text: str, others: Sequence[str], alike: float = ALIKE) -> list[int]:
    """The numbers of the texts that are nearly the same as one: equal once normalised, or of `alike` shared shingles.

    The share is exact (Jaccard's). An empty text is like none.
    """
    plain = normalised(text)
    if not plain:
        return []
    wanted = _shingles(plain)
    found = []
    for number, other in enumerate(map(normalised, others)):
        if other == plain:
            found.append(number)
        elif other:
            own = _shingles(other)
            both = len(wanted & own)
            if both >= alike * (len(wanted) + len(own) - both):
                found.append(number)
    return found


def _shingles(text: str) -> set[str]:
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}


def _root(roots: list[int], number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = roots[number]
    return number


def _alike(texts: Sequence[str], alike: float) -> list[tuple[int, int]]:
    """Pairs that connect all texts that are alike; not every pair of a group is named."""
    if len(texts) < 2:
        return []
    import numpy as np

    signatures = np.stack([_signature(text) for text in texts])
    width = HASHES // BANDS
    pairs: list[tuple[int, int]] = []
    roots = list(range(len(texts)))
    for band in range(BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for number, part in enumerate(np.ascontiguousarray(signatures[:, band * width : (band + 1) * width])):
            buckets[part.tobytes()].append(number)
        for bucket in buckets.values():
            # from each text that was reached, those that were not yet
            reached, waiting = bucket[:1], bucket[1:]
            while waiting:
                first = reached.pop() if reached else waiting.pop(0)
                shares = (signatures[waiting] == signatures[first]).mean(axis=1)
                near = [other for other, share in zip(waiting, shares, strict=True) if share >= alike]
                waiting = [other for other, share in zip(waiting, shares, strict=True) if share < alike]
                reached += near
                for other in near:
                    if _root(roots, first) != _root(roots, other):
                        roots[_root(roots, other)] = _root(roots, first)
                        pairs.append((first, other))
    return pairs


def _signature(text: str) -> Signature:
    """The minima of HASHES hash functions over the shingles of a normalised text, a block of shingles at a time."""
    import numpy as np

    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(points) < SHINGLE:
        points = np.pad(points, (0, SHINGLE - len(points)))
    factors, terms = _functions()
    minima = np.full(HASHES, np.iinfo(np.uint32).max, dtype=np.uint32)
    count = len(points) - SHINGLE + 1
    for start in range(0, count, _BLOCK):
        part = points[start : start + _BLOCK + SHINGLE - 1]
        shingles = np.zeros(len(part) - SHINGLE + 1, dtype=np.uint64)
        for offset in range(SHINGLE):
            shingles = _mixed(shingles ^ part[offset : offset + len(shingles)])
        hashes = (np.unique(shingles)[:, None] * factors + terms) >> np.uint64(32)
        minima = np.minimum(minima, hashes.min(axis=0).astype(np.uint32))
    return minima


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of each value spread over all of them (the finaliser of splitmix64)."""
    import numpy as np

    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _functions() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The same multipliers (odd) and addends of the hash functions every time."""
    import numpy as np

    numbers = _mixed(np.arange(1, 2 * HASHES + 1, dtype=np.uint64) << np.uint64(8))
    return numbers[:HASHES] | np.uint64(1), numbers[HASHES:]
