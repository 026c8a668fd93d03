"""A large JSON document gives its elements one by one: the same as parsed at once, wherever blocks end."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from benchmarks.fixtures import FIXTURES
from hypothesis import given
from hypothesis import strategies as st

from traceview.sources import json_stream
from traceview.sources.base import ReadReport
from traceview.sources.json_stream import elements
from traceview.sources.otlp import documents as reading
from traceview.sources.probe import probe
from traceview.sources.registry import detect

texts = st.one_of(
    st.sampled_from(["\\", '"', '{"x": [', '\\\\"]}', "é😀\n", "\\\\\\", ""]), st.text(max_size=12)
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=12,
)
items = st.lists(st.fixed_dictionaries({"v": values}), max_size=5)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "BLOCK", 7)


def parsed(text: bytes, *pages: str) -> list[Any]:
    return [orjson.loads(one.text) for one in elements(io.BytesIO(text), pages) if one.broken is None]


@given(items, st.sampled_from([None, 1, 2]), st.booleans())
def test_elements_are_those_of_the_whole(listed: list[Any], indent: int | None, ascii_only: bool) -> None:
    whole = json.dumps(listed, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert parsed(whole) == listed
    page = json.dumps({"meta": {"n": [1]}, "data": listed, "rest": [{"q": 2}]}, indent=indent).encode()
    found = list(elements(io.BytesIO(page), ("data",)))
    assert [orjson.loads(one.text) for one in found] == listed
    for one in found:
        assert one.key == "data"
        assert page[one.offset : one.offset + len(one.text)] == one.text
        assert one.line == page[: one.offset].count(b"\n") + 1


@given(items, st.data())
def test_a_torn_array_gives_the_whole_elements_before_the_tear(
    listed: list[Any], data: st.DataObject
) -> None:
    whole = json.dumps([*listed, {"last": 1}]).encode()
    torn = whole[: data.draw(st.integers(1, len(whole) - 1))]
    found = list(elements(io.BytesIO(torn)))
    assert [orjson.loads(one.text) for one in found[:-1]] == [*listed, {"last": 1}][: len(found) - 1]
    assert found[-1].broken == "the file ends in the middle of a value"
    assert torn[found[-1].offset :] == found[-1].text


@pytest.mark.parametrize(
    ("text", "pages", "expected"),
    [
        (b'{"a": 1}{"b": [2]}\n[{"c": 3}]', (), [{"a": 1}, {"b": [2]}, {"c": 3}]),
        (b'{"id": 1, "data": [{"x": 1}]}', ("data",), [{"id": 1, "data": [{"x": 1}]}]),
        (b'{"other": [{"x": 1}]}', ("data",), [{"other": [{"x": 1}]}]),
        (b'{"spans": [{"x": 1}], "logs": [{"y": 2}], "z": 1}', ("spans", "logs"), [{"x": 1}, {"y": 2}]),
        (b'[1, {"a": 1}, "b"]', (), [1, {"a": 1}, "b"]),
        (b'\xef\xbb\xbf[{"a": 1}]', (), [{"a": 1}]),
        (b'[["\\\\"], ["[\\\\\\""]]', (), [["\\"], ['[\\"']]),
        (b"[]", (), []),
        (b"", (), []),
    ],
)
def test_layouts(text: bytes, pages: tuple[str, ...], expected: list[Any]) -> None:
    assert parsed(text, *pages) == expected


def test_more_closed_than_opened_and_an_element_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(elements(io.BytesIO(b'[{"a": 1}]]')))
    assert [one.broken for one in found] == [None, "more brackets are closed than opened"]
    monkeypatch.setattr(json_stream, "LARGEST", 100)
    found = list(elements(io.BytesIO(b'[{"a": 1}, {"b": "' + b"x" * 1000)))
    assert [one.broken is None for one in found] == [True, False]


@pytest.mark.parametrize(
    "name",
    [
        "mlflow/traces.json",
        "jaeger/otel-genai.jaeger-ui.json",
        "otlp_variants/pretty-single-object.otlp.json",
        "phoenix/get_spans_rest_sample.json",
    ],
)
def test_every_format_reads_the_same_spans_either_way(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(path: Path) -> tuple[list[Any], dict[str, int]]:
        report = ReadReport()
        seen = probe(path)
        found: Any = detect(seen)
        return [row for batch in found.read(seen.kept(), report) for row in batch], dict(report.skipped)

    expected = rows(FIXTURES / name)
    assert expected[0]
    monkeypatch.setattr(json_stream, "BLOCK", 1000)
    monkeypatch.setattr(reading, "SMALL", 100)
    assert rows(FIXTURES / name) == expected
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress((FIXTURES / name).read_bytes()))
    assert rows(packed) == expected


def test_a_large_torn_array_is_told_with_its_line_and_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SMALL", 10)
    path = tmp_path / "a.json"
    text = '[\n {\n"id": 1},\n {"id": 2, "x": bad},\n {"id": 3},\n {"id": "4\n'
    bad, torn = text.index('{"id": 2'), text.index('{"id": "4')
    path.write_text(text)
    report = ReadReport()
    found = list(reading.documents(probe(path), report))
    assert [(line, value["id"]) for line, _, value in found] == [(2, 1), (5, 3)]
    assert [places for _, places in sorted(report.places.items())] == [
        [f"a.json:4 (byte {bad})"],
        [f"a.json:6 (byte {torn})"],
    ]


@pytest.mark.parametrize("small", [10, 1 << 20])
@pytest.mark.parametrize(
    "text",
    [
        '{"data": [{"x": 1},\n{"x": 2},\n{"x": 3}]}',
        '{"data": [{"x": 1},\n{"x": 2},\n{"x": 3}\n]}\n',
        '{"data": [\n{"x": 1},\n{"x": 2},\n{"x": 3}\n]}',
        '{"data":\n[{"x": 1},\n{"x": 2},\n{"x": 3}]}',
        '{\n"data": [{"x": 1},\n{"x": 2},\n{"x": 3}]}',
        '[{"x": 1},\n{"x": 2},\n{"x": 3}]',
        '[\n{"x": 1},\n{"x": 2},\n{"x": 3}\n]',
        '{"x": 1}\n{"x": 2}\n{"x": 3}',
    ],
)
def test_items_on_lines_of_their_own(
    text: str, small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    path = tmp_path / "a.json"
    path.write_text(text)
    report = ReadReport()
    found = [value for _, _, value in reading.documents(probe(path), report, pages=("data",))]
    listed = [one for value in found for one in (value if isinstance(value, list) else [value])]
    told = [one for value in listed for one in value.get("data", [value])]
    assert told == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert not report.skipped


def test_a_line_without_end_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1_000)
    monkeypatch.setattr(reading, "SMALL", 300)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": 1}\n' + b'{"id": "' + b"x" * 5_000 + b'"}\n{"id": 3}\n'))
    report = ReadReport()
    found = list(reading.documents(probe(path), report))
    assert [(line, value["id"]) for line, _, value in found] == [(1, 1), (3, 3)]
    assert list(report.places.values()) == [["a.jsonl.gz:2"]]


def resource(spans: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "resource": {"attributes": [{"key": "k", "value": {"a": [{"b": 1}]}}]},
        **more,
        "scopeSpans": spans,
    }


@given(st.lists(items, max_size=3), st.sampled_from([None, 1]), st.integers(1, 200))
def test_parts_of_a_large_item_have_its_spans_once_and_what_stands_around_them(
    scopes: list[list[Any]], indent: int | None, part: int
) -> None:
    listed = [{"scope": {"name": str(number)}, "spans": spans} for number, spans in enumerate(scopes)]
    page = {"resourceSpans": [resource(listed), {"scopeSpans": []}, resource(listed, z=1)]}
    text = json.dumps(page, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "PART", part)
        found = list(elements(io.BytesIO(text), ("resourceSpans",), lists=("scopeSpans", "spans")))
    parts = [orjson.loads(one.text) for one in found]
    assert all(one.broken is None for one in found)
    around = [one["resource"] for one in parts if one["scopeSpans"]]
    assert all(one == page["resourceSpans"][0]["resource"] for one in around)
    spans = [
        (scope["scope"], span) for one in parts for scope in one["scopeSpans"] for span in scope["spans"]
    ]
    assert spans == [(one["scope"], span) for one in (*listed, *listed) for span in one["spans"]]
    last = page["resourceSpans"][-1]
    assert found[-1].offset + len(found[-1].text) <= len(text) and parts[-1]["z"] == last["z"]
