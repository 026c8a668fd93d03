"""Messages that are written in the canonical shape, as current writers of OpenTelemetry's do: decoded straight into it.

Several times as fast as plain data that is then looked through. They are read like the plain data that
`messages.canonical` gives, and their JSON text is the same.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from traceview.sources.jsontext import decoded, dumps

_Name = Annotated[str, Meta(min_length=1)]


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What is read like a dict; the keys are all that there may be."""

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value under a key, `default` where there is none."""
        found = getattr(self, key, default)
        return default if found is UNSET else found


class _Text(_Plain, tag="text", tag_field="type"):
    content: str
    type = "text"


class _Reasoning(_Plain, tag="reasoning", tag_field="type"):
    content: str
    type = "reasoning"


class _Call(_Plain, tag="tool_call", tag_field="type"):
    id: _Name | None = None
    name: _Name | None = None
    arguments: Any = None
    type = "tool_call"


class _Response(_Plain, tag="tool_call_response", tag_field="type"):
    id: _Name | None = None
    response: str | None = None
    name: str | UnsetType | None = UNSET
    type = "tool_call_response"


class _System(_Plain, tag="system", tag_field="role"):
    parts: list[_Text]
    role = "system"


class _User(_Plain, tag="user", tag_field="role"):
    parts: list[_Text | _Response]
    role = "user"


class _Assistant(_Plain, tag="assistant", tag_field="role"):
    parts: list[_Text | _Reasoning | _Call]
    finish_reason: _Name | UnsetType = UNSET
    role = "assistant"


class _Tool(_Plain, tag="tool", tag_field="role"):
    parts: Annotated[list[_Response], Meta(min_length=1)]
    role = "tool"


_decoder = msgspec.json.Decoder(list[_System | _User | _Assistant | _Tool])
_encoder = msgspec.json.Encoder()
_NEAR = 100
"""Characters at the beginning of a text of messages in which the first of them says that it has parts."""


def written_messages(value: Any) -> list[Any] | None:
    """The messages of a JSON text in the canonical shape; None for one that is anything else."""
    if value.__class__ is not str or '"parts"' not in value[:_NEAR]:
        return None
    try:
        messages = _decoder.decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    for place, message in enumerate(messages):
        responses: list[_Response] = []
        for part in message.parts:
            if isinstance(part, _Response):
                part.response = decoded(part.response)
                part.name = UNSET  # that of the tool, which its call has
                responses.append(part)
            elif isinstance(part, _Call):
                part.arguments = decoded(part.arguments)
        if responses and len(responses) == len(message.parts):
            # some writers call results alone a message of the user's
            messages[place] = _Tool(responses)
    return messages


def text_of_messages(messages: list[Any]) -> str:
    """The JSON text of messages, plain data or of these."""
    # before these there may be a system prompt from elsewhere, after them nothing
    return _encoder.encode(messages).decode() if isinstance(messages[-1], _Plain) else dumps(messages)
