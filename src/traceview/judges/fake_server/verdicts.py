"""Replies as a model would write them, decided by the text alone, so that the same call has the same reply."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_TAGGED = re.compile(r"<([a-z][a-z0-9_]*?)_([a-z0-9]+)>(.*?)</\1_\2>", re.DOTALL | re.IGNORECASE)
_NAMES_OF_ANSWERS = ("answer", "output", "reply", "response")
_WRONG_OF_100 = 6
"""How many verdicts of a hundred are turned round: a judge that is never wrong would leave nothing to calibrate."""
_BYTES_PER_TOKEN = 4


def message_for(body: Mapping[str, Any], text: str | None = None, **changed: Any) -> dict[str, Any]:
    """A whole reply to the body of a request; `text` instead of a verdict, `changed` replaces fields."""
    written = json.dumps(reply_for(body)) if text is None else text
    reply = {
        "id": f"msg_{digest(body)[:20]}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", ""),
        "content": [{"type": "text", "text": written}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens_of(body),
            "output_tokens": 1 + len(written.encode()) // _BYTES_PER_TOKEN,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
    return reply | changed


def reply_for(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object that a schema asks for: an explanation, the evidence, and a verdict that it allows."""
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema") or {}
    return _object(schema, body)


def tokens_of(body: Mapping[str, Any]) -> int:
    """About how many tokens the texts of a request have."""
    texts = json.dumps([body.get("system"), body.get("messages")], ensure_ascii=False)
    return 1 + len(texts.encode()) // _BYTES_PER_TOKEN


def system_tokens(body: Mapping[str, Any]) -> int:
    """About how many tokens the system prompt has."""
    return 1 + len(json.dumps(body.get("system"), ensure_ascii=False).encode()) // _BYTES_PER_TOKEN


def is_cached(body: Mapping[str, Any]) -> bool:
    """Whether the system prompt has a breakpoint of the prompt cache."""
    system = body.get("system")
    return isinstance(system, list) and any("cache_control" in block for block in system)


def digest(body: Mapping[str, Any]) -> str:
    """What is the same for the same texts, whatever the random endings of their tags."""
    texts = json.dumps([body.get("system"), _values(body) or body.get("messages")], sort_keys=True)
    return hashlib.sha256(texts.encode()).hexdigest()


def _object(schema: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, one, body) for name, one in (schema.get("properties") or {}).items()}


def _value(name: str, schema: Mapping[str, Any], body: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return _verdict(schema["enum"], body, name)
    if schema.get("type") == "object":
        return _object(schema, body)
    if schema.get("type") == "array":
        return _unfounded(body)[:3]
    if schema.get("type") == "boolean":
        return _is_good(body, name)
    return _explanation(body)


def _explanation(body: Mapping[str, Any]) -> str:
    """Words that fit the verdict, be it turned round or not."""
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema") or {}
    named_by = "verdict" if "verdict" in (schema.get("properties") or {}) else "met"
    links, turned = _unfounded(body), _is_turned(body, named_by)
    if links:
        named = ", ".join(links[:3])
        return f"{named} may stand for a result." if turned else f"Not in any result: {named}"
    return "Something in it is in no result." if turned else "Nothing speaks against it."


def _verdict(choices: list[Any], body: Mapping[str, Any], name: str) -> Any:
    """A choice: the links decide between two, else the text does by its hash."""
    good = _is_good(body, name)
    named = {str(choice): choice for choice in choices}
    for yes, no in (("pass", "fail"), ("true", "false"), ("True", "False"), ("yes", "no")):
        if yes in named and no in named:
            return named[yes if good else no]
    number = int(digest(body)[:8], 16)
    return choices[number % len(choices)]


def _is_good(body: Mapping[str, Any], name: str) -> bool:
    return (not _unfounded(body)) != _is_turned(body, name)


def _is_turned(body: Mapping[str, Any], name: str) -> bool:
    """Whether the verdict of this name is turned round."""
    number = int(hashlib.sha256(f"{name}\x1f{digest(body)}".encode()).hexdigest()[:8], 16) % 100
    return number < _WRONG_OF_100


def _values(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The tagged values of the user's message, by name."""
    messages = body.get("messages") or [{}]
    content = messages[-1].get("content", "")
    if isinstance(content, list):
        content = "\n".join(block.get("text", "") for block in content if isinstance(block, dict))
    return [(found[1], found[3]) for found in _TAGGED.finditer(content)]


def _unfounded(body: Mapping[str, Any]) -> list[str]:
    """Addresses in an answer that stand in no other value."""
    values = _values(body)
    answers = [text for name, text in values if name.lower().startswith(_NAMES_OF_ANSWERS)]
    others = "\n".join(text for name, text in values if not name.lower().startswith(_NAMES_OF_ANSWERS))
    links = [link.rstrip(".,;:!?") for text in answers for link in _URL.findall(text)]
    return [link for link in dict.fromkeys(links) if link not in others]
