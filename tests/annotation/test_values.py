"""Values from text and from JSON, under each type of definition."""

from __future__ import annotations

import pytest

from traceview.annotation.values import format_value, parse_value, validate_value
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import LabelValue, TargetKind

BOOLEAN = FeedbackDefinition("ok", "boolean", ("trace",), "h")
SURE = FeedbackDefinition("ok", "boolean", ("trace",), "h", allow_na=False)
SCALE = FeedbackDefinition("effort", "numerical", ("trace",), "h", minimum=1, maximum=5)
FREE = FeedbackDefinition("score", "numerical", ("trace",), "h")
TONE = FeedbackDefinition("tone", "categorical", ("trace",), "h", choices=("Formal", "rude", "1"))
MULTI = FeedbackDefinition("tags", "categorical", ("trace",), "h", choices=("a", "b", "c d"), multi=True)
TEXT = FeedbackDefinition("why", "text", ("trace",), "h")


@pytest.mark.parametrize(
    ("definition", "text", "value"),
    [
        (BOOLEAN, "pass", True),
        (BOOLEAN, " FAIL ", False),
        (BOOLEAN, "true", True),
        (BOOLEAN, "no", False),
        (BOOLEAN, "n/a", "n/a"),
        (BOOLEAN, "NA", "n/a"),
        (SCALE, "3", 3),
        (SCALE, "3.5", 3.5),
        (SCALE, "n/a", "n/a"),
        (FREE, "-1e3", -1000.0),
        (TONE, "rude", "rude"),
        (TONE, "formal", "Formal"),
        (TONE, "1", "1"),
        (MULTI, "c d, a", ("a", "c d")),
        (MULTI, "b,b,", ("b",)),
        (TEXT, "  as typed ", "  as typed "),
    ],
)
def test_texts(definition: FeedbackDefinition, text: str, value: LabelValue) -> None:
    parsed = parse_value(definition.name, definition, text)
    assert parsed == value and type(parsed) is type(value)
    assert validate_value(definition.name, definition, parsed, "trace") == value
    assert parse_value(definition.name, definition, format_value(parsed)) == value


@pytest.mark.parametrize(
    ("definition", "text", "words"),
    [
        (BOOLEAN, "pas", "did you mean pass"),
        (BOOLEAN, "2", "expected pass or fail, or n/a, found '2'"),
        (SURE, "n/a", "always applies"),
        (SCALE, "6", "a number from 1 to 5"),
        (SCALE, "nan", "a number from 1 to 5"),
        (FREE, "inf", "a number"),
        (FREE, "many", "a number"),
        (TONE, "rud", "did you mean rude"),
        (MULTI, "a,x", "one or more of a, b, c d"),
        (MULTI, ",", "no choice"),
        (TEXT, "   ", "empty"),
    ],
)
def test_bad_texts_say_what_was_expected(definition: FeedbackDefinition, text: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_value(definition.name, definition, text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("note", " a\nb ", " a\nb "),
        ("correction", "x", "x"),
        ("mode", "made-up link, tone", ("made-up link", "tone")),
        ("first_bad", "7", 7),
        ("first_bad", "00f067aa0ba902b7", "00f067aa0ba902b7"),
        ("first_bad", "1234567890123456", "1234567890123456"),
    ],
)
def test_names_of_the_app(name: str, text: str, value: LabelValue) -> None:
    assert parse_value(name, None, text) == value
    assert validate_value(name, None, value, "trace") == value


@pytest.mark.parametrize(
    ("name", "definition", "value", "kind"),
    [
        ("ok", BOOLEAN, 1, "trace"),
        ("ok", BOOLEAN, "pass", "trace"),
        ("ok", BOOLEAN, True, "span"),
        ("ok", SURE, "n/a", "trace"),
        ("effort", SCALE, True, "trace"),
        ("effort", SCALE, "3", "trace"),
        ("effort", SCALE, 9, "trace"),
        ("score", FREE, float("nan"), "trace"),
        ("tone", TONE, "formal", "trace"),
        ("tone", TONE, ["rude"], "trace"),
        ("tags", MULTI, "a", "trace"),
        ("tags", MULTI, [], "trace"),
        ("tags", MULTI, ["a", 1], "trace"),
        ("why", TEXT, "", "trace"),
        ("why", TEXT, 3, "trace"),
        ("note", None, 3, "trace"),
        ("mode", None, "x", "trace"),
        ("mode", None, [], "trace"),
        ("mode", None, ["made up", "red\x1b[31m"], "trace"),
        ("first_bad", None, "x", "span"),
        ("first_bad", None, True, "trace"),
        ("first_bad", None, -1, "trace"),
        ("unheard", None, True, "trace"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    name: str, definition: FeedbackDefinition | None, value: object, kind: TargetKind
) -> None:
    with pytest.raises(BadInput):
        validate_value(name, definition, value, kind)
