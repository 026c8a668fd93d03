"""The user's keys: refused before the app starts, with the file, the line and both actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions.user import load_user_config
from traceview.files.dirs import config_dir
from traceview.model.errors import BadInput
from traceview.tui.actions import ACTIONS, UNSENDABLE, rebound
from traceview.tui.user_keys import check_keys


@pytest.fixture(autouse=True)
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEVIEW_CONFIG_DIR", str(tmp_path / "config"))


def config(text: str) -> Path:
    path = config_dir() / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[keys]\nfiltr = 'x'", 2, ("no action 'filtr'", "Did you mean 'filter'?")),
        ("[keys]\n\nfilter = 's'", 3, ("'s' means both 'filter' and 'sort'",)),
        ("[keys]\nsort = 'f5'\nfilter = 'f5'", 3, ("'f5' means both 'filter' and 'sort'", "config.toml:2")),
        ("[keys]\nsort = ['s', 'ctrl+m']", 2, ("cannot be sent",)),
        ("[keys]\nfilter = []", 2, ("no key for 'filter'", "leave the line out")),
        ("[keys]\nfilter = 'ctrl+nonsense'", 2, ("no key 'ctrl+nonsense'", "Use a letter")),
        ("[keys]\nfilter = 'Entr'", 2, ("no key 'Entr'", "Did you mean 'Enter'?")),
    ],
)
def test_a_refusal_names_the_file_the_line_and_the_actions(
    text: str, line: int, words: tuple[str, ...]
) -> None:
    path = config(text)
    with pytest.raises(BadInput) as refused:
        check_keys(load_user_config())
    assert str(refused.value).startswith(f"{path}:{line}: keys.")
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "theme = 'light'",
        "[keys]\nfilter = ['f', 'ctrl+f']\nsort = 'S'\nsort_reverse = 's'",
        "[keys]\nfilter = ['F9', 'ctrl+f', 'Insert', 'ctrl+Home', 'é', 'ctrl+backslash']",
    ],
)
def test_good_keys_are_taken(text: str) -> None:
    config(text)
    check_keys(load_user_config())


def test_every_key_of_the_app_can_be_written_in_the_config() -> None:
    for action in ACTIONS:
        if not any(key.lower() in UNSENDABLE for key in action.keys):
            rebound({action.id: action.keys})
