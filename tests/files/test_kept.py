"""Files of comfort that are of no use are no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.files.kept import read_kept
from traceview.tui.habits import FILE_NAME, Habits, read_habits
from traceview.tui.looks import Looks
from traceview.tui.state import LastPlace, read_place


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"", b"[1]", b"\xff", b'"text"'])
def test_a_file_of_no_use_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    assert read_kept(path) == {}
    assert read_place(path) == LastPlace()
    assert read_habits(tmp_path) == Habits()
    assert Looks(file=path).choice("traces") is None


def test_an_object_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text('{"a": 1}')
    assert read_kept(path) == {"a": 1}
