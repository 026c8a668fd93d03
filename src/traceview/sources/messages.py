"""Messages of any writer as canonical messages: plain data for files, `model.messages` for screens.

Canonical JSON is the OpenTelemetry GenAI shape: `[{role, parts: [{type, ...}], finish_reason?, name?}]`. Read
are that shape, Anthropic content blocks, OpenAI chat and Responses items, LangChain's serialised messages,
Gemini contents and plain texts. Nothing raises: what is not understood is kept as an unknown part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from traceview.model.messages import Message, Part, PartType, Role
from traceview.sources.jsontext import as_text, decoded, dumps
from traceview.sources.message_parts import parts_of, text_part, tool_call_part

JsonMessage = dict[str, Any]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
}
_LANGCHAIN = {
    "SystemMessage": "system",
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
}
_CONTAINERS = (
    "messages", "input_messages", "output_messages", "choices", "generations", "candidates", "contents", "input",
    "output",
)  # fmt: skip
_MESSAGE_TYPES = ("human", "ai", "system", "tool", "function")
_GENAI_KEYS = {"role", "parts", "finish_reason"}
_MAX_DEPTH = 12


def canonical(value: Any, role: Role = "user") -> list[JsonMessage]:
    """Canonical messages as plain data; `role` is taken where the writer gives none. An empty value gives []."""
    value = decoded(value)
    found: list[JsonMessage] = []
    _collect(value, role, found, 0)
    return found


def messages_of(value: Any, role: Role = "user") -> tuple[Message, ...]:
    """Canonical messages for screens, from JSON text or parsed JSON of any shape."""
    return tuple(_model(message) for message in canonical(value, role))


def json_of(messages: Iterable[Message]) -> str:
    """Canonical JSON text of messages; `messages_of` reads it back."""
    return dumps([_plain(message) for message in messages])


def text_of(message: Mapping[str, Any]) -> str:
    """The text parts of a canonical message joined by newlines."""
    return "\n".join(
        [
            part["content"]
            for part in message.get("parts", ())
            if part.get("type") == "text" and isinstance(part.get("content"), str) and part["content"]
        ]
    )


def last_text(messages: list[JsonMessage], role: Role) -> str | None:
    """The text of the last message of a role that has one."""
    for message in reversed(messages):
        if message["role"] == role and (text := text_of(message)):
            return text
    return None


def role_of(value: Any, default: Role = "user") -> Role:
    """The canonical role of a writer's word for it."""
    if not isinstance(value, str):
        return default
    return _ROLES.get(value) or _ROLES.get(value.lower(), default)


def _collect(value: Any, role: Role, found: list[JsonMessage], depth: int) -> None:
    if value is None or value == "" or value == [] or value == {}:
        return
    if depth > _MAX_DEPTH:
        found.append({"role": role, "parts": [{"type": "unknown", "raw": value}]})
    elif isinstance(value, list | tuple):
        _collect_list(value, role, found, depth)
    elif isinstance(value, dict):
        _collect_object(value, role, found, depth)
    else:
        found.append({"role": role, "parts": [text_part(as_text(value) or "")]})


def _collect_list(items: Iterable[Any], role: Role, found: list[JsonMessage], depth: int) -> None:
    """Messages one after the other; neighbouring loose parts and texts become one message."""
    loose: list[Any] = []
    for item in items:
        if item.__class__ is dict and "role" in item and depth < _MAX_DEPTH and not _wraps(item):
            # what nearly all writers write: needs none of the questions below
            if loose:
                found.append({"role": role, "parts": parts_of(loose)})
                loose = []
            found.append(_message(item, role))
            continue
        if _is_part(item):
            loose.append(item)
            continue
        if loose:
            found.append({"role": role, "parts": parts_of(loose)})
            loose = []
        _collect(item, role, found, depth + 1)
    if loose:
        found.append({"role": role, "parts": parts_of(loose)})


def _wraps(item: Mapping[str, Any]) -> bool:
    """True for an object that holds its message inside."""
    return "kwargs" in item or isinstance(item.get("message"), dict)


def _is_part(item: Any) -> bool:
    """True for a content part outside of a message, such as a GenAI system instruction."""
    if not isinstance(item, dict) or "role" in item or "parts" in item or "kwargs" in item:
        return False
    kind = item.get("type")
    if not isinstance(kind, str) or kind in _RESPONSES_ITEMS or kind in _MESSAGE_TYPES:
        return False
    return kind not in ("message", "constructor")


def _collect_object(value: Mapping[str, Any], role: Role, found: list[JsonMessage], depth: int) -> None:
    langchain = value.get("kwargs")
    if isinstance(langchain, dict) and ("lc" in value or "id" in value):
        _collect_langchain(value, langchain, role, found, depth)
        return
    reader = _RESPONSES_ITEMS.get(value["type"]) if isinstance(value.get("type"), str) else None
    if reader is not None and "role" not in value:
        found.append(reader(value))
        return
    inner = value.get("message")
    if isinstance(inner, dict):
        count = len(found)
        _collect(inner, role, found, depth + 1)
        reason = value.get("finish_reason") or value.get("finishReason")
        if isinstance(reason, str) and len(found) > count:
            found[-1].setdefault("finish_reason", reason)
        return
    kind = value.get("type")
    if "role" in value or "parts" in value or (kind in _MESSAGE_TYPES and "content" in value):
        found.append(_message(value, role))
        return
    if _collect_container(value, role, found, depth):
        return
    if _is_part(value):
        found.append({"role": role, "parts": parts_of(value)})
    elif "content" in value or "tool_calls" in value:
        found.append(_message(value, role))
    elif isinstance(value.get("text"), str):
        found.append({"role": role, "parts": [text_part(value["text"])]})
    else:
        found.append({"role": role, "parts": [{"type": "unknown", "raw": dict(value)}]})


def _collect_container(value: Mapping[str, Any], role: Role, found: list[JsonMessage], depth: int) -> bool:
    """A request or response that holds messages: `system` first, then the list."""
    for key in _CONTAINERS:
        inner = value.get(key)
        if isinstance(inner, list) or (key in ("input", "output") and isinstance(inner, str | Mapping)):
            system = value.get("system") or value.get("instructions") or value.get("systemInstruction")
            if system:
                found.append({"role": "system", "parts": parts_of(system)})
            side: Role = "assistant" if key in ("choices", "generations", "candidates", "output") else role
            _collect(inner, side, found, depth + 1)
            return True
    return False


def _collect_langchain(
    value: Mapping[str, Any], kwargs: Mapping[str, Any], role: Role, found: list[JsonMessage], depth: int
) -> None:
    path = value.get("id")
    name = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else ""
    name = name.removesuffix("Chunk")
    if name in _LANGCHAIN:
        found.append(_message({"role": _LANGCHAIN[name], **kwargs}, role))
    elif "message" in kwargs:
        _collect(kwargs["message"], role, found, depth + 1)
    else:
        _collect(dict(kwargs), role, found, depth + 1)


def _message(value: Mapping[str, Any], default: Role) -> JsonMessage:
    role = role_of(value.get("role") or value.get("type"), default)
    content = value.get("parts")
    if content is None:
        content = value.get("content")
    parts = parts_of(content)
    if len(value) == 2 and "role" in value and role != "tool" and parts and parts[0]["type"] == "text":
        return {"role": role, "parts": parts}
    if "parts" in value and value.keys() <= _GENAI_KEYS:
        # the canonical shape itself: nothing but the role is to be found out
        answered = [part["type"] == "tool_call_response" for part in parts]
        if role != "tool" or any(answered):
            if role == "user" and parts and all(answered):
                role = "tool"
            found: JsonMessage = {"role": role, "parts": parts}
            if isinstance(reason := value.get("finish_reason"), str) and reason:
                found["finish_reason"] = reason
            return found
    call_id = value.get("tool_call_id")
    if role == "tool" and not any(part["type"] == "tool_call_response" for part in parts):
        texts_only = all(part["type"] == "text" for part in parts)
        response = "\n".join(part["content"] for part in parts) if texts_only else content
        parts = [{"type": "tool_call_response", "id": call_id, "response": response}]
    elif role == "user" and parts and all(part["type"] == "tool_call_response" for part in parts):
        role = "tool"
    reasoning = value.get("reasoning_content") or value.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        parts.insert(0, {"type": "reasoning", "content": reasoning})
    known = {part.get("id") for part in parts if part["type"] == "tool_call" and part.get("id")}
    calls = value.get("tool_calls")
    if isinstance(calls, list):
        for call in calls:
            part = tool_call_part(call)
            if part.get("id") is None or part["id"] not in known:
                parts.append(part)
    if isinstance(value.get("function_call"), Mapping):
        parts.append(tool_call_part(value["function_call"]))
    if isinstance(value.get("refusal"), str) and value["refusal"]:
        parts.append(text_part(value["refusal"]))
    message: JsonMessage = {"role": role, "parts": parts}
    reason = value.get("finish_reason") or value.get("stop_reason")
    if isinstance(reason, str):
        message["finish_reason"] = reason
    if isinstance(value.get("name"), str):
        message["name"] = value["name"]
    return message


def _function_call(item: Mapping[str, Any]) -> JsonMessage:
    return {"role": "assistant", "parts": [tool_call_part(item)]}


def _function_output(item: Mapping[str, Any]) -> JsonMessage:
    response = decoded(item.get("output"))
    return {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": item.get("call_id"), "response": response}],
    }


def _reasoning(item: Mapping[str, Any]) -> JsonMessage:
    summary = item.get("summary") or item.get("content") or ""
    pieces = summary if isinstance(summary, list) else [summary]
    texts = [piece.get("text") if isinstance(piece, dict) else piece for piece in pieces]
    content = "\n".join(text for text in texts if isinstance(text, str))
    return {"role": "assistant", "parts": [{"type": "reasoning", "content": content}]}


_RESPONSES_ITEMS = {
    "function_call": _function_call,
    "custom_tool_call": _function_call,
    "function_call_output": _function_output,
    "custom_tool_call_output": _function_output,
    "reasoning": _reasoning,
}


_PART_TYPES: dict[str, PartType] = {
    name: name for name in ("text", "reasoning", "tool_call", "tool_call_response", "blob", "uri", "file")
}


def _model(message: JsonMessage) -> Message:
    return Message(
        role=message["role"],
        parts=tuple(_model_part(part) for part in message["parts"]),
        finish_reason=message.get("finish_reason"),
        name=message.get("name"),
    )


def _model_part(part: Mapping[str, Any]) -> Part:
    kind = _PART_TYPES.get(part["type"], "unknown")
    if kind in ("text", "reasoning"):
        return Part(kind, content=as_text(part.get("content")))
    if kind == "tool_call":
        call_id, name = as_text(part.get("id")), as_text(part.get("name"))
        return Part(kind, call_id=call_id, name=name, arguments=part.get("arguments"))
    if kind == "tool_call_response":
        return Part(kind, call_id=as_text(part.get("id")), response=part.get("response"))
    return Part(kind, raw=part["raw"] if part["type"] == "unknown" and "raw" in part else dict(part))


def _plain(message: Message) -> JsonMessage:
    plain: JsonMessage = {"role": message.role, "parts": [_plain_part(part) for part in message.parts]}
    if message.finish_reason is not None:
        plain["finish_reason"] = message.finish_reason
    if message.name is not None:
        plain["name"] = message.name
    return plain


def _plain_part(part: Part) -> dict[str, Any]:
    if part.type in ("text", "reasoning"):
        return {"type": part.type, "content": part.content or ""}
    if part.type == "tool_call":
        return {"type": part.type, "id": part.call_id, "name": part.name, "arguments": part.arguments}
    if part.type == "tool_call_response":
        return {"type": part.type, "id": part.call_id, "response": part.response}
    if part.type == "unknown":
        return {"type": "unknown", "raw": part.raw}
    return dict(part.raw) if isinstance(part.raw, Mapping) else {"type": part.type, "raw": part.raw}
