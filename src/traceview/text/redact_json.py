"""Texts that may be JSON with what is found in them replaced: what was JSON stays JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def json_redacted(value: str, text: Callable[[str], str]) -> str:
    """A text with what is found replaced; JSON stays JSON."""
    written = text(value)
    if written == value or (value[:1] not in ("{", "[", '"') and not value[:1].isdigit()):
        return written
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return written
    try:
        json.loads(written)
    except (ValueError, RecursionError):
        return json.dumps(_walk_all(parsed, text), ensure_ascii=False)
    return written


def _walk_all(value: Any, text: Callable[[str], str]) -> Any:
    """Every text and number of a JSON value replaced."""
    if isinstance(value, dict):
        return {key: _walk_all(entry, text) for key, entry in value.items()}
    if isinstance(value, list):
        return [_walk_all(entry, text) for entry in value]
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = text(json.dumps(value))
        return value if written == json.dumps(value) else written
    return value
