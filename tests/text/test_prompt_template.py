"""Which texts were made from a template."""

from __future__ import annotations

import pytest
from benchmarks.clock import cpu_seconds
from hypothesis import given
from hypothesis import strategies as st

from traceview.text.prompt_template import parse_template


@pytest.mark.parametrize(
    ("template", "text", "matches"),
    [
        ("You help {name} today.", "You help Ann Lee today.", True),
        ("You help {name} today.", "You help Ann Lee tomorrow.", False),
        ("You help {{ name }} in ${place} at $time!", "You help Al in New York at 7!", True),
        ("You help {user.name!r:>10}.", "You help 'Al'.", True),
        ("Hi {{{raw}}}, go", "Hi <b>Al</b>, go", True),
        ('Answer as JSON: {"a": 1}', 'Answer as JSON: {"a": 1}', True),
        ('Answer as JSON: {"a": 1}', 'Answer as JSON: {"a": 2}', False),
        ("Rules\n{% for r in rules %}\n- {{ r }}\n{% endfor %}\nEnd", "Rules\n- a\n- b\nEnd", True),
        ("Rules\n{%- if gold %}be kind{% else %}be fast{% endif -%}\nEnd", "Rules\nEnd", True),
        ("{% set x = 1 %}Be kind {# not told #}and brief", "Be kind and brief", True),
        ("---\ntitle: x\n---\nBe kind", "Be kind", True),
        ("Be   kind\r\n\r\nand brief\n", "Be kind\nand brief", True),
        ("Be kind", "Be kind and brief", False),
        ("{a} then {b}", "x then y then z", True),
        ("one {a} one", "one", False),
        ("{{ and {% and {# {a}", "{{ and {% and {# x", True),
        ("Say {{{x}}} and {{ {y} on", "Say 1 and {{ 2 on", True),
    ],
)
def test_placeholders_match_anything(template: str, text: str, matches: bool) -> None:
    assert parse_template(template).matches(" ".join(text.split())) is matches


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_file_is_a_template(template: str, text: str) -> None:
    parsed = parse_template(template)
    parsed.matches(" ".join(text.split()))
    assert parsed.literal <= len(template)


@given(
    st.lists(st.text("ab .", max_size=6), min_size=1, max_size=5),
    st.lists(st.text("xyz", min_size=1, max_size=4), min_size=5, max_size=5),
)
def test_a_filled_template_matches(pieces: list[str], values: list[str]) -> None:
    template = "{x}".join(pieces)
    filled = "".join(
        piece + value for piece, value in zip(pieces, [*values[: len(pieces) - 1], ""], strict=True)
    )
    assert parse_template(template).matches(" ".join(filled.split()))


@pytest.mark.parametrize(
    "unit",
    ["{{", "{#", "{%", "{% if ", "{% \t", "${", "{a", "{1", "$a", "{{{", "}}", "---\n", "--- ", "{% if x %}"],
)
def test_hostile_files_take_time_as_their_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = f"---\n{unit * (length // len(unit))}"
        return cpu_seconds(lambda: parse_template(text))

    # one of three tries: other programs run too
    assert any(seconds(40_000) < 3 * max(seconds(20_000), 0.001) for _ in range(3))
