"""Other programs get texts that they cannot be made to act on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from traceview.tui.external import page_text


class Suspending:
    """As much of an app as another program needs."""

    def suspend(self) -> AbstractContextManager[None]:
        return nullcontext()


HOSTILE = "a\x1b]0;title\x07\x1b[2J\x9b31m\x00\u202egnp.exe\ttab\nline\r\x08 end"


def test_the_pager_gets_no_raw_control_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("PAGER", f"sh -c 'cat \"$0\" > {out}'")
    app: Any = Suspending()
    page_text(app, HOSTILE, "output.txt")
    read = out.read_text()
    assert not [
        char for char in read if (ord(char) < 0x20 and char not in "\t\n") or 0x7F <= ord(char) < 0xA0
    ]
    assert "\u202e" not in read and "␛[2J" in read and "\ttab\nline" in read
