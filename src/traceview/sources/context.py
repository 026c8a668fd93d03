"""Whose conversation a span belongs to: thread, user, prompt, tags, metadata, environment, service."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import Attributes, Fields, filled, text
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
    ("tags", _tags, _TAGS),
    ("environment", _told, _ENVIRONMENT),
    ("release", _told, _RELEASE),
    ("feature", _told, _FEATURE),
)
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
