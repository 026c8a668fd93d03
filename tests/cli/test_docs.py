"""The reference pages: current, and every filter in them is one that the parser takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from traceview.cli.docs import run
from traceview.filters import parse

ROOT = Path(__file__).resolve().parents[2]


def test_pages_are_current(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert run(["--check"]) == 0, capsys.readouterr().out


def test_filters_of_the_reference_are_filters() -> None:
    text = (ROOT / "docs/filters.md").read_text().partition("<!-- fields -->")[0]
    block = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert block is not None
    examples = [line.split("   ")[0] for line in block[1].splitlines()]
    examples += [
        one for one in re.findall(r"`([^`\n]+)`", text) if re.match(r"-?[a-z]+[\w.]*(:|>|\(span)\S", one)
    ]
    examples = [one for one in examples if "NAME" not in one and "field" not in one]
    assert len(examples) > 25
    for example in examples:
        assert parse(example) is not None
