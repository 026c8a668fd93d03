"""Hashes are equal for what means the same; a sampling is stable, nested, and takes whole traces."""

from __future__ import annotations

import unicodedata
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from traceview.judges.hashing import call_key, canonical, digest, input_hash, is_sampled, share, told
from traceview.model.judges import Check, ScoreShape
from traceview.model.labels import Target

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


def test_canonical_json_is_as_written_here() -> None:
    assert (
        canonical({"b": [1, True, None], "a": "e\u0301\r\nx\ry"})
        == '{"a":"é\\nx\\ny","b":[1,true,null]}'.encode()
    )


@given(values)
def test_the_order_of_keys_and_the_form_of_texts_do_not_count(value: object) -> None:
    def other(one: object) -> object:
        if isinstance(one, dict):
            return {key: other(entry) for key, entry in reversed(one.items())}
        if isinstance(one, list):
            return tuple(map(other, one))
        return unicodedata.normalize("NFD", one).replace("\n", "\r\n") if isinstance(one, str) else one

    assert canonical(other(value)) == canonical(value)


@given(values, values)
def test_what_differs_has_another_hash(first: object, second: object) -> None:
    assert (canonical(first) == canonical(second)) == (digest(first) == digest(second))


def test_a_call_is_told_by_judge_entity_input_and_repeat() -> None:
    span = Target("span", "s", "t")
    keys = {
        call_key(judge, target, given_, repeat)
        for judge in ("j1", "j2")
        for target in (span, Target("span", "s", "t2"), Target("trace", "s", "s"), Target("thread", "s"))
        for given_ in (input_hash({"a": "x"}), input_hash({"a": "y"}), input_hash({"b": "x"}))
        for repeat in (0, 1)
    }
    assert len(keys) == 2 * 4 * 3 * 2
    assert call_key("j1", Target("trace", "t"), "h") == call_key("j1", Target("trace", "t", "t"), "h")


def test_the_share_is_the_first_eight_bytes_of_the_hash() -> None:
    expected = int.from_bytes(sha256(b"grounded\x1ftr_1").digest()[:8], "big") / 2**64
    assert share("grounded", "tr_1") == expected


@given(st.text(max_size=10), st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_keeps_what_a_lower_one_picked(
    rule: str, entity: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    target = Target("trace", entity, entity)
    assert not is_sampled(rule, target, low) or is_sampled(rule, target, high)
    assert is_sampled(rule, target, 1.0) and not is_sampled(rule, target, 0.0)


@given(st.text(max_size=10), st.text(min_size=1, max_size=20), st.text(max_size=5), st.floats(0, 1))
def test_a_trace_is_in_with_all_its_spans(rule: str, trace: str, span: str, rate: float) -> None:
    assert is_sampled(rule, Target("span", span, trace), rate) == is_sampled(
        rule, Target("trace", trace, trace), rate
    )


def test_a_tenth_of_many_is_about_a_tenth() -> None:
    picked = sum(is_sampled("rule", Target("trace", f"t{number}"), 0.1) for number in range(20_000))
    assert 1_870 < picked < 2_130
    other = sum(is_sampled("other", Target("trace", f"t{number}"), 0.1) for number in range(20_000))
    assert picked != other


def test_only_what_is_said_counts() -> None:
    assert told(ScoreShape("boolean", pass_means="x")) == {"type": "boolean", "pass_means": "x"}
    assert told(Check("no_loop", {}, "", "1")) == {"use": "no_loop"}
    assert told(Check("no_loop", {"repeats": 3}, version="2")) == {
        "use": "no_loop",
        "options": {"repeats": 3},
        "version": "2",
    }
