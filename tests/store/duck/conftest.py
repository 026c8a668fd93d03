"""Every test has a cache of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shop_data import shop, write

from traceview.store.interface import Engine
from traceview.store.open import open_engine

Open = Callable[..., Engine]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache directory of this test."""
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opening() -> Iterator[Open]:
    """Opens engines and closes them at the end."""
    opened: list[Engine] = []

    def open_one(*paths: Path, wait: bool = True, **more: Any) -> Engine:
        engine = open_engine([str(path) for path in paths], **more)
        opened.append(engine)
        if wait:
            engine.wait_ready()
        return engine

    yield open_one
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(tmp_path: Path, opening: Open) -> Engine:
    """The shop's traces."""
    return opening(write(tmp_path / "data", "shop", shop()))
