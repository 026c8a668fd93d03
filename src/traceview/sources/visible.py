"""What a person would call the text of an input or output, as one SQL expression over a text column."""

from __future__ import annotations

from typing import Literal

from traceview.sources.sql import literal

LARGEST_JSON = 2_000_000
"""Bytes above which a JSON text is not looked into: it is its own text. Parsed, it would take many times the room."""

_INPUT_KEYS = (
    "question", "query", "input", "user_input", "user_message", "prompt", "message", "text", "content", "inputs",
    "request",
)  # fmt: skip
_OUTPUT_KEYS = (
    "answer", "output", "response", "completion", "reply", "result", "text", "content", "message", "final_answer",
    "outputs", "generation",
)  # fmt: skip
_INPUT_LISTS = ("$.messages[0]", "$.messages", "$[0]", "$", "$.input", "$.contents", "$.content")
_OUTPUT_LISTS = ("$.messages[0]", "$.messages", "$.choices", "$[0]", "$", "$.output", "$.content")
_BODIES = ("$.content", "$.parts", "$.message.content", "$.text", "$.kwargs.content")


def visible_text(text: str, side: Literal["input", "output"]) -> str:
    """SQL for the text that a person wrote or read, from plain text or JSON text.

    Plain text is itself; a JSON string is decoded; of an object the last message of the usual list or the usual
    key; of a list of messages the last of the user (input) or of the assistant (output). Anything else is the
    raw text, as is JSON of more than LARGEST_JSON bytes. Never fails, NULL only where `text` is.
    """
    keys = _INPUT_KEYS if side == "input" else _OUTPUT_KEYS
    lists = _INPUT_LISTS if side == "input" else _OUTPUT_LISTS
    scalars = ["$", *(f"$.{key}" for key in keys), *(f"$.{key}.content" for key in keys)]
    messages = f"list_filter({_extract(text, lists)}, lambda item: json_type(item) = 'ARRAY')[1]"
    return (
        f"CASE WHEN strlen({text}) <= {LARGEST_JSON} "
        rf"AND regexp_matches({text}, '^\s*[{{\[" + '"' + rf"]') AND json_valid({text}) "
        f"THEN coalesce({_last_message(messages, side)}, {_first_string(_extract(text, scalars))}, {text}) "
        f"ELSE {text} END"
    )


def _extract(text: str, paths: tuple[str, ...] | list[str]) -> str:
    """Several JSON paths in one pass over the text: a list with NULL where there is nothing."""
    return f"json_extract({text}, [{', '.join(literal(path) for path in paths)}])"


def _first_string(values: str) -> str:
    chosen = f"list_filter({values}, lambda item: json_type(item) = 'VARCHAR' AND item <> '\"\"')[1]"
    return f"({chosen} ->> '$')"


def _last_message(messages: str, side: str) -> str:
    """The text of the last message of the side's role, else of the last message that has a text."""
    part = (
        "list_filter(json_extract(part, ['$', '$.text', '$.content']), "
        "lambda item: json_type(item) = 'VARCHAR')[1] ->> '$'"
    )
    parts = f"list_filter(list_transform(json_extract(body, '$[*]'), lambda part: {part}), lambda t: t IS NOT NULL)"
    body = (
        "CASE json_type(body) WHEN 'VARCHAR' THEN body ->> '$' "
        f"WHEN 'ARRAY' THEN array_to_string({parts}, chr(10)) END"
    )
    bodies = f"list_transform({_extract('message', list(_BODIES))}, lambda body: {body})"
    content = f"list_filter({bodies}, lambda t: t <> '')[1]"
    role = (
        "lower(coalesce(message ->> '$.role', message ->> '$.message.role', message ->> '$.kwargs.type', "
        "message ->> '$.type', ''))"
    )
    roles = "('user', 'human')" if side == "input" else "('assistant', 'ai', 'model')"
    pairs = (
        f"list_filter(list_transform(json_extract({messages}, '$[*]'), "
        f"lambda message: {{'own': {role} IN {roles}, 'text': {content}}}), lambda pair: pair.text IS NOT NULL)"
    )
    # a list of one gives the pairs a name, so that they are computed once
    return (
        f"list_transform([{pairs}], lambda pairs: "
        "coalesce(list_filter(pairs, lambda pair: pair.own)[-1].text, pairs[-1].text))[1]"
    )
