"""Logs of conversations: what they look like; `reading` is imported once there is such a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport

_PAIRS = (("prompt", "completion"), ("instruction", "output"), ("prompt", "response"))


class ChatLogs:
    """`{messages: [...]}` a record (also as for fine-tuning), ShareGPT's, a prompt and its completion."""

    name = "chat-log"

    def recognise(self, probe: Probe) -> bool:
        """True for records that hold a conversation and do not say which span of a trace they are."""
        if probe.container != "json":
            return False
        first = probe.first[0] if isinstance(probe.first, list) and probe.first else probe.first
        if not isinstance(first, dict) or {"trace_id", "span_id", "traceId", "spanId"} & first.keys():
            return False
        return conversation_of(first) is not None

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of canonical rows: a model call a record."""
        from traceview.sources.chat_logs.reading import read

        return read(probe, report)


def conversation_of(record: Mapping[str, Any]) -> list[Any] | None:
    """The messages of a record with roles, or None if it holds no conversation."""
    messages = record.get("messages")
    if (
        isinstance(messages, list)
        and messages
        and all(isinstance(one, dict) and "role" in one for one in messages)
    ):
        return messages
    turns = record.get("conversations")
    if isinstance(turns, list) and turns and all(isinstance(one, dict) and "from" in one for one in turns):
        roles = {"gpt": "assistant", "human": "user", "chatgpt": "assistant", "bard": "assistant"}
        return [
            {"role": roles.get(str(one["from"]).lower(), one["from"]), "content": one.get("value")}
            for one in turns
        ]
    for asked, answered in _PAIRS:
        if isinstance(record.get(asked), str) and isinstance(record.get(answered), str):
            return [
                {"role": "user", "content": record[asked]},
                {"role": "assistant", "content": record[answered]},
            ]
    return None
