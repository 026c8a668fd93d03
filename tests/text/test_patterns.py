"""A pattern that is compiled when it is first asked answers as one that was compiled at once."""

from __future__ import annotations

import re

import pytest

from traceview.text.patterns import later


def test_it_answers_as_a_compiled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, text = re.compile(r"(?P<word>[a-z]+)-(\d)", re.IGNORECASE), "a-1, B-2; c-x"
    compiled: list[str] = []
    compile_ = re.compile
    monkeypatch.setattr(re, "compile", lambda *given: compiled.append(given[0]) or compile_(*given))
    late = later(r"(?P<word>[a-z]+)-(\d)", re.IGNORECASE)
    assert late.pattern == plain.pattern and compiled == []
    assert [one.groupdict() for one in late.finditer(text)] == [
        one.groupdict() for one in plain.finditer(text)
    ]
    assert late.findall(text) == plain.findall(text) and late.split(text) == plain.split(text)
    for method in ("match", "search", "fullmatch"):
        assert str(getattr(late, method)(text)) == str(getattr(plain, method)(text))
    assert late.sub("_", text) == plain.sub("_", text) and late.subn("_", text, 1) == plain.subn("_", text, 1)
    assert late.groupindex == plain.groupindex and late.flags == plain.flags
    with pytest.raises(AttributeError):
        late.nothing  # noqa: B018
