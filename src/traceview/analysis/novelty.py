"""Texts that are unlike those that were read already: farthest first by their words."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from math import log, log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

DIMENSIONS = 512
"""Places that words are hashed to; 2 kB a text."""
CHARACTERS = 2_000
"""Of each text so much is looked at."""
_WORD = re.compile(r"\w+")


def farthest_first(
    texts: Sequence[str], known: Sequence[str], count: int, fits: Callable[[int], bool] = lambda index: True
) -> list[tuple[int, float]]:
    """The numbers of the texts that are least like `known` and those before them, with the cosine to the nearest.

    The cosine, from 0 to 1, is of TF-IDF vectors of hashed words. Without `known` the first is the text nearest to the
    middle of all, with cosine 0. A text that `fits` refuses when its turn comes is passed over; one without words is
    never chosen. Chance plays no part: of texts that are equally far the first one is taken.
    """
    if not texts or count <= 0:
        return []
    import numpy as np

    vectors = _vectors([*texts, *known])
    own, others = vectors[: len(texts)], vectors[len(texts) :]
    open_: NDArray[np.bool_] = np.asarray(own.any(axis=1))
    if len(others):
        nearest = _nearest(own, others)
        order_first = None
    else:
        nearest = np.zeros(len(own), dtype=np.float32)
        order_first = own @ own.sum(axis=0)
    found: list[tuple[int, float]] = []
    while len(found) < count and open_.any():
        far = -nearest if order_first is None or found else order_first
        at = int(np.where(open_, far, -np.inf).argmax())
        open_[at] = False
        if fits(at):
            found.append((at, float(min(1.0, max(0.0, nearest[at])))))
            nearest = np.maximum(nearest, own @ own[at])
    return found


def _nearest(own: Vectors, others: Vectors) -> Vectors:
    """The cosine of each text to the nearest of the others, some hundred at a time."""
    import numpy as np

    nearest = np.zeros(len(own), dtype=np.float32)
    for start in range(0, len(others), 256):
        nearest = np.maximum(nearest, (own @ others[start : start + 256].T).max(axis=1))
    return nearest


def _vectors(texts: Sequence[str]) -> Vectors:
    """A row of length 1 for each text, of zeros for one without words."""
    import numpy as np

    counted = [_places(text) for text in texts]
    texts_with = Counter(place for places in counted for place in places)
    rarity = {place: log(len(texts) / count) + 1 for place, count in texts_with.items()}
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, places in zip(vectors, counted, strict=True):
        for place, times in places.items():
            row[place] = log1p(times) * rarity[place]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return vectors


def _places(text: str) -> Counter[int]:
    words = _WORD.findall(text[:CHARACTERS].lower())
    return Counter(zlib.crc32(word.encode("utf-8", "replace")) % DIMENSIONS for word in words)
