"""Canonical messages as the messages of OpenAI's chat format, which fine-tuning and most libraries take. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from traceview.model.messages import Message, Part
from traceview.sources.offered_tools import NUMBERED_TOOL, TOOL_KEYS

ChatMessage = dict[str, Any]

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INSIDE = ("tool", "tool.json_schema", "toolSpec")
_SCHEMAS = ("parameters", "input_schema", "inputSchema", "args_schema")


class Unwritable(Exception):
    """A conversation that the format cannot hold; the text says why in a few words that can be counted."""


def chat_messages(messages: Iterable[Message]) -> list[ChatMessage]:
    """The messages in order. Raises Unwritable.

    Reasoning is left out: the format has no place for it. Calls of tools without an id get one. Messages of the
    assistant that follow one another are one message where they call tools, as writers of traces take them apart.
    """
    written: list[ChatMessage] = []
    waiting: list[str] = []
    numbered = 0
    for message in messages:
        for response in (part for part in message.parts if part.type == "tool_call_response"):
            written.append(_tool_result(response.call_id, _text_of(response.response), waiting))
        calls = [part for part in message.parts if part.type == "tool_call"]
        content = _content(message)
        if message.role == "tool":
            if content and not any(part.type == "tool_call_response" for part in message.parts):
                written.append(_tool_result(None, content, waiting))
            continue
        if not content and not calls:
            continue
        if waiting and not _continues(written, message):
            raise Unwritable("a call of a tool has no result")
        if message.role != "assistant":
            written.append({"role": message.role, "content": content})
            continue
        called = []
        for part in calls:
            numbered += 1
            called.append(_call(part, numbered))
        if _continues(written, message) and (called or written[-1].get("tool_calls")):
            _join(written[-1], content, called)
        else:
            written.append(
                {"role": "assistant", "content": content or None} | ({"tool_calls": called} if called else {})
            )
        waiting += [call["id"] for call in called]
    return written


def unanswered(messages: Sequence[ChatMessage]) -> bool:
    """Whether the last calls of tools have not all been answered."""
    open_: set[str] = set()
    for message in messages:
        open_ |= {call["id"] for call in message.get("tool_calls", ())}
        open_.discard(message.get("tool_call_id", ""))
    return bool(open_)


def offered_tools(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tools that a call was offered, as OpenAI describes functions; empty where none are recorded."""
    for key in TOOL_KEYS:
        value = _decoded(attributes.get(key))
        if isinstance(value, list) and value:
            return [tool for tool in map(_tool, value) if tool is not None]
    return [tool for tool in map(_tool, _numbered(attributes)) if tool is not None]


def _numbered(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tools that are spread over keys with numbers, in order of these."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if (match := NUMBERED_TOOL.fullmatch(key)) is not None:
            found.setdefault(int(match[1]), {})[match[2]] = value
    return [found[number] for number in sorted(found)]


def _continues(written: Sequence[ChatMessage], message: Message) -> bool:
    return message.role == "assistant" and bool(written) and written[-1]["role"] == "assistant"


def _join(before: ChatMessage, content: Any, called: list[dict[str, Any]]) -> None:
    if content:
        before["content"] = f"{before['content']}\n{content}" if before["content"] else content
    if called:
        before["tool_calls"] = [*before.get("tool_calls", ()), *called]


def _call(part: Part, number: int) -> dict[str, Any]:
    if not part.name or not _FUNCTION_NAME.fullmatch(part.name):
        raise Unwritable("a tool has a name that the format does not take")
    arguments = part.arguments if isinstance(part.arguments, str) else _json(part.arguments or {})
    function = {"name": part.name, "arguments": arguments}
    return {"id": part.call_id or f"call_{number}", "type": "function", "function": function}


def _tool_result(call_id: str | None, content: Any, waiting: list[str]) -> ChatMessage:
    """A result put to the call that it names, or to the first that waits; taken off those that wait."""
    if call_id is None and waiting:
        call_id = waiting[0]
    if call_id is None or call_id not in waiting:
        raise Unwritable("a result of a tool has no call")
    waiting.remove(call_id)
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _content(message: Message) -> Any:
    """A text, or a list of parts where there is an image. Raises Unwritable for other attachments."""
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if part.type == "text" and part.content:
            parts.append({"type": "text", "text": part.content})
        elif part.type in ("blob", "uri", "file", "unknown"):
            address = _image_address(part.raw) if message.role == "user" else None
            if address is None:
                raise Unwritable("something is attached that the format cannot hold")
            parts.append({"type": "image_url", "image_url": {"url": address}})
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _image_address(raw: Any) -> str | None:
    """The address of an image, or the image itself as a data address; None for anything else."""
    if not isinstance(raw, Mapping):
        return None
    kind = str(raw.get("mime_type") or raw.get("media_type") or raw.get("modality") or "")
    if raw.get("type") == "image_url":
        inner = raw.get("image_url")
        address = inner.get("url") if isinstance(inner, Mapping) else inner
        return address if isinstance(address, str) else None
    if raw.get("type") == "uri" and kind.startswith("image") and isinstance(raw.get("uri"), str):
        return str(raw["uri"])
    if raw.get("type") == "blob" and kind.startswith("image/") and isinstance(raw.get("content"), str):
        return f"data:{kind};base64,{raw['content']}"
    return None


def _tool(value: Any) -> dict[str, Any] | None:
    """One tool in any of the shapes that writers use; None where no name is told."""
    value = _decoded(value)
    if not isinstance(value, Mapping):
        return None
    for key in _INSIDE:
        if key in value:
            return _tool(value[key])
    function = value.get("function")
    told: Mapping[str, Any] = function if isinstance(function, Mapping) else value
    name = told.get("name")
    if not isinstance(name, str) or not _FUNCTION_NAME.fullmatch(name):
        return None
    described: dict[str, Any] = {"name": name}
    if isinstance(told.get("description"), str):
        described["description"] = told["description"]
    schema = next((_decoded(told[key]) for key in _SCHEMAS if told.get(key)), None)
    if isinstance(schema, Mapping):
        described["parameters"] = (
            dict(schema.get("json", schema)) if schema.keys() == {"json"} else dict(schema)
        )
    return {"type": "function", "function": described}


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
