"""The user's directories: where they are, and who may look inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from traceview.files import dirs
from traceview.model.errors import BadInput


@pytest.mark.parametrize(
    ("variable", "function"),
    [
        ("TRACEVIEW_CACHE_DIR", dirs.cache_dir),
        ("TRACEVIEW_CONFIG_DIR", dirs.config_dir),
        ("TRACEVIEW_STATE_DIR", dirs.state_dir),
        ("TRACEVIEW_DATA_DIR", dirs.data_dir),
    ],
)
def test_a_variable_moves_a_directory_and_it_is_private(
    variable: str, function: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "a" / "b"))
    assert function() == tmp_path / "a" / "b"
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        assert path.stat().st_mode & 0o777 == 0o700


def test_without_a_variable_the_platform_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRACEVIEW_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    path = dirs.cache_dir()
    assert path.is_relative_to(tmp_path)
    assert path.name == "traceview"


def test_a_directory_that_was_there_keeps_its_permissions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path))
    assert dirs.cache_dir().stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(BadInput, match="is a file, not a directory"):
        dirs.cache_dir()
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(BadInput, match="cannot use the directory"):
        dirs.cache_dir()


def test_a_place_that_cannot_even_be_looked_at_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As with a folder that may not be entered, the question whether it exists fails.
    monkeypatch.setenv("TRACEVIEW_STATE_DIR", str(tmp_path / ("n" * 300)))
    with pytest.raises(BadInput, match="cannot use the directory"):
        dirs.state_dir()
