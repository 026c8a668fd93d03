"""One example: a conversation with what people said of it, and as the records of each format. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct, field

from traceview.exports.training.chat import ChatMessage, Unwritable
from traceview.exports.training.conversation import Conversation
from traceview.model.datasets import DatasetItem
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.rows import encode_value

CORRECTION = "correction"


class Example(Struct, frozen=True):
    """A target as it is exported. `corrections` are what the answer should have been, the newest last.

    `labels` are current values as objects: name, value (JSON), source, annotator, reason, definition_hash.
    """

    target: Target
    thread_id: str | None
    conversation: Conversation
    corrections: tuple[str, ...] = ()
    labels: tuple[dict[str, Any], ...] = ()
    facts: Mapping[str, str | None] = field(default_factory=dict)
    split: str | None = None
    must_pass: bool = False
    """Whether a data set says that a gate fails if this does."""

    @property
    def answer(self) -> ChatMessage:
        """What the model is to learn to say: the newest correction, else its output."""
        return corrected(self.corrections[-1]) if self.corrections else self.conversation.output

    @property
    def question(self) -> str:
        """The newest words of the user."""
        return next((text_of(one) for one in reversed(self.conversation.prompt) if one["role"] == "user"), "")

    @property
    def whole(self) -> str:
        """Everything that was said by the user and the assistant, without the instructions and the tools."""
        said = [*self.conversation.prompt, self.answer]
        return "\n".join(text_of(one) for one in said if one["role"] in ("user", "assistant"))


class LeftOut(Struct, frozen=True):
    """A target that was asked for and is not written, and why in a few words."""

    target: Target
    reason: str


def authored_example(item: DatasetItem) -> Example | LeftOut:
    """An item that somebody wrote, as an example whose answer is what is expected."""
    place = Target("trace", item.id)
    if item.expected is None:
        return LeftOut(place, "nothing is expected of it")
    prompt: list[ChatMessage] = [{"role": "user", "content": item.input or ""}]
    if (item.input or "").startswith("["):
        with suppress(ValueError):
            told = json.loads(item.input or "")
            if all(isinstance(one, dict) and "role" in one for one in told):
                prompt = [{"role": one["role"], "content": one["content"]} for one in told]
    conversation = Conversation("", prompt, corrected(item.expected), [])
    facts = {"target_kind": item.origin, "model": None, "prompt_version": None}
    return Example(place, None, conversation, facts=facts, split=item.split, must_pass=item.must_pass)


def corrected(text: str) -> ChatMessage:
    """A correction as the assistant's message."""
    return {"role": "assistant", "content": text}


def text_of(message: ChatMessage) -> str:
    """The text of a message, whatever else it holds."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def label_objects(rows: Iterable[LabelRow], names: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Labels as objects, in order of name, source and annotator; `names` are those that annotators go by."""
    return tuple(
        {
            "name": row.name,
            "value": encode_value(row.value),
            "source": row.source,
            "annotator": names.get(row.annotator, row.annotator),
            "reason": row.reason,
            "definition_hash": row.definition_hash,
        }
        for row in sorted(rows, key=lambda row: (row.name, row.source, row.annotator))
        if row.name != CORRECTION
    )


def chat_records(example: Example) -> list[dict[str, Any]]:
    """OpenAI's chat fine-tuning: `messages` that end with the answer, and `tools`."""
    record: dict[str, Any] = {"messages": [*example.conversation.prompt, example.answer]}
    return [record | _tools(example)]


def preference_records(example: Example) -> list[dict[str, Any]]:
    """OpenAI's preference pairs: each correction is preferred to the output. Raises Unwritable without one."""
    output = example.conversation.output
    pairs = [
        {
            "input": {"messages": example.conversation.prompt}
            | _tools(example)
            | {"parallel_tool_calls": True},
            "preferred_output": [corrected(text)],
            "non_preferred_output": [output],
        }
        for text in dict.fromkeys(example.corrections)
        if text != output.get("content")
    ]
    if not pairs:
        raise Unwritable("no correction")
    return pairs


def dataset_record(example: Example) -> dict[str, Any]:
    """A row of a data set: the conversation in columns, and its labels."""
    return {
        "id": example.target.id,
        "target_kind": example.target.kind,
        "trace_id": example.target.trace_id,
        "thread_id": example.thread_id,
        **example.facts,
        "messages": _flat([*example.conversation.prompt, example.answer]),
        "tools": json.dumps(example.conversation.tools, ensure_ascii=False)
        if example.conversation.tools
        else None,
        "answer": text_of(example.answer),
        "corrected": bool(example.corrections),
        "must_pass": example.must_pass,
        "labels": list(example.labels),
    }


def preference_rows(example: Example) -> list[dict[str, Any]]:
    """Rows of preference pairs as libraries for training take them: `prompt`, `chosen`, `rejected`."""
    return [
        {
            "id": example.target.id,
            "prompt": _flat(pair["input"]["messages"]),
            "chosen": _flat(pair["preferred_output"]),
            "rejected": _flat(pair["non_preferred_output"]),
        }
        for pair in preference_records(example)
    ]


def _tools(example: Example) -> dict[str, Any]:
    return {"tools": example.conversation.tools} if example.conversation.tools else {}


def _flat(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Messages of one shape, as columns need it: a content that is a list is JSON text."""
    return [
        {
            "role": one["role"],
            "content": json.dumps(one["content"], ensure_ascii=False)
            if isinstance(one.get("content"), list)
            else one.get("content"),
            "tool_calls": one.get("tool_calls"),
            "tool_call_id": one.get("tool_call_id"),
        }
        for one in messages
    ]


RECORDS: dict[str, Callable[[Example], list[dict[str, Any]]]] = {
    "openai": chat_records,
    "dpo": preference_records,
}
"""What each format of JSON lines makes of an example."""
