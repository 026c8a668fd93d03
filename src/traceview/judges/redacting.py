"""What a variable says before it is sent: personal data and secrets replaced, what hides made visible."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from traceview.model.judges import Redaction
from traceview.sources.jsontext import decoded, dumps
from traceview.text.binary import text_without_binary, without_binary
from traceview.text.redact import Redactor
from traceview.text.redact_json import json_redacted
from traceview.text.safe import safe

REPLACED = "<REDACTED>"
"""What stands for the value of a field that is no text."""
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{400,}")
_SELECTORS = re.compile("[\ufe00-\ufe0e\U000e0100-\U000e01ef]")
_LEAST_NAME = 4
"""Characters of a field's value that is replaced in other texts too: shorter ones stand within words."""
_DEEPEST = 60


class Blocked(Exception):
    """A value that may not be sent under the strict profile: nothing can look into it."""


class CallRedactor:
    """Replaces values in all variables of one call, the same value by the same placeholder.

    `looked_at` is the object without what stands under the project's fields: no path finds that.
    """

    def __init__(self, redaction: Redaction, looked_at: Mapping[str, Any]) -> None:
        self._fields = frozenset(name.casefold() for name in redaction.fields)
        self._strict = redaction.profile == "strict"
        self._redactor: Redactor | None = None
        if redaction.profile != "off":
            named = _texts_under(looked_at, self._fields) if self._fields else ()
            self._redactor = Redactor((*redaction.names, *named), strict=self._strict)
        self._met = self._sent_masks = 0
        self.looked_at = looked_at
        if self._fields and self._redactor is not None:
            self.looked_at = self._without_fields(looked_at)

    @property
    def counts(self) -> Counter[str]:
        """How many texts of each kind were replaced."""
        counts = Counter(self._redactor.counts) if self._redactor is not None else Counter()
        if self._sent_masks:
            counts["FIELD"] += self._sent_masks
        return counts

    def text(self, value: Any) -> str:
        """A value as text, JSON where it was none; binary data in words, what is invisible visible.

        Raises Blocked for a long stretch of letters and digits without a break, under the strict profile.
        """
        value = text_without_binary(value) if isinstance(value, str) else without_binary(value)
        return self._redacted(visible(value if isinstance(value, str) else dumps(value)))

    def _redacted(self, text: str) -> str:
        if self._redactor is None:
            return text
        text = json_redacted(text, self._redactor.text)
        self._sent_masks += text.count(REPLACED)
        if self._strict and _OPAQUE.search(text):
            raise Blocked
        return text

    def _without_fields(self, value: Any, depth: int = 0) -> Any:
        """The value with what stands under the fields replaced, also within JSON that stands in a text."""
        if depth > _DEEPEST:
            return value
        if isinstance(value, Mapping):
            return {
                key: self._hidden(one)
                if str(key).casefold() in self._fields
                else self._without_fields(one, depth + 1)
                for key, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._without_fields(one, depth + 1) for one in value]
        if isinstance(value, str) and isinstance(inner := decoded(value), dict | list):
            before = self._met
            hidden = self._without_fields(inner, depth + 1)
            return dumps(hidden) if self._met != before else value
        return value

    def _hidden(self, value: Any) -> Any:
        """What stands under a field: texts that are replaced wherever they stand are left to that, the rest goes."""
        if value is None or value == "":
            return value
        if isinstance(value, Mapping):
            return {key: self._hidden(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden(one) for one in value]
        # JSON that stands in a text is written anew, so that nothing in it is escaped in another way than here
        self._met += 1
        return value if isinstance(value, str) and is_found_again(value) else REPLACED


def is_found_again(text: str) -> bool:
    """Whether a text stands in others as it is: long enough to be no part of words, and the same within JSON."""
    return len(text) >= _LEAST_NAME and dumps(text) == f'"{text}"' and visible(text) == text


def visible(text: str) -> str:
    """A text with line ends as LF, and every character that hides, reorders or moves the cursor shown as such."""
    if text.isascii() and text.isprintable():
        return text
    shown = safe(text.replace("\r\n", "\n").replace("\r", "\n"))
    return _SELECTORS.sub(lambda match: f"⟦U+{ord(match[0]):04X}⟧", shown)


def _texts_under(value: Any, fields: Collection[str], depth: int = 0) -> Iterator[str]:
    """The texts that stand under fields, anywhere: they are replaced wherever they stand again."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, one in value.items():
            if str(key).casefold() in fields:
                yield from _leaves(one)
            else:
                yield from _texts_under(one, fields, depth + 1)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts_under(one, fields, depth + 1)
    elif isinstance(value, str) and isinstance(inner := decoded(value), dict | list):
        yield from _texts_under(inner, fields, depth + 1)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str) and is_found_again(value):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
