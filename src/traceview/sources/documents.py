"""Retrieved documents of whatever shape, from a documents column or the output of a retriever or reranker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from traceview.model.messages import Document
from traceview.sources.jsontext import as_text, decoded

_LISTS = (
    "documents", "results", "hits", "chunks", "matches", "docs", "passages", "nodes", "source_nodes",
    "source_documents", "contexts", "context", "items", "data", "retrieved_documents", "sources", "output", "result",
)  # fmt: skip
_INNER = ("document", "node", "_source", "kwargs", "entity", "payload", "chunk")
_IDS = (
    "id", "_id", "doc_id", "document_id", "id_", "chunk_id", "node_id", "uuid", "key", "url", "uri", "link",
    "source",
)  # fmt: skip
_SCORES = (
    "score", "_score", "relevance_score", "similarity", "similarity_score", "relevance", "rerank_score",
    "@search.score",
)  # fmt: skip
_TEXTS = (
    "text", "content", "page_content", "pageContent", "snippet", "body", "document", "passage", "chunk", "chunk_text",
    "excerpt", "summary", "description",
)  # fmt: skip


def documents_of(value: Any) -> tuple[Document, ...]:
    """Documents of a JSON list of {id, score, text, metadata} or of the shapes that writers use for them."""
    items = decoded(value)
    found = _items(items)
    if found is None and isinstance(items, dict):
        found = [items]
    return tuple(_document(item) for item in found or () if item is not None)


def documents_of_output(value: Any) -> tuple[Document, ...]:
    """Documents of what a retriever or reranker gave back; none where that is no list of documents."""
    found = _items(decoded(value))
    if not found or not all(isinstance(item, Mapping | str | list) for item in found):
        return ()
    documents = tuple(_document(item) for item in found)
    return documents if any(one.text or one.id for one in documents) else ()


def _items(value: Any) -> list[Any] | None:
    """The list of documents: the value itself, what stands under a usual key, or parallel lists of ids and texts."""
    if isinstance(value, list):
        # one query of several: a list of lists of documents
        if len(value) == 1 and isinstance(value[0], list) and all(isinstance(i, dict) for i in value[0]):
            return value[0]
        return value
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("ids"), list) and isinstance(value.get("documents"), list):
        return _parallel(value)
    for key in _LISTS:
        inner = value.get(key)
        if isinstance(inner, str):
            inner = decoded(inner)
        if isinstance(inner, dict):
            inner = _items(inner)
        if isinstance(inner, list):
            return _items(inner)
    return None


def _parallel(value: Mapping[str, Any]) -> list[Any]:
    """Chroma's answer: lists of ids, documents, metadatas and distances side by side, perhaps one of each per query."""
    columns = {}
    for key, name in (("ids", "id"), ("documents", "text"), ("metadatas", "metadata"), ("scores", "score")):
        column = value.get(key)
        if isinstance(column, list):
            columns[name] = column[0] if len(column) == 1 and isinstance(column[0], list) else column
    distances = value.get("distances")
    if isinstance(distances, list):
        columns["distance"] = (
            distances[0] if len(distances) == 1 and isinstance(distances[0], list) else distances
        )
    return [
        {name: column[index] for name, column in columns.items() if index < len(column)}
        for index in range(max(map(len, columns.values())))
    ]


def _document(item: Any) -> Document:
    if isinstance(item, list) and len(item) == 2 and _number(item[1]) is not None:
        # LangChain's pair of a document and its score
        scored = _document(item[0])
        return Document(scored.id, scored.text, _number(item[1]), scored.metadata)
    if not isinstance(item, dict):
        return Document(None, as_text(item))
    for key in _INNER:
        inner = item.get(key)
        if isinstance(inner, dict):
            item = {**{name: kept for name, kept in item.items() if name != key}, **inner}
    metadata = decoded(item.get("metadata"))
    used = {"metadata"}
    within: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    id_key = _key(item, _IDS, (str, int))
    text_key = _key(item, _TEXTS, (str,))
    score_key = next((key for key in _SCORES if _number(item.get(key)) is not None), None)
    used.update(key for key in (id_key, text_key, score_key) if key is not None)
    text = item[text_key] if text_key else None
    if text is None:
        inner_key = _key(within, _TEXTS, (str,))
        text = within[inner_key] if inner_key else None
    document_id = item[id_key] if id_key else within.get("id")
    if id_key in ("url", "uri", "link", "source"):
        used.discard(id_key)
    rest = {key: kept for key, kept in item.items() if key not in used and kept is not None}
    return Document(
        id=as_text(document_id),
        text=text,
        score=_number(item[score_key]) if score_key else None,
        metadata=_joined(metadata, rest),
    )


def _joined(metadata: Any, rest: dict[str, Any]) -> Any:
    """The document's own metadata and its other keys (title, url, ...) together."""
    if not rest:
        return metadata
    if isinstance(metadata, dict):
        return {**rest, **metadata}
    return rest if metadata is None else {**rest, "metadata": metadata}


def _key(item: Mapping[str, Any], keys: tuple[str, ...], kinds: tuple[type, ...]) -> str | None:
    return next((key for key in keys if isinstance(item.get(key), kinds) and item[key] != ""), None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
