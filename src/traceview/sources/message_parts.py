"""Content parts of messages, whatever the writer, as canonical parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.sources.jsontext import as_text, decoded

JsonPart = dict[str, Any]

_TEXT_TYPES = ("text", "input_text", "output_text", "refusal", "summary_text")
_REASONING_TYPES = ("reasoning", "thinking")
_CALL_TYPES = ("tool_call", "tool_use", "server_tool_use", "function_call", "function", "tool-call")
_RESPONSE_TYPES = ("tool_call_response", "tool_result", "function_call_output", "tool-result")
_RESPONSE_IDS = ("id", "tool_use_id", "tool_call_id", "call_id", "toolCallId")
_VERBATIM_TYPES = ("blob", "uri", "file")


def text_part(text: str) -> JsonPart:
    """A text."""
    return {"type": "text", "content": text}


def parts_of(content: Any) -> list[JsonPart]:
    """Canonical parts of the content of a message: text, one part, or a list of them."""
    if content is None or content == "":
        return []
    if isinstance(content, list | tuple):
        return [part_of(item) for item in content if item is not None]
    return [part_of(content)]


def part_of(item: Any) -> JsonPart:
    """One canonical part; what is not understood is kept verbatim as unknown."""
    if isinstance(item, str):
        return text_part(item)
    if not isinstance(item, dict):
        return text_part(as_text(item) or "")
    kind = item.get("type")
    if kind == "text" and item.get("content").__class__ is str:
        return {"type": "text", "content": item["content"]}
    if kind in _TEXT_TYPES:
        text = _first_text(item, ("content", "text", "refusal"))
        return text_part(text) if text is not None else _unknown(item)
    if kind in _REASONING_TYPES:
        text = _first_text(item, ("content", "thinking", "reasoning", "text"))
        return {"type": "reasoning", "content": text or ""}
    if kind in _CALL_TYPES:
        return tool_call_part(item)
    if kind in _RESPONSE_TYPES:
        return _tool_response(item)
    if kind in _VERBATIM_TYPES:
        return dict(item)
    if kind == "unknown" and "raw" in item:
        return {"type": "unknown", "raw": item["raw"]}
    if kind is None:
        return _untyped(item)
    return _unknown(item)


def tool_call_part(call: Any) -> JsonPart:
    """A tool call of OpenAI (arguments in a JSON string), Anthropic (`input`), LangChain (`args`) or GenAI."""
    if not isinstance(call, dict):
        return _unknown(call)
    function = call.get("function")
    inner: Mapping[str, Any] = function if isinstance(function, dict) else call
    arguments: Any = None
    for key in ("arguments", "input", "args", "parameters"):
        if inner.get(key) is not None:
            arguments = decoded(inner[key])
            break
    call_id = call.get("id") or call.get("toolCallId")
    if isinstance(call.get("call_id"), str):
        call_id = call["call_id"]
    return {
        "type": "tool_call",
        "id": as_text(call_id),
        "name": as_text(inner.get("name") or inner.get("toolName")),
        "arguments": arguments,
    }


def _tool_response(item: Mapping[str, Any]) -> JsonPart:
    call_id = next((item[key] for key in _RESPONSE_IDS if item.get(key)), None)
    response: Any = None
    for key in ("response", "result", "content", "output"):
        if item.get(key) is not None:
            response = item[key]
            break
    if isinstance(response, list):
        parts = [part_of(part) for part in response]
        if parts and all(part["type"] == "text" for part in parts):
            response = "\n".join(part["content"] for part in parts)
    if isinstance(response, dict) and response.keys() == {"type", "value"}:
        # Vercel's SDK says beside the value of what type it is
        response = response["value"]
    return {"type": "tool_call_response", "id": as_text(call_id), "response": decoded(response)}


def _untyped(item: Mapping[str, Any]) -> JsonPart:
    """Gemini's parts, and texts without a type."""
    text = _first_text(item, ("text", "content"))
    if text is not None:
        return text_part(text)
    for key in ("functionCall", "function_call"):
        if isinstance(item.get(key), Mapping):
            return tool_call_part(item[key])
    for key in ("functionResponse", "function_response"):
        if isinstance(item.get(key), Mapping):
            return _tool_response(item[key])
    return _unknown(item)


def _first_text(item: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((item[key] for key in keys if isinstance(item.get(key), str)), None)


def _unknown(item: Any) -> JsonPart:
    return {"type": "unknown", "raw": dict(item) if isinstance(item, dict) else item}
