"""What reaches the terminal: no colour where none is wanted, nothing but ASCII where nothing else can be shown."""

from __future__ import annotations

import re

import pytest

from traceview.tui.glyphs import ASCII
from tui.test_terminal import Screen, running

TOUR = (
    "j",
    "x",
    "?",
    "\x1b",
    "/",
    "trace",
    "\r",
    "\x1b[Z",
    ":",
    "the",
    "\x1b",
    "\r",
    "/",
    "race",
    "\r",
    "\t",
    "\x1b",
)
SGR = re.compile(rb"\x1b\[([0-9;:]*)m")
WITHOUT_COLOUR = {0, 1, 4, 7, 22, 24, 27}
"""Reset; bold, underline and reverse, on and off."""


def tour(screen: Screen) -> bytes:
    """Everything that was written while somebody looked around."""
    screen.wait("50 of 50 traces")
    for key in TOUR:
        screen.process.send(key)
        screen.read(0.1)
    screen.read(0.3)
    return screen.raw


def test_without_colours_there_is_no_code_of_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with running("50") as screen:
        raw = tour(screen)
    codes = {int(code or 0) for found in SGR.findall(raw) for code in re.split(rb"[;:]", found)}
    assert codes <= WITHOUT_COLOUR, codes - WITHOUT_COLOUR
    assert {1, 7} <= codes
    assert b"\x1b]4;" not in raw and b"\x1b]10;" not in raw and b"\x1b]11;" not in raw


def test_a_plain_locale_gets_ascii_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_CTYPE", raising=False)
    monkeypatch.setenv("LANG", "C")
    with running("50") as screen:
        raw = tour(screen)
    assert raw.isascii(), set(raw.decode(errors="replace")) - set(map(chr, range(128)))


def test_ascii_signs_leave_foreign_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with running("50", "ascii") as screen:
        raw = tour(screen).decode()
    assert not {sign for sign in ASCII if sign in raw}
    assert "目標を四" in raw
