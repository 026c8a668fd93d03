"""The filter language: cases, and the property that printing and parsing are inverse."""

from __future__ import annotations

import re
import time
from datetime import UTC
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from traceview.filters import FilterError, all_of, any_of, complete, parse, to_text, walk
from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Last,
    Node,
    Not,
    Number,
    Or,
    Pattern,
    Presence,
    Quantified,
    Range,
    Regex,
    Text,
    Time,
    Versioned,
)
from traceview.filters.printer import quote_key, quote_value
from traceview.filters.regexes import regex_problem
from traceview.filters.scanner import unescape_slashes
from traceview.filters.times import time_value
from traceview.model.fields import FIELDS, FILTER_NAMES
from traceview.model.labels import SCORE_SOURCES
from traceview.model.schema import KINDS

NOW = 1_793_527_200_000_000_000  # 2026-11-01T10:00:00Z
DAY = 86_400_000_000_000


def read(text: str) -> Node | None:
    return parse(text, now_ns=NOW, tz=UTC)


def is_(field: str, *values: Any, op: Any = ":", key: str | None = None, source: Any = None) -> Compare:
    return Compare(field, op, values, key, source)


def word(text: str) -> FullText:
    return FullText(Text(text))


CASES: list[tuple[str, Node]] = [
    ("prompt:@v7", is_("prompt_name", Versioned(Text(""), Text("v7")))),
    ("prompt:support@v7", is_("prompt_name", Versioned(Text("support"), Text("v7")))),
    ("prompt:support", is_("prompt_name", Text("support"))),
    ("prompt:sup*@v*", is_("prompt_name", Versioned(Pattern(("sup", "")), Pattern(("v", ""))))),
    ('prompt:"a@b"', is_("prompt_name", Text("a@b"))),
    ('prompt:"my prompt"@v7', is_("prompt_name", Versioned(Text("my prompt"), Text("v7")))),
    ("model:claude-*", is_("model", Pattern(("claude-", "")))),
    ('model:"claude-*"', is_("model", Text("claude-*"))),
    ('name:"my tool "*', is_("name", Pattern(("my tool ", "")))),
    ("model:*", is_("model", Presence(True))),
    ("model:a**b", is_("model", Pattern(("a", "b")))),
    ("status:error", is_("status", Text("error"))),
    ("kind:TOOL,llm", is_("kind", Text("tool"), Text("llm"))),
    ("tool:search_knowledge", is_("tool_name", Text("search_knowledge"))),
    ("user:u_42 env:prod", And((is_("user_id", Text("u_42")), is_("environment", Text("prod"))))),
    ("latency>2s", is_("duration_ms", Number(2000), op=">")),
    ("latency:>2s", is_("duration_ms", Number(2000), op=">")),
    ("latency<=1m30s", is_("duration_ms", Number(90_000), op="<=")),
    ("duration_ms:100ms..2s", is_("duration_ms", Range(Number(100), Number(2000)))),
    ("ttft>=800ms", is_("ttft_ms", Number(800), op=">=")),
    ("ttft<500us", is_("ttft_ms", Number(0.5), op="<")),
    ("tokens>10k", is_("tokens", Number(10_000), op=">")),
    ("tokens>=1.5M", is_("tokens", Number(1_500_000), op=">=")),
    ("spans:5..", is_("spans", Range(Number(5), None))),
    ("cost>$0.05", is_("cost_usd", Number(0.05), op=">")),
    ("cost_usd>.05", is_("cost_usd", Number(0.05), op=">")),
    ("since:7d", is_("since", Time("7d", NOW - 7 * DAY, NOW - 7 * DAY))),
    ("last:7d", is_("last", Last(7 * DAY))),
    (
        "until:2026-11-01",
        is_("until", Time("2026-11-01", NOW - 10 * DAY // 24, NOW + 14 * DAY // 24)),
    ),
    (
        "time:2026-10-01..2026-10-31",
        is_(
            "start_time",
            Range(
                Time("2026-10-01", NOW - 10 * DAY // 24 - 31 * DAY, NOW - 10 * DAY // 24 - 30 * DAY),
                Time("2026-10-31", NOW - 10 * DAY // 24 - DAY, NOW - 10 * DAY // 24),
            ),
        ),
    ),
    ('"refund policy"', word("refund policy")),
    ("refund policy", And((word("refund"), word("policy")))),
    ('"say \\"hi\\"\\n"', word('say "hi"\n')),
    ("refund*", FullText(Pattern(("refund", "")))),
    ("12:30", word("12:30")),
    ("no, thanks", And((word("no,"), word("thanks")))),
    ('input:"no, I meant"', is_("input", Text("no, I meant"))),
    (r"output~/https?:\/\//", is_("output", Regex("https?://"), op="~")),
    (r"output~/Refund\d+/i", is_("output", Regex(r"Refund\d+", True), op="~")),
    ("name~^chat", is_("name", Regex("^chat"), op="~")),
    ("name!~^chat", Not(is_("name", Regex("^chat"), op="~"))),
    ("score.grounded:fail", is_("score", Text("fail"), key="grounded")),
    ("score.grounded.judge:pass", is_("score", Text("pass"), key="grounded", source="judge")),
    ("score.helpful>=3.5", is_("score", Number(3.5), op=">=", key="helpful")),
    ("score.helpful:1..3", is_("score", Range(Number(1), Number(3)), key="helpful")),
    ('score."a.b".human:none', is_("score", Presence(False), key="a.b", source="human")),
    ("score:any", is_("score", Presence(True))),
    ("label:none", is_("label", Presence(False))),
    ('label:"none"', is_("label", Text("none"))),
    ('mode:"made-up link"', is_("mode", Text("made-up link"))),
    ("attr.customer_tier:gold", is_("attr", Text("gold"), key="customer_tier")),
    ("attr.llm.usage.total>5", is_("attr", Number(5), op=">", key="llm.usage.total")),
    ('attr."a key":x', is_("attr", Text("x"), key="a key")),
    (
        "any(span: kind:tool status:error)",
        Quantified("any", And((is_("kind", Text("tool")), is_("status", Text("error"))))),
    ),
    ("none(span:tool:x)", Quantified("none", is_("tool_name", Text("x")))),
    ("not status:ok", Not(is_("status", Text("ok")))),
    ("-model:gpt-*", Not(is_("model", Pattern(("gpt-", ""))))),
    ("model!=gpt", Not(is_("model", Text("gpt")))),
    ("model=gpt", is_("model", Text("gpt"))),
    ("(a or b) c", And((Or((word("a"), word("b"))), word("c")))),
    ("a or b c", Or((word("a"), And((word("b"), word("c")))))),
    ("a AND b OR not c", Or((And((word("a"), word("b"))), Not(word("c"))))),
    ("(((a)))", word("a")),
    ("a (b c)", And((word("a"), word("b"), word("c")))),
    ("version:v6,v7", is_("prompt_version", Text("v6"), Text("v7"))),
    ("signal:contradiction", is_("signal", Text("contradiction"))),
    ("bad:any session:monday", And((is_("bad", Presence(True)), is_("session", Text("monday"))))),
    (
        "trace:abc thread:def span:ghi",
        And(
            tuple(is_(f"{n}_id", Text(t)) for n, t in (("trace", "abc"), ("thread", "def"), ("span", "ghi")))
        ),
    ),
]


@pytest.mark.parametrize(("text", "tree"), CASES, ids=[case[0] for case in CASES])
def test_reads(text: str, tree: Node) -> None:
    assert read(text) == tree
    assert read(to_text(tree)) == tree


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_empty_filter_is_none(text: str) -> None:
    assert parse(text) is None
    assert to_text(None) == ""


CANONICAL = [
    ("not   status:OK", "-status:ok"),
    ("prompt_version:v6", "version:v6"),
    ("latency>2000ms", "latency>2s"),
    ("cost>$0.05", "cost>0.05"),
    ("tokens>10000", "tokens>10k"),
    ("a and b", "a b"),
    ("(a or b) or c", "a or b or c"),
    ("not not a", "-(-a)"),
    ('"and"', '"and"'),
    ("since:7D", "since:7d"),
    ("time>2026-11-01t10:00z", "time>2026-11-01T10:00Z"),
    ('time:"2026-11-01 10:00"', "time:2026-11-01T10:00"),
]


@pytest.mark.parametrize(("text", "printed"), CANONICAL)
def test_prints_canonically(text: str, printed: str) -> None:
    assert to_text(read(text)) == printed


ERRORS = [
    ("modle:x", 1, "unknown field", "model"),
    ("status:ok pormpt:x", 11, "unknown field", "prompt"),
    ("scores.x:1", 1, "unknown field", "score"),
    ("http://x", 1, "unknown field", None),
    ("latency>2", 9, "needs a unit", "2ms or 2s"),
    ("latency>2parsecs", 9, "unknown unit", None),
    ("latency>fast", 9, "is no duration", None),
    ("tokens>many", 8, "is no count", None),
    ("tokens>1e999", 8, "too large", None),
    ("cost>5c", 6, "is no amount", None),
    ("score.x>good", 9, "is no number", None),
    ("(a or b", 1, "parenthesis is not closed", None),
    ("a)", 2, "no parenthesis open", None),
    ("()", 2, "condition is missing", None),
    ("any(span: kind:tool", 4, "parenthesis is not closed", None),
    ("al(span: kind:tool)", 1, "unknown quantifier", "all"),
    ('name:"x', 6, "quote is not closed", None),
    ('"x', 1, "quote is not closed", None),
    ('""', 1, "text is empty", None),
    ("output~/x", 8, "not closed with /", None),
    ("output~/(/", 8, "no regular expression", None),
    ("output~/(?=x)/", 8, "looks ahead", None),
    (r"output~/(a)\1/", 8, "backreference", None),
    ("output~//", 8, "expression is empty", None),
    ("output~/a/x", 11, "something stands behind", None),
    ("kind:tol", 6, "is not one of", "tool"),
    ("model>3", 6, "does not take >", None),
    ("kind~x", 5, "does not take ~", None),
    ("since>7d", 6, "does not take >", None),
    ("model:", 7, "value is missing", None),
    ("model: x", 7, "without a space", None),
    ("model:a,", 9, "value is missing", None),
    ("since:1d,2d", 9, "takes one value", None),
    ("tokens>1,2", 9, "takes one value", None),
    ("score.x.judg:1", 9, "unknown source of scores", "judge"),
    ("score:x", 6, "score.NAME", None),
    ("attr:x", 5, "attr.KEY", None),
    ("model.x:1", 6, "no part behind a dot", None),
    ("foo(bar)", 4, "parenthesis within a text", None),
    ("name:foo(bar)", 9, "parenthesis within a text", None),
    ('name:foo"bar"', 9, "quote within a value", None),
    ('"a"b', 4, "space is missing", None),
    ("a or", 5, "condition is missing", None),
    ("or a", 1, "condition is missing", None),
    ("a or or b", 6, "condition is missing", None),
    ("not", 4, "condition is missing", None),
    ("- a", 2, "condition is missing after -", None),
    ("since:2026-13-01", 7, "no date of the calendar", None),
    ("since:soon", 7, "is no time", None),
    ("since:2026-11-01..2026-11-02", 7, "write time:", None),
    ("time:7d", 6, "is one instant", None),
    ("time:0001-01-01", 6, "outside the years", None),
    ("time:2026-11-02..2026-11-01", 6, "beginning lies behind its end", None),
    ("latency:2s..1s", 9, "beginning lies behind its end", None),
    ("tokens:..", 8, "range without ends", None),
    ("prompt:a@", 8, "needs a version behind @", None),
    ("(" * 60 + "a" + ")" * 60, 51, "nested more than", None),
]


@pytest.mark.parametrize(("text", "column", "problem", "suggestion"), ERRORS, ids=[e[0][:30] for e in ERRORS])
def test_says_what_is_wrong_and_where(text: str, column: int, problem: str, suggestion: str | None) -> None:
    with pytest.raises(FilterError) as caught:
        read(text)
    error = caught.value
    assert problem in error.problem
    assert error.column == column
    if suggestion:
        assert error.suggestion == suggestion
    first, shown, caret = str(error).split("\n")
    assert f"column {column}:" in first
    assert caret.strip() == "^"
    if column < 40 and column <= len(text):
        assert shown[caret.index("^")] == text[column - 1]


def test_error_never_shows_control_characters() -> None:
    with pytest.raises(FilterError) as caught:
        read("a \x1b[31mfoo:bar \u202e(")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", str(caught.value))


def test_columns_of_nodes() -> None:
    text = "  model:x  (a or -latency>2s ) any(span: kind:tool )  "
    pieces = {text[node.start : node.end] for node in walk(read(text))}
    assert {"model:x", "a", "-latency>2s", "latency>2s", "kind:tool", "any(span: kind:tool )"} <= pieces


def test_dates_are_in_the_given_zone_and_follow_daylight_saving() -> None:
    from zoneinfo import ZoneInfo

    autumn = time_value("2026-10-25", NOW, ZoneInfo("Europe/Berlin"))
    assert autumn.end_ns - autumn.start_ns == 25 * DAY // 24
    assert autumn.start_ns % DAY == 22 * DAY // 24


def test_dates_without_a_zone_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        local = parse("time:2026-07-01T08:00")
        zoned = parse("time:2026-07-01T08:00-04:00")
        assert isinstance(local, Compare) and isinstance(zoned, Compare)
        assert isinstance(local.values[0], Time) and isinstance(zoned.values[0], Time)
        assert local.values[0].start_ns == zoned.values[0].start_ns
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("2026", 365 * DAY),
        ("2026-02", 28 * DAY),
        ("2026-12", 31 * DAY),
        ("2026-11-01", DAY),
        ("2026-11-01T10", DAY // 24),
        ("2026-11-01T10:30", 60_000_000_000),
        ("2026-11-01T10:30:05Z", 1_000_000_000),
        ("2026-11-01T10:30:05.123Z", 1_000_000),
        ("2026-11-01T10:30:05.123456789+02:00", 1),
        ("today", DAY),
        ("now", 0),
        ("3h", 0),
    ],
)
def test_a_time_is_as_long_as_it_is_precise(text: str, length: int) -> None:
    value = time_value(text, NOW, UTC)
    assert value.end_ns - value.start_ns == length


def test_all_nanoseconds_count() -> None:
    value = time_value("2026-11-01T10:00:00.123456789Z", NOW, None)
    assert value.start_ns == NOW + 123_456_789


def test_every_filter_field_is_readable() -> None:
    for name in FILTER_NAMES:
        if name == "attr":
            continue
        value = {"last": "7d", "since": "7d", "until": "7d"}.get(name, "any")
        assert isinstance(read(f"{name}:{value}"), Compare), name


def test_field_names_are_unique() -> None:
    names = [name for field in FIELDS for name in (field.name, *field.aliases)]
    assert len(names) == len(set(names))


# Properties

texts = st.text(max_size=12) | st.sampled_from(
    ["any", "none", "or", "not", "a b", "x*", "-x", "a@b", "1..2", "..", "x:y", '"', "\\", "$1", "é", "/"]
)
filled = texts.filter(bool)
patterns = st.lists(texts, min_size=2, max_size=4).map(
    lambda parts: Pattern((parts[0], *(p for p in parts[1:-1] if p), parts[-1]))
)
field_patterns = patterns.filter(lambda pattern: any(pattern.parts))
full_texts = st.builds(FullText, filled.map(Text) | patterns)
text_like = texts.map(Text) | field_patterns | st.booleans().map(Presence)
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=0)
keys = filled
times = st.sampled_from(
    ["2026-11-01", "2026", "2026-11-01T10:30:05.25Z", "7d", "90m", "now", "today", "2025-02"]
).map(lambda text: time_value(text, NOW, UTC))
broad_times = times.filter(lambda value: value.start_ns != value.end_ns)
sizes = st.sampled_from([">", ">=", "<", "<="])
regexes = filled.map(unescape_slashes).filter(lambda text: regex_problem(text) is None)


def ordered(pair: tuple[float, float]) -> Range:
    return Range(Number(min(pair)), Number(max(pair)))


def compares() -> st.SearchStrategy[Compare]:
    plain = st.sampled_from(
        ["model", "name", "tags", "user_id", "trace_id", "input", "note", "bad", "source"]
    )
    some = st.lists
    whole = st.integers(0, 10**18)
    return st.one_of(
        st.builds(lambda f, v: is_(f, *v), plain, some(text_like, min_size=1, max_size=3)),
        st.builds(
            lambda v: is_("kind", *(Text(x) for x in v)), some(st.sampled_from(KINDS), min_size=1, max_size=3)
        ),
        st.builds(lambda f, p, i: is_(f, Regex(p, i), op="~"), plain, regexes, st.booleans()),
        st.builds(
            lambda n, v: is_("prompt_name", Versioned(n, v)),
            filled.map(Text) | field_patterns,
            filled.map(Text) | field_patterns,
        ),
        st.builds(lambda v: is_("prompt_name", v), text_like),
        st.builds(
            lambda k, s, v: is_("score", v, key=k, source=s),
            keys,
            st.none() | st.sampled_from(SCORE_SOURCES),
            text_like,
        ),
        st.builds(
            lambda k, v: is_("attr", v, key=k), keys, text_like | st.tuples(finite, finite).map(ordered)
        ),
        st.builds(lambda k, o, v: is_("attr", Number(v), op=o, key=k), keys, sizes, finite),
        st.builds(
            lambda f, o, v: is_(f, Number(v), op=o),
            st.sampled_from(["duration_ms", "ttft_ms"]),
            sizes,
            whole.map(lambda n: n / 1_000_000),
        ),
        st.builds(lambda o, v: is_("tokens", Number(v), op=o), sizes, whole),
        st.builds(lambda o, v: is_("cost_usd", Number(v), op=o), sizes, finite),
        st.builds(lambda o, v: is_("start_time", v, op=o), sizes, times),
        st.builds(lambda v: is_("start_time", v), broad_times),
        st.builds(lambda f, v: is_(f, v), st.sampled_from(["since", "until"]), times),
        st.builds(lambda v: is_("last", Last(v)), st.integers(0, 2**40).map(lambda n: n * 1000)),
    )


def nodes() -> st.SearchStrategy[Node]:
    return st.recursive(
        compares() | full_texts,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=4).map(lambda found: all_of(*found)),
            st.lists(inner, min_size=2, max_size=4).map(lambda found: any_of(*found)),
            inner.map(Not),
            st.builds(Quantified, st.sampled_from(["any", "all", "none"]), inner),
        ),
        max_leaves=8,
    )


@settings(max_examples=400, deadline=None)
@given(nodes())
def test_printed_filters_read_back_to_the_same_tree(tree: Node) -> None:
    assert read(to_text(tree)) == tree


fragments = st.lists(
    st.sampled_from(
        [
            *FILTER_NAMES,
            ":",
            ":",
            ">",
            "<=",
            "~",
            "!=",
            "=",
            "(",
            ")",
            '"',
            "/",
            "-",
            " ",
            " ",
            ",",
            "*",
            "@",
            "..",
            "or",
            "and",
            "not",
            "any(span:",
            "7d",
            "2s",
            "10k",
            "$0.05",
            "2026-11-01",
            "\\",
            ".",
            "x",
            "\x1b",
            "\ud800",
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(st.text(max_size=40) | fragments)
@example("(" * 5000)
@example("-" * 5000 + "a")
@example("not " * 5000)
@example("output~/" + "(" * 5000 + "/")
@example("tokens>" + "9" * 5000)
@example("last:" + "9" * 300 + "d")
@example("since:" + "9" * 300 + "d")
@example("latency>1e308d")
@example("time:٢٠٢٦")
@example(r"name~\/")
def test_any_text_is_read_or_refused_with_a_filter_error(text: str) -> None:
    try:
        tree = read(text)
    except FilterError as error:
        assert 1 <= error.column <= len(text) + 1
        return
    assert read(to_text(tree)) == tree


@settings(max_examples=600, deadline=None)
@given(st.text(max_size=40) | fragments, st.integers(-3, 60))
def test_completion_never_fails(text: str, cursor: int) -> None:
    found = complete(text, cursor)
    assert 0 <= found.start <= found.end <= len(text)
    for candidate in found.candidates:
        found.apply(text, candidate)


@pytest.mark.parametrize("value", ["\0", "a\0b", "\\u0000", "a\\\0"])
def test_a_text_with_nul_is_written_without_one_and_reads_back(value: str) -> None:
    for text in (f"model:{quote_value(value, 'model')}", f"attr.{quote_key(value, 'attr')}:x"):
        assert "\0" not in text
        node = parse(text)
        assert isinstance(node, Compare)
        assert value in (node.key, node.values[0].text if isinstance(node.values[0], Text) else None)
        assert to_text(node) == text
