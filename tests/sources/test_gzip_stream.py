"""Gzip files to their very end, whatever is wrong there."""

from __future__ import annotations

import gzip
import io
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.stores import otlp, span

from traceview.ingest.importer import import_sources
from traceview.sources.gzip_stream import GzipStream

TEXT = b"".join(b"line %d %d\n" % (number, random.Random(number).getrandbits(64)) for number in range(9_000))


def everything(path: Path, size: int | None) -> tuple[bytes, Exception | None]:
    """What can be read, line by line or so many bytes at a time, and what is wrong behind it."""
    found = io.BytesIO()
    with GzipStream(path) as stream:
        try:
            while piece := stream.readline() if size is None else stream.read(size):
                found.write(piece)
        except (EOFError, OSError, zlib.error) as error:
            return found.getvalue(), error
    return found.getvalue(), None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, len(TEXT)), max_size=4),
    st.sampled_from([None, 1_000, 16_384, 1 << 20]),
    st.sampled_from([b"", b"\0" * 700, b"\0" * 20_000]),
)
def test_members_and_padding(sizes: list[int], size: int | None, padding: bytes) -> None:
    with TemporaryDirectory() as made:
        path = Path(made) / "a.gz"
        path.write_bytes(b"".join(gzip.compress(TEXT[:one]) + padding for one in sizes))
        assert everything(path, size) == (b"".join(TEXT[:one] for one in sizes), None)


@pytest.mark.parametrize("size", [None, 1_000, 1 << 20])
@pytest.mark.parametrize("lines", [20, 9_000])
@pytest.mark.parametrize(
    ("damage", "error", "lost"),
    [
        (lambda text: text + b"garbage", gzip.BadGzipFile, 0),
        (lambda text: text + b"g", gzip.BadGzipFile, 0),
        (lambda text: text[:-4], EOFError, 0),
        (lambda text: text + gzip.compress(b"x")[:-9], EOFError, 0),
        (lambda text: text[:-8] + b"\0" * 8, zlib.error, None),
        (lambda text: text[:-60], EOFError, 400),
    ],
)
def test_what_is_wrong_comes_after_everything_that_can_be_had(
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    error: type[Exception],
    lost: int | None,
    lines: int,
    size: int | None,
) -> None:
    text = b"".join(TEXT.splitlines(keepends=True)[:lines])
    path = tmp_path / "a.gz"
    path.write_bytes(damage(gzip.compress(text)))
    found, problem = everything(path, size)
    assert isinstance(problem, error)
    if lost is not None:
        assert text.startswith(found.removesuffix(b"x"))
        assert len(found) >= len(text) - lost


@pytest.mark.parametrize("cut", [4, 60, -1])
def test_a_small_torn_file_gives_the_spans_before_the_tear(tmp_path: Path, cut: int) -> None:
    plain = otlp(tmp_path / "plain.jsonl", [span(number) for number in range(20)]).read_bytes()
    whole = gzip.compress(plain)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole + b"garbage" if cut < 0 else whole[:-cut])
    report = import_sources([str(path)], tmp_path / "store")
    assert report.spans >= (20 if cut < 10 else 10)
    assert any("stream ends too early" in one.reason for one in report.skipped)


def test_a_small_torn_zstd_file_gives_its_whole_blocks(tmp_path: Path) -> None:
    plain = otlp(tmp_path / "plain.jsonl", [span(number, name="x" * 1000) for number in range(300)])
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(plain.read_bytes())
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(sink.getvalue().to_pybytes()[:-20])
    report = import_sources([str(path)], tmp_path / "store")
    assert report.spans >= 100
    assert any("stream ends too early" in one.reason for one in report.skipped)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_torn_array_gives_its_whole_elements(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "a.json"
    text = json.dumps([span(number) for number in range(30)], indent=indent)
    path.write_text(text[:-40])
    report = import_sources([str(path)], tmp_path / "store")
    assert report.spans == 29
    [skipped] = report.skipped
    assert (skipped.count, skipped.reason) == (1, "not JSON: the file ends in the middle of a value")
