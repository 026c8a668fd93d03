"""Bodies: unpacked within limits, refused with a reason, counted."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import as_protobuf, message, request, span

from traceview.ingest.listen import bodies
from traceview.ingest.listen.bodies import Counted, TooLarge, Undecodable, count, decode, decompress

BOMB = gzip.compress(b"\0" * (8 << 20))


@pytest.mark.parametrize(
    ("body", "compression"),
    [
        (b"plain", "identity"),
        (gzip.compress(b"plain"), "gzip"),
        (gzip.compress(b"pl") + gzip.compress(b"ain"), "gzip"),
        (zlib.compress(b"plain"), "deflate"),
    ],
    ids=["identity", "gzip", "two members", "deflate"],
)
def test_unpacked(body: bytes, compression: str) -> None:
    assert decompress(body, compression, 5) == b"plain"


@pytest.mark.parametrize(
    "body", [BOMB, BOMB * 3, gzip.compress(b"123456")], ids=["bomb", "bombs", "one byte"]
)
def test_what_grows_beyond_the_limit_is_refused(body: bytes) -> None:
    with pytest.raises(TooLarge):
        decompress(body, "gzip", 5)


@pytest.mark.parametrize("body", [b"no gzip", BOMB[:-9], gzip.compress(b"x")[:-1], b"\x1f\x8b"], ids=range(4))
def test_torn_streams_are_refused(body: bytes) -> None:
    with pytest.raises(Undecodable, match="gzip"):
        decompress(body, "gzip")


def test_what_packs_better_than_traces_do_has_less_room() -> None:
    packed = gzip.compress(b"\0" * (20 << 20))
    with pytest.raises(TooLarge) as raised:
        decompress(packed, "gzip", 64 << 20)
    assert raised.value.args == (8 << 20,)
    prompt = " ".join(map(str, range(4000)))
    prompts = json.dumps(request(*(span(1, number, name=prompt) for number in range(700)))).encode()
    assert len(prompts) > 12 << 20
    assert len(prompts) > 80 * len(gzip.compress(prompts, 6))
    assert decompress(gzip.compress(prompts, 6), "gzip", 64 << 20) == prompts


def test_many_members_are_refused_before_they_cost_much() -> None:
    empty = gzip.compress(b"")
    assert decompress(gzip.compress(b"plain") + empty * 999, "gzip") == b"plain"
    with pytest.raises(Undecodable, match="more than 1,000 members"):
        decompress(gzip.compress(b"plain") + empty * 1000, "gzip")
    # each member copied the rest of these 20 MB
    with pytest.raises(Undecodable, match="more than 1,000 members"):
        decompress(empty * 1_000_000, "gzip")


@given(
    st.lists(st.binary(max_size=40) | st.integers(0, 3 << 20).map(bytes), max_size=4),
    st.sampled_from([1, 7, 64 << 10]),
)
@settings(max_examples=30, deadline=None)
def test_whatever_was_packed_comes_back(members: list[bytes], bit: int) -> None:
    packed = b"".join(gzip.compress(one, 1) for one in members)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bodies, "_BIT", bit)
        assert decompress(packed, "gzip") == b"".join(members)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "identity"]))
def test_garbage_is_refused_with_a_reason_or_read(body: bytes, compression: str) -> None:
    for signal in ("traces", "logs", "metrics"):
        for encoding in ("json", "protobuf"):
            try:
                found = count(signal, decode(signal, encoding, decompress(body, compression, 1000)))  # type: ignore[arg-type]
            except (Undecodable, TooLarge):
                continue
            assert found.usable >= 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b'"x"',
        b"{",
        b'{"a":1}',
        b'{"resourceSpans":7}',
        b'{"resourceLogs":[]}',
        b"[" * 100_000,
    ],
    ids=range(9),
)
def test_json_that_is_no_request_of_traces(body: bytes) -> None:
    with pytest.raises(Undecodable):
        decode("traces", "json", body)


GOOD, OTHER = span(1, 1), span(1, 2)


@pytest.mark.parametrize(
    ("signal", "told", "expected"),
    [
        ("traces", {}, Counted(0, 0)),
        ("traces", {"resourceSpans": []}, Counted(0, 0)),
        ("traces", request(GOOD, OTHER), Counted(2, 0)),
        ("traces", request(GOOD, {**OTHER, "traceId": ""}, {**OTHER, "spanId": "0" * 16}), Counted(1, 2)),
        (
            "traces",
            request(GOOD, {**OTHER, "traceId": "ab" * 15}, {**OTHER, "spanId": "ab" * 9}),
            Counted(1, 2),
        ),
        ("logs", message(1, 1, "hello"), Counted(1, 0)),
        (
            "logs",
            {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "app.started"}]}]}]},
            Counted(0, 1),
        ),
    ],
)
def test_records_are_counted_alike_in_both_encodings(
    signal: Any, told: dict[str, Any], expected: Counted
) -> None:
    assert count(signal, decode(signal, "json", json.dumps(told).encode())) == expected
    assert count(signal, decode(signal, "protobuf", as_protobuf(signal, told))) == expected


def test_spans_that_are_no_objects_and_foreign_spellings() -> None:
    told = {"resource_spans": [7, {"scope_spans": [{"spans": [GOOD, 7, None, "x"]}, {"spans": {}}]}, {}]}
    # what is no list and no object where one is to be was meant to hold something
    assert count("traces", told) == Counted(1, 5)
    logs = {"resourceLogs": [7, {"scopeLogs": {}}, {"scopeLogs": [None, {"logRecords": [7]}, {}]}]}
    assert count("logs", logs) == Counted(0, 4)
    assert count("logs", {"resourceLogs": message(1, 1, "hello")["resourceLogs"] + [7]}) == Counted(1, 1)


def test_data_points_are_counted() -> None:
    told = {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "x", "gauge": {"dataPoints": [{}, {}]}}]}]}
        ]
    }
    assert count("metrics", told) == Counted(0, 2)
