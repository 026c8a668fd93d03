"""The built-in checks of code judges as a judge file may name them: their options, and which targets they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from traceview.model.labels import TargetKind

OptionType = Literal["boolean", "integer", "number", "text", "texts", "regex", "regexes", "choice", "table"]


class CheckOption(Struct, frozen=True):
    """One option of a check. `choices` are the values of a `choice`, `about` says in a few words what it does."""

    type: OptionType
    about: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None


class CheckForm(Struct, frozen=True):
    """What a judge file may say of a check. `parts` are the values that it gives beside its verdict.

    `version` grows with every change after which the same trace may get another verdict.
    """

    name: str
    about: str
    options: Mapping[str, CheckOption] = field(default_factory=dict)
    scopes: tuple[TargetKind, ...] = ("trace",)
    parts: tuple[str, ...] = ()
    pass_means: str = ""
    fail_means: str = ""
    version: int = 1


OTHERWISE = ("not_applicable", "pass", "fail")
"""What a check may be told to say where what it looks for is not there."""

SIGNALS = ("contradiction", "retry", "repetition", "escalation")
"""What the next turn of a user may tell of the answer before it."""

ALL_SCOPES: tuple[TargetKind, ...] = ("span", "trace", "thread")
WITHIN: tuple[TargetKind, ...] = ("trace", "thread")
"""A thread passes if every one of its traces to which the check applies does."""


def _otherwise(about: str, default: str = "not_applicable") -> CheckOption:
    return CheckOption("choice", about, default=default, choices=OTHERWISE)


def _count(about: str, default: int | None = None, least: int = 0) -> CheckOption:
    return CheckOption("integer", about, default=default, minimum=least)


def _flag(about: str, default: bool = False) -> CheckOption:
    return CheckOption("boolean", about, default=default)


_TOOLS = CheckOption("texts", "the tools that count (default: all of them)")
_IF = {
    "if_answer": CheckOption("regexes", "judge only answers in which one is found"),
    "if_question": CheckOption("regexes", "judge only if one is found in the user's words"),
}

_FORMS = (
    CheckForm(
        "urls_from_tools",
        "every address of the answer stands in a result of the tool",
        {
            "tool": CheckOption("texts", "the tools whose results count (default: all of them)"),
            "require_called": _flag("fail if the tool was not called before the answer"),
            "when_no_url": _otherwise("the verdict on an answer without an address"),
            "when_not_called": _otherwise("the verdict on addresses where the tool was not called", "fail"),
            "allow_user_urls": _flag("an address that the user wrote is no finding"),
            "allow": CheckOption("texts", "hosts, or beginnings of addresses, that are always right"),
        },
        WITHIN,
        ("tool_called", "urls_match"),
        "Every address of the answer stands in a result of the tool.",
        "At least one address of the answer stands in no result of the tool.",
    ),
    CheckForm(
        "tool_called",
        "the tool was called before the answer ended",
        {
            "tool": CheckOption("texts", "the tool, or several of which any counts", required=True),
            "all": _flag("every one of several tools, not any"),
            "min_calls": _count("so many calls at least", 1, 1),
            "succeeded": _flag("calls that failed do not count"),
            **_IF,
        },
        WITHIN,
        (),
        "The tool was called before the answer.",
        "The tool was not called before the answer.",
    ),
    CheckForm(
        "format_rules",
        "the answer keeps every one of these rules",
        {
            "max_words": _count("so many words at most", least=1),
            "min_words": _count("so many words at least", least=1),
            "max_chars": _count("so many characters at most", least=1),
            "must_match": CheckOption("regexes", "every one is found in the answer"),
            "forbid": CheckOption("regexes", "none is found in the answer, in upper or lower case"),
            "bullets_if_list": _count("lists of so many things or more have bullets", least=1),
            "max_bullets": _count("so many bullet points at most"),
            "no_nested_bullets": _flag("bullet points have none below them"),
            "no_table": _flag("no Markdown table"),
            "no_headings": _flag("no Markdown heading"),
            "no_code": _flag("no code block"),
            "starts_with": CheckOption("regexes", "the answer begins with one of them"),
            "ends_with": CheckOption("regexes", "the answer ends with one of them"),
            "when_no_answer": _otherwise("the verdict where nothing was answered"),
            **_IF,
        },
        ALL_SCOPES,
        (),
        "The answer keeps every format rule.",
        "The answer breaks at least one format rule.",
    ),
    CheckForm(
        "valid_json",
        "the answer is JSON, and of this schema if one is given",
        {
            "schema": CheckOption("table", "a JSON schema, of the keywords that are documented"),
            "allow_fence": _flag("JSON in one Markdown code block counts"),
            "when_no_answer": _otherwise("the verdict where nothing was answered"),
            **_IF,
        },
        ALL_SCOPES,
        (),
        "The answer is JSON of the expected shape.",
        "The answer is no JSON, or not of the expected shape.",
    ),
    CheckForm(
        "no_tool_error_ignored",
        "where a tool failed for good, the answer says so",
        {
            "tool": _TOOLS,
            "mentions": CheckOption("regexes", "more words that tell of a failure, in upper or lower case"),
        },
        WITHIN,
        (),
        "Every tool that failed was called again with success, or the answer tells of the failure.",
        "A tool failed for good, and the answer does not say so.",
    ),
    CheckForm(
        "no_loop",
        "no tool is called again and again with the same arguments",
        {
            "repeats": _count("so many calls are a loop", 3, 2),
            "tool": _TOOLS,
            "count_failed": _flag("calls that failed count, although they may be retries"),
        },
        WITHIN,
        (),
        "No tool was called again and again with the same arguments.",
        "A tool was called again and again with the same arguments.",
    ),
    CheckForm(
        "user_corrected",
        "the next turn of the user does not correct the answer",
        {
            "signals": CheckOption(
                "texts",
                f"which signals count, of {', '.join(SIGNALS)}",
                default=("contradiction", "retry", "repetition"),
            ),
            "more": CheckOption("regexes", "what else a correction begins with, as in another language"),
            "not": CheckOption("regexes", "what begins a turn that is none"),
            "jaccard": CheckOption(
                "number", "share of words that a repeated question has in common", default=0.6
            ),
            "when_no_turn": _otherwise("the verdict on the last turn of a conversation"),
        },
        WITHIN,
        (),
        "The user's next turn does not correct the answer.",
        "The user's next turn contradicts the answer, repeats the question or asks to try again.",
    ),
    CheckForm(
        "tool_exists",
        "every tool that was called is among those that were offered",
        {
            "tools": CheckOption(
                "texts", "the tools there are (default: those that the trace says were offered)"
            ),
            "ignore": CheckOption("texts", "tools that are called without being offered"),
        },
        WITHIN,
        (),
        "Every tool that was called is among those that were offered.",
        "A tool was called that was not offered.",
    ),
    CheckForm(
        "injection_in_tool_output",
        "no result of a tool gives the model instructions",
        {
            "tool": _TOOLS,
            "documents": _flag("retrieved documents count too", True),
            "more": CheckOption("regexes", "what else is an attack, in upper or lower case"),
        },
        WITHIN,
        (),
        "No result of a tool tries to instruct the model.",
        "A result of a tool holds instructions to the model.",
    ),
)

CHECKS: dict[str, CheckForm] = {form.name: form for form in _FORMS}
"""The built-in checks by name."""

PYTHON = "python:"
"""What the name of a check of the project's own begins with: `python:FILE:FUNCTION`."""
ASKED = "judge:"
"""How what another judge says is named as a part, before its name."""
