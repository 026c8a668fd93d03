"""The system prompts of many calls, read in batches: one of those that only differ in values of requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from traceview.sources.no_pandas import spare_pandas
from traceview.sources.system_prompt import key_of, system_text
from traceview.text.prompt_masks import MOST_CHARACTERS, segments

MAX_TEXTS = 3_000
MAX_CHARACTERS = 32_000_000
"""Different system prompts that are kept at most, those with the lowest keys, in whatever order calls come."""
MAX_LENGTH = 2_000_000
"""A longer text is not kept: it would leave no place for others."""


class SystemPrompts:
    """The different texts so far, by a key that all have that are the same once they are masked.

    `mark` tells texts apart that are not to be taken for the same all the same.
    """

    def __init__(self, mark: Callable[[str], str] | None = None) -> None:
        spare_pandas()
        self._mark = mark
        self._texts: dict[int, str] = {}
        self._keys: dict[int, int | None] = {}
        """The key of the text of each head, by the head's hash."""
        self._known_forms: dict[tuple[tuple[str, ...], str | None], int] = {}
        """The keys of the first forms: looked up sooner than hashed."""
        self._calls: dict[int, int] = {}
        self._characters = 0
        self._limit: int | None = None
        """Texts with keys above this were left out."""
        self._long: set[int] = set()
        """Keys of texts of which only the beginning was masked."""
        self.put_together = False
        """Whether several texts have one key."""

    def said(self, batch: Any) -> Any:
        """Take a record batch of (file_no, row_no, hash, head); the table of (file_no, row_no, key) of it."""
        hashes, first, inverse = np.unique(
            batch.column(2).to_numpy(zero_copy_only=False), return_index=True, return_inverse=True
        )
        known = self._keys
        keys = []
        for number, one in enumerate(hashes.tolist()):
            if one not in known:
                known[one] = self._add(batch.column(3)[int(first[number])].as_py())
            keys.append(known[one])
        for key, count in zip(keys, np.bincount(inverse, minlength=len(keys)).tolist(), strict=True):
            if key is not None:
                self._calls[key] = self._calls.get(key, 0) + count
        key_column = pa.array(keys, pa.int64()).take(pa.array(inverse))
        return pa.table({"file_no": batch.column(0), "row_no": batch.column(1), "key": key_column})

    def kept(self) -> dict[int, str]:
        """The texts by key: of those that have it the first in the order of the alphabet."""
        self._cut()
        return self._texts

    @property
    def left_out(self) -> int:
        """How many calls have texts that were left out."""
        return sum(count for key, count in self._calls.items() if key not in self._texts)

    @property
    def cut(self) -> int:
        """How many calls have texts of which only the beginning was masked."""
        return sum(self._calls[key] for key in self._long if key in self._calls)

    def _add(self, head: str) -> int | None:
        text = system_text(head)
        if text is None:
            return None
        form = segments(text)
        mark = None if self._mark is None else self._mark(text)
        key = self._known_forms.get((form, mark))
        if key is None:
            written = "\n".join(form)
            key = key_of(written if mark is None else f"{written}\0{mark}")
            if len(self._known_forms) < MAX_TEXTS:
                self._known_forms[form, mark] = key
        if len(text) > MOST_CHARACTERS:
            self._long.add(key)
        if len(text) <= MAX_LENGTH:
            self._take(key, form, text)
        return key

    def _take(self, key: int, form: tuple[str, ...], text: str) -> None:
        """Keep the text, within the limits."""
        known = self._texts.get(key)
        if known is not None:
            if known != text:
                self.put_together = True
                self._texts[key] = min(known, text)
        elif self._limit is None or key <= self._limit:
            self._texts[key] = text
            self._characters += len(text)
            if len(self._texts) > 2 * MAX_TEXTS or self._characters > 2 * MAX_CHARACTERS:
                self._cut()

    def _cut(self) -> None:
        """Keep what the limits allow."""
        kept: dict[int, str] = {}
        characters = 0
        for key in sorted(self._texts):
            characters += len(self._texts[key])
            if len(kept) >= MAX_TEXTS or characters > MAX_CHARACTERS:
                break
            kept[key] = self._texts[key]
        if len(kept) < len(self._texts):
            self._limit = max(kept, default=-(1 << 63))
            self._texts, self._characters = kept, sum(map(len, kept.values()))


class MatchedPrompts(SystemPrompts):
    """What a function makes of the form of each text, by key; texts for which it makes nothing are left out."""

    def __init__(self, match: Callable[[str], Any], mark: Callable[[str], str] | None = None) -> None:
        super().__init__(mark)
        self._match = match
        self.found: dict[int, Any] = {}

    def _take(self, key: int, form: tuple[str, ...], text: str) -> None:
        if key not in self.found and (found := self._match(" ".join(form))) is not None:
            self.found[key] = found
