"""The last place in a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.tui.state import LastPlace, keep_place, read_place


def test_a_place_comes_back(tmp_path: Path) -> None:
    place = LastPlace("threads", 'version:v3 "é"', "duration_ms", True, "thread-1")
    assert keep_place(tmp_path / "deep" / "place.json", place) is None
    assert read_place(tmp_path / "deep" / "place.json") == place


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"filter": 3, "row": null, "extra": 1}']
)
def test_a_broken_file_is_no_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "place.json").write_bytes(content)
    assert read_place(tmp_path / "place.json") == LastPlace()


def test_without_a_file_nothing_is_kept() -> None:
    assert keep_place(None, LastPlace(row="x")) is None
    assert read_place(None) == LastPlace()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said = keep_place(tmp_path / "file" / "place.json", LastPlace())
    assert said is not None and "not kept" in said
