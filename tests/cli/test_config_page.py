"""docs/config.md names every setting there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import traceview
from traceview.definitions import user
from traceview.tui.actions import BY_ID
from traceview.tui.user_keys import check_keys

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/config.md").read_text()
SOURCE = Path(traceview.__file__).parent
OTHERS = {"PYTHONUTF8"}
"""Set for Python itself, not read."""


def documented(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`([^`]+)`", row)
    }


def variables_read() -> set[str]:
    """Every environment variable that the program looks at."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        found.update(re.findall(r"environ(?:ment)?(?:\.\w+)?[(\[]\s*\"([A-Z_0-9]+)\"", text))
        found.update(re.findall(r"\"(TRACEVIEW_[A-Z_]+)\"", text))
        for group in re.findall(r"_command\(\(([^)]*)\)|\"(LC_ALL\"[^)\]]*)", text):
            found.update(re.findall(r'([A-Z_]{4,})"', "".join(group)))
        if path.name == "clipboard.py":
            found.update(re.findall(r"\(\"([A-Z_]+)\", \(", text))
    return found - OTHERS


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    assert variables_read() == documented("Environment")


def test_every_key_of_the_file_is_documented_and_the_other_way_round() -> None:
    keys = {*user.TOP_LEVEL, *(f"display.{key}" for key in user.DISPLAY)} - {"display"}
    assert keys == documented("config.toml")
    assert all(f"`{theme}`" in PAGE for theme in user.THEME_NAMES)


def test_the_example_is_a_config_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEVIEW_CONFIG_DIR", str(tmp_path))
    example = re.search(r"```toml\n(.*?)```", PAGE, re.S)
    assert example is not None
    (tmp_path / "config.toml").write_text(example[1])
    config = user.load_user_config()
    assert config.ascii_signs and config.theme in user.THEME_NAMES and set(config.keys) <= set(BY_ID)
    check_keys(config)
