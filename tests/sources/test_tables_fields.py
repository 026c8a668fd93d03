"""What a plain table tells without a column for it: tools, documents, error types, who gave feedback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.model.messages import Document
from traceview.model.schema import COLUMN_NAMES
from traceview.sources.documents import documents_of, documents_of_output
from traceview.sources.names import tool_in_name
from traceview.sources.open import open_sources
from traceview.sources.payload import payload_of


def rows(path: Path, columns: dict[str, Any]) -> list[dict[str, Any]]:
    """The canonical rows of a table of text columns."""
    pq.write_table(pa.table(columns), path)
    relation = open_sources([str(path)]).relations[0]
    with duckdb.connect() as connection:
        result = connection.execute(relation.select(COLUMN_NAMES))
        return [dict(zip(COLUMN_NAMES, row, strict=True)) for row in result.fetchall()]


TOOL_NAMES = [
    ("search_docs", "search_docs"),
    ("execute_tool search_docs", "search_docs"),
    ("tool search_docs", "search_docs"),
    ("Tool: search docs", "search docs"),
    ("search_docs.tool", "search_docs"),
    ("tool_search", "tool_search"),
    ("toolbox", "toolbox"),
    ("tool", "tool"),
    ("  ", None),
]


@pytest.mark.parametrize(("name", "tool"), TOOL_NAMES)
def test_a_tool_span_is_named_by_its_span(tmp_path: Path, name: str, tool: str | None) -> None:
    found = rows(
        tmp_path / "t.parquet",
        {
            "trace_id": ["t"] * 2,
            "span_id": ["a", "b"],
            "kind": ["tool", "llm"],
            "name": [name] * 2,
            "input": ['{"q": "x"}'] * 2,
            "output": ['["y"]'] * 2,
        },
    )
    assert [row["tool_name"] for row in found] == [tool, None]
    assert tool_in_name(name) == tool
    use = payload_of(found[0]).tool
    assert use is not None
    assert (use.name, use.arguments, use.result) == (tool, {"q": "x"}, ["y"])
    assert payload_of(found[1]).tool is None


def test_a_column_for_the_tool_comes_first(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "t.parquet",
        {
            "trace_id": ["t"] * 2,
            "span_id": ["a", "b"],
            "kind": ["tool"] * 2,
            "name": ["step", "tool other"],
            "tool_name": ["own", None],
            "tool_args": ["{}", None],
            "input": ["i"] * 2,
        },
    )
    assert [row["tool_name"] for row in found] == ["own", "other"]
    uses = [payload_of(row).tool for row in found]
    assert [use.arguments for use in uses if use] == [{}, "i"]


ERRORS = [
    ("RateLimitError: 429: slow down", "RateLimitError", "429: slow down"),
    ("openai.BadRequestError: no such model", "openai.BadRequestError", "no such model"),
    ("TOO_MANY_REQUESTS: wait", "TOO_MANY_REQUESTS", "wait"),
    ("429: wait\nthen again", "429", "wait\nthen again"),
    ("ECONNRESET: socket", "ECONNRESET", "socket"),
    ("failed: the tool said no", None, "failed: the tool said no"),
    ("Note: this is prose", None, "Note: this is prose"),
    ("ERROR: it broke", None, "ERROR: it broke"),
    ("it broke", None, "it broke"),
    ("ValueError", None, "ValueError"),
    ("Traceback (most recent call last):\n  File \"x\"\nKeyError: 'a'\n", "KeyError", "'a'"),
    ('{"type": "T", "message": "ValueError: m"}', "T", "ValueError: m"),
]


@pytest.mark.parametrize("column", ["error", "error_message"])
@pytest.mark.parametrize(("text", "kind", "message"), ERRORS)
def test_error_texts(tmp_path: Path, column: str, text: str, kind: str | None, message: str) -> None:
    if column == "error_message" and text.startswith("{"):
        pytest.skip("only an error column is an object")
    found = rows(tmp_path / "t.parquet", {"trace_id": ["t", "u"], "input": ["i"] * 2, column: [text, None]})
    assert [(row["status"], row["error_type"], row["error_message"]) for row in found] == [
        ("error", kind, message),
        ("unset", None, None),
    ]


def test_an_error_type_of_its_own_stays(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "t.parquet",
        {
            "trace_id": ["t", "u", "v"],
            "input": ["i"] * 3,
            "error_type": ["throttled", "KeyError", None],
            "error_message": ["RateLimitError: slow", "KeyError: k", "KeyError: k"],
        },
    )
    assert [(row["error_type"], row["error_message"]) for row in found] == [
        ("throttled", "RateLimitError: slow"),
        ("KeyError", "k"),
        ("KeyError", "k"),
    ]


@pytest.mark.parametrize(
    ("written", "source"),
    [("user", "user"), ("end_user", "user"), ("human", "human"), ("annotation", "human"), ("LLM", "llm")],
)
def test_feedback_of_users_stays_apart(tmp_path: Path, written: str, source: str) -> None:
    feedback = json.dumps([{"name": "thumbs", "value": 1, "source": written, "author": "u_1"}])
    found = rows(tmp_path / "t.parquet", {"trace_id": ["t"], "input": ["i"], "feedback": [feedback]})
    assert [(one["source"], one["author"]) for one in json.loads(found[0]["scores"])] == [(source, "u_1")]


OUTPUTS: list[tuple[Any, list[Document]]] = [
    (
        {"results": [{"url": "u", "title": "T", "snippet": "s", "score": 0.5}]},
        [Document("u", "s", 0.5, {"url": "u", "title": "T"})],
    ),
    ([{"page_content": "p", "metadata": {"id": 7}}], [Document("7", "p", None, {"id": 7})]),
    ([[{"page_content": "p", "metadata": {}}, 0.25]], [Document(None, "p", 0.25, {})]),
    (
        {"matches": [{"id": "m", "score": 1, "metadata": {"text": "x"}}]},
        [Document("m", "x", 1.0, {"text": "x"})],
    ),
    ({"hits": {"hits": [{"_id": "e", "_score": 2.5, "_source": {"body": "b"}}]}}, [Document("e", "b", 2.5)]),
    (
        {"ids": [["a"]], "documents": [["t"]], "distances": [[0.5]], "metadatas": [[None]]},
        [Document("a", "t", None, {"distance": 0.5})],
    ),
    ([{"node": {"id_": "n", "text": "t"}, "score": 0.5}], [Document("n", "t", 0.5)]),
    ({"chunks": ["one", "two"]}, [Document(None, "one"), Document(None, "two")]),
    (
        {"results": [{"index": 0, "relevance_score": 0.9, "document": {"text": "d"}}]},
        [Document(None, "d", 0.9, {"index": 0})],
    ),
    ([{"doc_id": "d", "similarity": "0.75", "content": "c"}], [Document("d", "c", 0.75)]),
    ({"answer": "no documents"}, []),
    ([0.1, 0.2], []),
    ([], []),
    ("plain text", []),
    ([{"score": float("nan")}], []),
]


@pytest.mark.parametrize(("output", "documents"), OUTPUTS)
def test_documents_of_a_retrievers_output(output: Any, documents: list[Document]) -> None:
    text = output if isinstance(output, str) else json.dumps(output)
    assert list(documents_of_output(text)) == documents
    for kind in ("retriever", "reranker", "tool"):
        payload = payload_of({"kind": kind, "output": text})
        assert list(payload.documents) == ([] if kind == "tool" else documents)


def test_a_documents_column_comes_first() -> None:
    row = {"kind": "retriever", "documents": '["column"]', "output": '["output"]'}
    assert payload_of(row).documents == documents_of('["column"]') == (Document(None, "column"),)


def test_a_search_that_a_model_called_is_a_tool_call() -> None:
    called = payload_of(
        {"kind": "retriever", "tool_call_id": "c", "tool_name": "find", "input": '{"q": 1}'}
    ).tool
    assert called is not None
    assert (called.name, called.call_id, called.arguments) == ("find", "c", {"q": 1})
    assert payload_of({"kind": "retriever", "name": "find", "input": "q"}).tool is None
