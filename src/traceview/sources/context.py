"""Whose conversation a span belongs to: thread, user, prompt, tags, metadata, environment, service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.sources.dialects.base import Attributes, Fields, first_text
from traceview.sources.jsontext import as_text, decoded, dumps

_ASSOCIATION = "traceloop.association.properties."
_LANGSMITH = "langsmith.metadata."
_THREAD = (
    "session.id", "gen_ai.conversation.id", "langfuse.session.id",
    *(_ASSOCIATION + key for key in ("session_id", "thread_id", "conversation_id", "chat_id")),
    *(_LANGSMITH + key for key in ("session_id", "thread_id", "conversation_id")),
    "thread_id", "thread.id",
)  # fmt: skip
_USER = ("user.id", "enduser.id", "langfuse.user.id", _ASSOCIATION + "user_id")
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
_METADATA_PREFIXES = ("langfuse.trace.metadata.", "langfuse.observation.metadata.", _ASSOCIATION, _LANGSMITH)
_ENVIRONMENT = ("langfuse.environment", "deployment.environment.name", "deployment.environment")
_RELEASE = ("langfuse.release", "service.version", "app.release", "release")
_FEATURE = ("feature", "app.feature", "feature.name", _ASSOCIATION + "feature")
_SCRUBBED = "[Scrubbed due to "


def context_fields(attributes: Attributes, resource: Attributes) -> Fields:
    """Thread, user, prompt name and version, tags, metadata (JSON text), environment, service, release, feature."""
    metadata = _metadata(attributes)
    prompt_name = _clean(attributes, _PROMPT_NAME)
    prompt_version = _clean(attributes, _PROMPT_VERSION)
    thread_id = _clean(attributes, _THREAD)
    if metadata:
        thread_id = thread_id or _clean(metadata, ("thread_id",))
        prompt_name = prompt_name or _clean(metadata, ("prompt_name", "prompt.name"))
        prompt_version = prompt_version or _clean(metadata, ("prompt_version", "prompt.version"))
    feature = _clean(attributes, _FEATURE) or (_clean(metadata, ("feature",)) if metadata else None)
    return {
        "thread_id": thread_id,
        "user_id": _clean(attributes, _USER),
        "prompt_name": prompt_name,
        "prompt_version": prompt_version,
        "tags": _tags(attributes),
        "metadata": dumps(metadata) if metadata else None,
        "environment": _clean(attributes, _ENVIRONMENT) or first_text(resource, _ENVIRONMENT),
        "service": first_text(resource, ("service.name", "openinference.project.name")),
        "release": _clean(attributes, _RELEASE) or first_text(resource, _RELEASE),
        "feature": feature,
    }


def _clean(values: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """The first value as text that is not what a redacting writer left of it."""
    for key in keys:
        if key in values:
            value = values[key]
            if value is None or value == "" or (isinstance(value, str) and value.startswith(_SCRUBBED)):
                continue
            return as_text(value)
    return None


def _tags(attributes: Attributes) -> list[str] | None:
    for key in _TAGS:
        tags = attributes.get(key)
        if isinstance(tags, str):
            tags = decoded(tags) if tags.startswith("[") else [tags]
        if isinstance(tags, list) and tags:
            return [as_text(tag) or "" for tag in tags]
    return None


def _metadata(attributes: Attributes) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    own = decoded(attributes.get("metadata"))
    if isinstance(own, dict):
        metadata.update(own)
    elif own is not None and own != "":
        metadata["metadata"] = own
    for key, value in attributes.items():
        if key.startswith(_METADATA_PREFIXES):
            prefix = next(prefix for prefix in _METADATA_PREFIXES if key.startswith(prefix))
            metadata.setdefault(key[len(prefix) :], decoded(value, 1))
    return metadata
