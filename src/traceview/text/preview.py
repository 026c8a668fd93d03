"""One-line previews of inputs and outputs: what a person said or was told, whitespace collapsed."""

from __future__ import annotations

import json
from typing import Any, Literal

Side = Literal["input", "output"]

_PARSE_LIMIT = 1_000_000
_MAX_DEPTH = 6
_ELLIPSIS = "…"
_USER_ROLES = ("user", "human")
_ASSISTANT_ROLES = ("assistant", "ai", "model")
_LIST_KEYS = ("messages", "input_messages", "output_messages", "choices", "contents", "candidates")
_TEXT_KEYS: dict[Side, tuple[str, ...]] = {
    "input": ("question", "query", "input", "prompt", "user_input", "text", "content", "message", "value"),
    "output": ("answer", "response", "output", "result", "completion", "text", "content", "message", "value"),
}
_PART_KEYS = ("text", "content", "input_text", "output_text")


def preview(text: str | None, length: int = 160, side: Side = "input") -> str:
    """The first `length` characters of the last user text (input) or the last assistant text (output).

    A text that is no JSON, or JSON in which no such text is found, or over 1 MB, is shown from its start. Not
    yet safe to draw: see `text.safe`.
    """
    if not text:
        return ""
    return collapse(spoken(text, side) or text, length)


def collapse(text: str, length: int) -> str:
    """The text on one line with single spaces, at most `length` characters, ended by `…` where it was cut."""
    if length <= 0:
        return ""
    taken = max(4 * length, 64)
    while True:
        words = " ".join(text[:taken].split())
        if len(words) > length:
            return words[: length - 1].rstrip() + _ELLIPSIS
        if taken >= len(text):
            return words
        taken *= 4


def spoken(text: str, side: Side) -> str | None:
    """The whole last user or assistant text in a text that is JSON of messages; None if there is none."""
    head = text[:64].lstrip()
    if not head.startswith(("[", "{", '"')) or len(text) > _PARSE_LIMIT:
        return None
    try:
        value = _parsed(text)
    except (ValueError, RecursionError):
        return None
    return _spoken(value, side, 0)


def _parsed(text: str) -> Any:
    """The JSON value, read as loosely as the standard library does. Raises ValueError, RecursionError."""
    import orjson

    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)


def _spoken(value: Any, side: Side, depth: int) -> str | None:
    """The text a person would read in a parsed value, None if nothing in it looks like one."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, str):
        inner = value[:64].lstrip()
        if depth and inner.startswith(("[", "{")) and len(value) <= _PARSE_LIMIT:
            try:
                return _spoken(_parsed(value), side, depth + 1) or value
            except (ValueError, RecursionError):
                return value
        return value if value.strip() else None
    if isinstance(value, list):
        return _of_list(value, side, depth)
    if isinstance(value, dict):
        return _of_object(value, side, depth)
    return None


def _of_list(items: list[Any], side: Side, depth: int) -> str | None:
    wanted = _USER_ROLES if side == "input" else _ASSISTANT_ROLES
    messages = [item for item in (_unwrapped(item) for item in items) if _role(item)]
    for accepted in (wanted, None):
        for message in reversed(messages):
            if accepted is None or _role(message) in accepted:
                found = _content(message, side, depth + 1)
                if found:
                    return found
    if messages:
        return None
    parts = [found for found in (_part(item) for item in items) if found]
    if parts:
        return "\n".join(parts)
    return _spoken(items[-1], side, depth + 1) if items and isinstance(items[-1], list | dict) else None


def _of_object(value: dict[str, Any], side: Side, depth: int) -> str | None:
    if _role(value):
        return _content(value, side, depth)
    for key in _LIST_KEYS:
        if isinstance(value.get(key), list):
            found = _of_list(value[key], side, depth + 1)
            if found:
                return found
    for key in _TEXT_KEYS[side]:
        if value.get(key):
            found = _spoken(value[key], side, depth + 1)
            if found:
                return found
    texts = [item for item in value.values() if isinstance(item, str) and item.strip()]
    return texts[0] if len(value) == 1 and texts else None


def _unwrapped(item: Any) -> Any:
    """The message inside `{"message": {...}}` (OpenInference, chat choices) or `{"content": {"role": ...}}`."""
    if isinstance(item, dict) and not _role(item):
        for key in ("message", "content"):
            if isinstance(item.get(key), dict):
                return item[key]
    return item


def _role(message: Any) -> str | None:
    if not isinstance(message, dict):
        return None
    role = message.get("role") or message.get("message.role")
    if isinstance(role, str):
        return role.lower()
    kind = message.get("type")
    return kind if kind in ("human", "ai", "system", "tool") and "content" in message else None


def _content(message: dict[str, Any], side: Side, depth: int) -> str | None:
    for key in ("content", "message.content", "parts", "contents", "text"):
        content = message.get(key)
        if isinstance(content, str) and content.strip():
            return content
        if isinstance(content, list):
            parts = [found for found in (_part(item) for item in content) if found]
            if parts:
                return "\n".join(parts)
        if isinstance(content, dict):
            found = _part(content) or _spoken(content, side, depth + 1)
            if found:
                return found
    return None


def _part(part: Any) -> str | None:
    """The text of one content part; None for tool calls, images and what else is no text."""
    if isinstance(part, str):
        return part if part.strip() else None
    if not isinstance(part, dict) or part.get("type") not in (None, "text", "input_text", "output_text"):
        return None
    for key in _PART_KEYS:
        if isinstance(part.get(key), str) and part[key].strip():
            return str(part[key])
    return None
