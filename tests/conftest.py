"""Every test has user directories of its own, so that no test sees or touches a person's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("traceview", deadline=None)
settings.load_profile("traceview")

# What is installed has its bytecode; hundreds of processes that tests start would compile every module each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LONGEST = (
    "tests/tui/test_stalls.py",
    "tests/tui/test_moves.py",
    "tests/docs/test_guides.py",
    "tests/tui/test_recorded_session.py",
    "tests/store/duck/test_growing.py",
    "tests/pty/test_moves.py",
)
"""Files of half a minute and more, most of them of one test: begun last, one worker would wait for the other's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def directories_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is set up once for many tests has directories too that are nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        _point_at(tmp_path_factory.mktemp("users"), patch)
        yield


@pytest.fixture(autouse=True)
def user_directories(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point traceview's cache, config, state and data directories, and the annotator, at a fresh place."""
    home = tmp_path_factory.mktemp("user")
    _point_at(home, monkeypatch)
    return home


def _point_at(home: Path, patch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "CONFIG", "STATE", "DATA"):
        patch.setenv(f"TRACEVIEW_{name}_DIR", str(home / name.lower()))
    patch.setenv("TRACEVIEW_ANNOTATOR", "tester@example.com")
