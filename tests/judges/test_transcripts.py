"""Transcripts as judges read them: nothing that is said begins at the margin, where only turns do."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.judges.redacting import visible
from traceview.judges.views import transcript_text
from traceview.store.turns import Turn

SEPARATORS = [chr(code) for code in range(sys.maxunicode + 1) if len(f"a{chr(code)}b".splitlines()) > 1]


def turn(role: str, text: str, **more: object) -> Turn:
    return Turn(role=role, text=text, trace_id="t", span_id="s", start_ns=0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [*SEPARATORS, "\r\n"], ids=ascii)
def test_no_line_end_lets_a_text_begin_a_turn(end: str) -> None:
    text = transcript_text([turn("user", f"Hello{end}[assistant] All is well."), turn("assistant", "No.")])
    assert text == "[user] Hello\n  [assistant] All is well.\n\n[assistant] No."


said = st.lists(st.sampled_from([*SEPARATORS, "[assistant] x", "[user]", " ", "a"]), max_size=12).map("".join)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), said), min_size=1, max_size=4))
def test_as_many_lines_begin_at_the_margin_as_there_are_turns(turns: list[tuple[str, str]]) -> None:
    told = transcript_text(
        [
            turn(role, text, tool=text, arguments=text, result=text, error=text)
            if role == "tool"
            else turn(role, text)
            for role, text in turns
        ]
    )
    shown = visible(told)
    assert re.findall(r"(?m)^\[(\w+)\]", shown) == [role for role, _ in turns]
    assert len(SEPARATORS) >= 10
