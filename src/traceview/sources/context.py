"""Whose conversation a span belongs to: thread, user, prompt, tags, metadata, environment, service."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import REPEATED, Attributes, Fields, RawSpan, filled, text
from traceview.sources.dialects.shape import Shape, Table, shape_of
from traceview.sources.jsontext import as_text, decoded, dumps

_ASSOCIATION = "traceloop.association.properties."
_LANGSMITH = "langsmith.metadata."
_VERCEL = "ai.telemetry.metadata."
_THREAD = (
    "session.id", "gen_ai.conversation.id", "langfuse.session.id",
    *(_ASSOCIATION + key for key in ("session_id", "thread_id", "conversation_id", "chat_id")),
    *(_LANGSMITH + key for key in ("session_id", "thread_id", "conversation_id")),
    "thread_id", "thread.id", "mlflow.trace.session",
    *(_VERCEL + key for key in ("sessionId", "session_id", "threadId", "thread_id", "conversationId", "chatId")),
)  # fmt: skip
_USER = (
    "user.id", "enduser.id", "langfuse.user.id", _ASSOCIATION + "user_id", "mlflow.trace.user", _VERCEL + "userId",
    _VERCEL + "user_id",
)  # fmt: skip
_PROMPT_NAME = (
    "gen_ai.prompt.name", "langfuse.observation.prompt.name", "llm.prompt_template.name",
    "traceloop.prompt.key", "prompt_name", "prompt.name", _ASSOCIATION + "prompt_name",
)  # fmt: skip
_PROMPT_VERSION = (
    "gen_ai.prompt.version", "llm.prompt_template.version", "langfuse.observation.prompt.version",
    "traceloop.prompt.version", "prompt_version", "prompt.version", _ASSOCIATION + "prompt_version",
    _ASSOCIATION + "prompt.version",
)  # fmt: skip
_TAGS = ("tag.tags", "langfuse.trace.tags", "logfire.tags", "tags")
_METADATA_PREFIXES = (
    "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
    _ASSOCIATION,
    _LANGSMITH,
    _VERCEL,
)
_ENVIRONMENT = (
    "langfuse.environment",
    "deployment.environment.name",
    "deployment.environment",
    "gen_ai.environment",
)
_RELEASE = ("langfuse.release", "service.version", "app.release", "release")
_FEATURE = (
    "feature", "app.feature", "feature.name", _ASSOCIATION + "feature", "ai.telemetry.functionId",
)  # fmt: skip
_SCRUBBED = "[Scrubbed due to "


_METADATA = "metadata"


def _told(value: Any) -> str | None:
    """A value as text that is not what a redacting writer left of it."""
    if value is None or value == "" or (isinstance(value, str) and value.startswith(_SCRUBBED)):
        return None
    # MLflow writes every value as JSON
    return as_text(decoded(value, 1) if isinstance(value, str) and value.startswith('"') else value)


def _tags(value: Any) -> list[str] | None:
    if isinstance(value, str):
        value = decoded(value) if value.startswith("[") else [value]
    if isinstance(value, list) and value:
        return [as_text(tag) or "" for tag in value]
    return None


_OF_SPAN: Table = (
    ("thread_id", _told, _THREAD),
    ("user_id", _told, _USER),
    ("prompt_name", _told, _PROMPT_NAME),
    ("prompt_version", _told, _PROMPT_VERSION),
    ("environment", _told, _ENVIRONMENT),
    ("release", _told, _RELEASE),
    ("feature", _told, _FEATURE),
)
_TAGS_OF_SPAN: Table = (("tags", _tags, _TAGS),)
_OF_METADATA: Table = (
    ("thread_id", _told, ("thread_id",)),
    ("prompt_name", _told, ("prompt_name", "prompt.name")),
    ("prompt_version", _told, ("prompt_version", "prompt.version")),
    ("feature", _told, ("feature",)),
)
_OF_RESOURCE: Table = (
    ("environment", text, _ENVIRONMENT),
    ("service", text, ("service.name", "openinference.project.name")),
    ("release", text, _RELEASE),
)
_COLUMNS: Fields = dict.fromkeys(
    (
        "thread_id", "user_id", "prompt_name", "prompt_version", "tags", "metadata", "environment", "service",
        "release", "feature",
    )
)  # fmt: skip


def context_fields(attributes: Attributes, resource: Attributes, shape: Shape | None = None) -> Fields:
    """Thread, user, prompt name and version, tags, metadata (JSON text), environment, service, release, feature.

    `shape` is that of the attributes, where it is known.
    """
    shape = shape or shape_of(attributes)
    fields = _without_tags(attributes, resource, shape)
    fields["tags"] = filled(_TAGS_OF_SPAN, attributes, shape).get("tags")
    return fields


def context_of(span: RawSpan, shape: Shape) -> Fields:
    """The same of a span; what the last spans of its shape had is not read again, for spans of a trace have it all."""
    attributes = span.attributes
    said = shape.made(_Said)
    values = [attributes[key] for key in said.keys]
    length = 0
    for value in values:
        if value.__class__ is not str:
            return context_fields(attributes, span.resource, shape)
        length += len(value)
    if length > REPEATED:
        return context_fields(attributes, span.resource, shape)
    key = (said.keys, span.resource_json, *values)
    fields = _known.get(key)
    if fields is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        fields = _known[key] = _without_tags(attributes, span.resource, shape)
    if said.has_tags:
        return fields | filled(_TAGS_OF_SPAN, attributes, shape)
    return fields


class _Said:
    """The keys of a shape that are read here, but for those of tags."""

    __slots__ = ("has_tags", "keys")

    def __init__(self, shape: Shape) -> None:
        read = {key for _, _, keys in shape.steps(_OF_SPAN) for key in keys}
        read.update(key for _, key in shape.named(_METADATA_PREFIXES))
        if _METADATA in shape.names:
            read.add(_METADATA)
        self.keys = tuple(sorted(read))
        self.has_tags = bool(shape.steps(_TAGS_OF_SPAN))


_MOST_KNOWN = 2000
_known: dict[tuple[object, ...], Fields] = {}
"""What came of the values of spans, by their keys, their resource and the values; texts of at most some 4 MB."""


def _without_tags(attributes: Attributes, resource: Attributes, shape: Shape) -> Fields:
    fields = _COLUMNS | filled(_OF_RESOURCE, resource, shape_of(resource))
    metadata = _metadata(attributes, shape)
    if metadata:
        fields |= filled(_OF_METADATA, metadata, shape_of(metadata))
        fields["metadata"] = dumps(metadata)
    fields |= filled(_OF_SPAN, attributes, shape)
    return fields


def _metadata(attributes: Attributes, shape: Shape) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if _METADATA in shape.names:
        own = decoded(attributes[_METADATA])
        if isinstance(own, dict):
            metadata.update(own)
        elif own is not None and own != "":
            metadata["metadata"] = own
    for name, key in shape.named(_METADATA_PREFIXES):
        metadata.setdefault(name, decoded(attributes[key], 1))
    return metadata
