"""The system prompts of many calls, read in batches: each different text once, within limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from traceview.sources.system_prompt import key_of, system_text

MAX_TEXTS = 20_000
MAX_CHARACTERS = 64_000_000
"""Different system prompts that are kept at most, those with the lowest keys, in whatever order calls come."""


class SystemPrompts:
    """The different texts so far."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._keys: dict[int, int | None] = {}
        """The key of the text of each head, by the head's hash."""
        self._calls: dict[int, int] = {}
        self._characters = 0
        self._limit: int | None = None
        """Texts with keys above this were left out."""

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

    def kept(self) -> tuple[dict[int, str], int]:
        """The texts by key, and how many calls have others that were left out."""
        self._cut()
        return self._texts, sum(count for key, count in self._calls.items() if key not in self._texts)

    def _add(self, head: str) -> int | None:
        text = system_text(head)
        if text is None:
            return None
        key = key_of(text)
        if key not in self._texts and (self._limit is None or key <= self._limit):
            self._texts[key] = text
            self._characters += len(text)
            if len(self._texts) > 2 * MAX_TEXTS or self._characters > 2 * MAX_CHARACTERS:
                self._cut()
        return key

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
