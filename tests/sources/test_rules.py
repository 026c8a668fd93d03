"""Calls counted once, roll-ups, inheritance, leaf errors; and nothing that a trace may hold makes them fail."""

from __future__ import annotations

from typing import Any

from benchmarks.clock import spent
from hypothesis import given
from hypothesis import strategies as st

from traceview.model.schema import KINDS
from traceview.sources.rules import ResolvedSpan, SpanFacts, is_vendor_native, resolve

NATIVE = "com.anthropic.sdk.python"


def span(span_id: str, parent: str | None = None, kind: str = "llm", **more: Any) -> SpanFacts:
    start = more.pop("start", 0)
    end = more.pop("end", start + 10)
    return SpanFacts(span_id, parent, kind, start, end, more.pop("status", "ok"), **more)


def by_id(*spans: SpanFacts) -> dict[str, ResolvedSpan]:
    return dict(zip((item.span_id for item in spans), resolve(spans).spans, strict=True))


def calls(spans: dict[str, ResolvedSpan]) -> set[str]:
    return {name for name, item in spans.items() if item.is_call}


def test_wrapper_and_its_only_inner_call_are_one_with_the_largest_numbers() -> None:
    found = by_id(
        span("root", kind="agent"),
        span("outer", "root", has_content=True, output_tokens=7),
        span("step", "outer", "chain"),
        span("inner", "step", input_tokens=100, output_tokens=5, cost_usd=0.1),
    )
    assert calls(found) == {"outer"}
    assert found["inner"].duplicate_of == "outer"
    assert found["inner"].counted is False
    assert (found["outer"].input_tokens, found["outer"].output_tokens, found["outer"].cost_usd) == (
        100,
        7,
        0.1,
    )
    assert found["inner"].input_tokens == 100


def test_tool_or_agent_between_separates_calls() -> None:
    for kind in ("tool", "agent"):
        found = by_id(span("a", input_tokens=3), span("b", "a", kind), span("c", "b", input_tokens=4))
        assert calls(found) == {"a", "c"}


def test_wrapper_of_several_calls_is_a_rollup() -> None:
    found = by_id(
        span("sum", input_tokens=30), span("a", "sum", input_tokens=10), span("b", "sum", input_tokens=20)
    )
    assert calls(found) == {"a", "b"}
    assert found["sum"].counted is False
    assert found["sum"].duplicate_of is None


def test_wrapper_of_two_spans_of_one_call_is_that_call() -> None:
    found = by_id(
        span("outer", has_content=True),
        span("a", "outer", call_id="msg_1", input_tokens=10),
        span("b", "outer", call_id="msg_1", input_tokens=10),
    )
    assert calls(found) == {"outer"}
    assert {found["a"].duplicate_of, found["b"].duplicate_of} == {"outer"}


def test_rollup_with_the_last_response_id_does_not_swallow_that_call() -> None:
    found = by_id(
        span("sum", call_id="msg_2", input_tokens=30),
        span("a", "sum", call_id="msg_1", input_tokens=10),
        span("b", "sum", call_id="msg_2", input_tokens=20),
    )
    assert calls(found) == {"a", "b"}
    assert found["b"].input_tokens == 20


def test_same_response_id_is_one_call_wherever_it_is() -> None:
    found = by_id(
        span("t", kind="tool"),
        span("a", "t", call_id="x", has_content=True, input_tokens=10),
        span("b", call_id="x", input_tokens=11),
        span("c", call_id="y", input_tokens=1),
    )
    assert calls(found) == {"a", "c"}
    assert found["a"].input_tokens == 11


def test_vendor_span_beside_an_instrumentation_pairs_by_time() -> None:
    found = by_id(
        span("root", kind="agent"),
        span("i1", "root", start=0, end=10, has_content=True),
        span("n1", "root", start=1, end=9, scope_name=NATIVE),
        span("i2", "root", start=5, end=30, has_content=True),
        span("n2", "root", start=6, end=29, scope_name=NATIVE),
        span("n3", "root", start=50, end=60, scope_name=NATIVE),
    )
    assert calls(found) == {"i1", "i2", "n3"}
    assert found["n1"].duplicate_of == "i1"
    assert found["n2"].duplicate_of == "i2"


def test_siblings_without_a_vendor_scope_stay_apart() -> None:
    found = by_id(span("root", kind="agent"), span("a", "root"), span("b", "root"))
    assert calls(found) == {"a", "b"}


def test_vendor_scopes() -> None:
    assert is_vendor_native(NATIVE)
    assert is_vendor_native("com.openai.sdk")
    assert not is_vendor_native("openinference.instrumentation.anthropic")
    assert not is_vendor_native(None)


def test_parent_total_counts_only_if_no_call_below_has_tokens() -> None:
    found = by_id(
        span("root", kind="agent", input_tokens=50, cost_usd=1.0),
        span("with", "root", "agent", input_tokens=10),
        span("call", "with", input_tokens=10),
        span("without", "root", "agent", input_tokens=40),
        span("below", "without", "chain", input_tokens=40),
        span("silent", "below"),
    )
    assert {name for name, item in found.items() if item.counted and item.input_tokens} == {"call", "without"}


def test_span_delivered_twice_counts_once() -> None:
    spans = [span("root", kind="agent"), span("a", "root", input_tokens=5), span("a", "root", input_tokens=5)]
    result = resolve(spans).spans
    assert [item.is_call for item in result] == [False, True, False]
    assert result[2].duplicate_of == "a"


def test_embeddings_are_calls_of_their_own() -> None:
    found = by_id(
        span("outer", kind="embedding", has_content=True), span("inner", "outer", "embedding"), span("x")
    )
    assert calls(found) == {"outer", "x"}
    assert found["inner"].duplicate_of == "outer"


def test_thread_is_the_roots_else_the_only_one() -> None:
    two = (span("root", kind="agent", thread_id="t1"), span("a", "root", thread_id="t2"), span("b", "a"))
    assert resolve(two).thread_id == "t1"
    assert [item.thread_id for item in resolve(two).spans] == ["t1", "t2", "t1"]
    only = (span("root", kind="agent"), span("a", "root", thread_id="t2"), span("b", "a"))
    assert [item.thread_id for item in resolve(only).spans] == ["t2", "t2", "t2"]
    none = (span("root", kind="agent"), span("a", "root", thread_id="t1"), span("b", "root", thread_id="t2"))
    assert resolve(none).thread_id is None


def test_prompt_is_a_pair_from_the_nearest_ancestor() -> None:
    found = by_id(
        span("root", kind="agent", prompt_name="p", prompt_version="v1"),
        span("a", "root", "chain", prompt_version="v2"),
        span("b", "a"),
        span("c", "root"),
    )
    pairs = {name: (item.prompt_name, item.prompt_version) for name, item in found.items()}
    assert pairs == {"root": ("p", "v1"), "a": (None, "v2"), "b": (None, "v2"), "c": ("p", "v1")}


def test_only_prompt_of_a_trace_reaches_its_ancestors_too() -> None:
    found = by_id(span("root", kind="agent"), span("a", "root", prompt_name="p", prompt_version="1"))
    assert (found["root"].prompt_name, found["root"].prompt_version) == ("p", "1")


def test_users_are_inherited() -> None:
    found = by_id(
        span("root", kind="agent"), span("a", "root", user_id="u1"), span("b", "a"), span("c", user_id="u2")
    )
    assert [found[name].user_id for name in ("root", "a", "b", "c")] == [None, "u1", "u1", "u2"]


def test_leaf_errors_have_no_failing_child() -> None:
    found = by_id(
        span("root", kind="agent", status="error"),
        span("a", "root", "tool", status="error"),
        span("b", "root", "tool"),
    )
    assert [found[name].leaf_error for name in ("root", "a", "b")] == [False, True, False]


ids = st.sampled_from([f"s{number}" for number in range(7)])
amounts = st.none() | st.integers(0, 100)
texts = st.none() | st.sampled_from(["x", "y"])
any_span = st.builds(
    SpanFacts,
    span_id=ids,
    parent_id=st.none() | st.just("") | ids | st.just("elsewhere"),
    kind=st.sampled_from(KINDS) | st.just("llm"),
    start_ns=st.none() | st.integers(0, 50),
    end_ns=st.none() | st.integers(0, 50),
    status=st.sampled_from(["ok", "error", "unset"]),
    call_id=texts,
    scope_name=st.none() | st.just(NATIVE),
    input_tokens=amounts,
    output_tokens=amounts,
    cost_usd=st.none() | st.floats(0, 1),
    has_content=st.booleans(),
    thread_id=texts,
    user_id=texts,
    prompt_name=texts,
    prompt_version=texts,
)


@given(st.lists(any_span, max_size=14))
def test_any_trace_is_resolved(spans: list[SpanFacts]) -> None:
    """Rings, orphans and repeated ids included: a result per span, and duplicates point at a counted call."""
    trace = resolve(spans)
    assert len(trace.spans) == len(spans)
    kept = {item.span_id for item, result in zip(spans, trace.spans, strict=True) if result.is_call}
    for item, result in zip(spans, trace.spans, strict=True):
        if result.is_call:
            assert result.counted and item.kind in ("llm", "embedding") and result.duplicate_of is None
        if result.duplicate_of is not None:
            assert not result.counted and result.duplicate_of in kept
        if result.leaf_error:
            assert item.status == "error"
        if item.thread_id is not None:
            assert result.thread_id == item.thread_id
    if any(item.kind == "llm" for item in spans):
        assert any(result.is_call for result in trace.spans)


@given(st.lists(any_span, max_size=10))
def test_plain_sql_shortcut_is_exact_where_the_docstring_says_so(spans: list[SpanFacts]) -> None:
    """Spans made simple as the module's docstring asks: every call is its own, everything else is inherited."""
    no_usage = dict.fromkeys(("input_tokens", "output_tokens", "cost_usd"))
    simple = [
        item._replace(
            span_id=f"n{number}",
            parent_id=f"n{number - 1}" if number and item.kind not in ("llm", "embedding") else None,
            call_id=None,
            scope_name=None,
            thread_id="t" if item.thread_id else None,
            user_id="u" if item.user_id else None,
            prompt_name="p" if item.prompt_name else None,
            prompt_version="1" if item.prompt_name else None,
            **({} if item.kind in ("llm", "embedding") else no_usage),
        )
        for number, item in enumerate(spans)
    ]
    thread = "t" if any(item.thread_id for item in simple) else None
    failing = {item.parent_id for item in simple if item.status == "error"}
    for item, result in zip(simple, resolve(simple).spans, strict=True):
        assert result.is_call == result.counted == (item.kind in ("llm", "embedding"))
        assert result.input_tokens == item.input_tokens
        assert result.thread_id == thread
        assert result.leaf_error == (item.status == "error" and item.span_id not in failing)


def test_large_and_deep_traces_take_well_under_a_second() -> None:
    count = 20_000
    wide = [span("s0", kind="agent")] + [
        span(f"s{number}", "s0", start=number, scope_name=NATIVE if number % 2 else "other")
        for number in range(1, count)
    ]
    deep = [
        span(f"s{number}", f"s{number - 1}" if number else None, "llm" if number % 2 else "chain")
        for number in range(count)
    ]
    ring = [span(f"s{number}", f"s{(number + 1) % count}") for number in range(count)]
    for spans in (wide, deep, ring):
        with spent() as taken:
            resolve(spans)
        assert taken.seconds < 2
