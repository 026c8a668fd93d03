"""A system prompt with the values of single requests masked: what is left is the same from call to call.

Dates, times, ids, numbers, addresses, values behind labels, JSON and tagged blocks become placeholders such as
`⟨date⟩`. The text is cut into segments, a sentence or line each, so that two prompts can be compared by them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

OPEN, CLOSE = "⟨", "⟩"
"""What a placeholder stands between."""

ANYTHING = f"{OPEN}…{CLOSE}"
"""The placeholder of a value that is none of the known kinds."""

_LINES_KEPT = 100_000
"""Masked lines that are remembered: prompts of one application share most of theirs."""

_LABELLED_CHARACTERS = 100
"""A longer text behind a label is no value but an instruction."""

_LABELLED_LINE = 400
"""A longer line has no label with a value."""

_BLOCKS_CHARACTERS = 100_000
"""Blocks are looked for in texts up to this length."""

_FAILED_JSON = 50
"""After so many things that look like JSON and are none, no more are looked at."""

_KEYS_TOLD = 12
"""Keys of a JSON block that its placeholder names."""

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b"
_CLOCK = (
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?\b)?"
    r"(?:\s?(?:Z\b|(?:UTC|GMT|CES?T|[ECMP][SD]T)\b|[+-]\d{2}:?\d{2}\b))*"
)
_DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|"
    rf"(?:{_WEEKDAY},?\s+)?(?:(?:\d{{1,2}}(?:st|nd|rd|th)?\.?\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}})?)|"
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?)|{_MONTH}\s+\d{{4}}))"
)
_KINDS: tuple[tuple[str, str], ...] = (
    ("url", r"(?:https?|s3|gs|ftp|wss?|file)://[^\s<>\"')\]]+|\bwww\.[^\s<>\"')\]]+"),
    ("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"),
    ("id", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("date", rf"(?<![\w.]){_DAY}(?:(?:T|,?\s+(?:at\s+)?){_CLOCK})?(?!\w)"),
    ("time", rf"(?<![\w:]){_CLOCK}(?![\w:])"),
    (
        "id",
        r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b|\b[A-Za-z]+[_-]\d[\w-]*\b|\b(?=\w*[A-Za-z])(?=(?:\w*\d){4})\w{6,}\b",
    ),
    ("number", r"(?<![\w.])[-+]?\d[\d,']{0,30}(?:\.\d{1,30})?(?![\w])"),
)
_VALUES = re.compile(
    "|".join(f"(?P<k{at}>{pattern})" for at, (_, pattern) in enumerate(_KINDS)), re.IGNORECASE
)
_KIND_OF = {f"k{at}": f"{OPEN}{kind}{CLOSE}" for at, (kind, _) in enumerate(_KINDS)}
_MAY_HOLD_VALUE = re.compile(r"[\d@]|://|www\.|day\b", re.IGNORECASE)
_TODAY = re.compile(rf"(?i)(\b(?:today|date|day|now)\b[^.!?]{{0,40}}?\b){_WEEKDAY}")

_LABEL = re.compile(
    r"(?i)^(\s*(?:[-*•]\s+)?(?:\*\*|__)?(?:[\w'’-]+\s+){0,3}?"
    r"(?:name|user(?:name)?|customer|client|caller|ids?|e-?mail|phone|date|time|datetime|now|today|time\s?zone|tz|"
    r"location|city|country|region|address|session|account|plan|tier|company|organi[sz]ation|tenant|locale|language|"
    r"birthday|age|gender|balance|status|role|title|department|team|currency|platform|device|workspace|project)"
    r"(?:\*\*|__)?\s*[:=](?:\*\*|__)?\s*)(\S.*)$"
)
_INJECTED = (
    "documents?|docs?|contexts?|passages?|chunks?|sources?|snippets?|search_results?|results?|retriev\\w*|knowledge|"
    "user_\\w+|users?|customers?|profiles?|accounts?|history|chat_history|conversation|transcript|messages?|memory|"
    "memories|data|metadata|state|env|environment|files?|content|pages?|articles?|tickets?|emails?|orders?|quer(?:y|ies)"
)
_OPENING = re.compile(rf"<({_INJECTED})(?:\s[^<>]{{0,300}})?>", re.IGNORECASE)
_FENCED = re.compile(r"^[ \t]*```[ \t]*(\w*)[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_JSON_START = re.compile(r"(?:(?<=^)|(?<=[\s:=(>]))(?=\{\s*[\"}]|\[\s*[\[{\"])", re.MULTILINE)
_DECODER = json.JSONDecoder()
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_a-z]|[\"'(\[<*#⟨-])")
_BLANKS = re.compile(r"\s+")
_known_lines: dict[str, tuple[tuple[str, ...], bool]] = {}
"""The segments of lines, and whether one of them has a placeholder."""


def segments(text: str) -> tuple[str, ...]:
    """The masked text as segments, a sentence or line each, without blank ones.

    The same placeholder lines one after the other are one: a list of injected things may have any length.
    """
    found: list[str] = []
    for line in _blocks_masked(text).split("\n"):
        known = _known_lines.get(line)
        if known is None:
            if len(_known_lines) >= _LINES_KEPT:
                _known_lines.clear()
            parts = _segments_of_line(line)
            known = _known_lines[line] = parts, any(OPEN in part for part in parts)
        if known[1]:
            for segment in known[0]:
                if not (found and found[-1] == segment and OPEN in segment):
                    found.append(segment)
        else:
            found += known[0]
    return tuple(found)


@lru_cache(maxsize=20_000)
def _sentence(part: str) -> str:
    """As `masked_sentence`: most sentences of a line with a value in it stay from prompt to prompt."""
    return masked_sentence(part)


def masked_sentence(line: str) -> str:
    """A sentence or line with its values masked, blanks put together."""
    label = _LABEL.match(line) if len(line) < _LABELLED_LINE else None
    if label is not None and len(label.group(2)) <= _LABELLED_CHARACTERS and OPEN not in label.group(2):
        line = f"{label.group(1)}{OPEN}value{CLOSE}"
    elif _MAY_HOLD_VALUE.search(line):
        line = _VALUES.sub(_placeholder, line)
        line = _TODAY.sub(rf"\1{OPEN}date{CLOSE}", line)
    return _BLANKS.sub(" ", line).strip()


def _segments_of_line(line: str) -> tuple[str, ...]:
    masked = (_sentence(part) for part in _SENTENCES.split(line))
    return tuple(part for part in masked if part)


def _placeholder(match: re.Match[str]) -> str:
    assert match.lastgroup is not None  # one of the kinds matched
    return _KIND_OF[match.lastgroup]


def _blocks_masked(text: str) -> str:
    """The text with blocks that hold injected data masked: tagged ones, JSON, and fences around JSON."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > _BLOCKS_CHARACTERS:
        return text
    if "</" in text:
        text = _tags_masked(text)
    if "```" in text:
        text = _FENCED.sub(_without_json_fence, text)
    return _json_masked(text) if "{" in text or "[" in text else text


def _without_json_fence(match: re.Match[str]) -> str:
    body = match.group(2).strip()
    return body if match.group(1).lower() == "json" and body[:1] in ("{", "[") else match.group(0)


def _tags_masked(text: str) -> str:
    """The text with what stands between tags of injected data masked."""
    pieces, at = [], 0
    unclosed: set[str] = set()
    for opening in _OPENING.finditer(text):
        tag = opening.group(1)
        if opening.start() < at or tag in unclosed:
            continue
        closing = re.compile(rf"</{re.escape(tag)}\s{{0,9}}>").search(text, opening.end())
        if closing is None:
            # nor does a later one end
            unclosed.add(tag)
            continue
        pieces += [text[at : opening.start()], f"<{tag}>{ANYTHING}</{tag}>"]
        at = closing.end()
    return "".join([*pieces, text[at:]]) if pieces else text


def _json_masked(text: str) -> str:
    """The text with whole JSON objects and lists of them masked to the names of their keys."""
    pieces, at, failed = [], 0, 0
    for start in _JSON_START.finditer(text):
        if start.start() < at:
            continue
        try:
            value, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            failed += 1
            if failed > _FAILED_JSON:
                break
            continue
        keys = sorted({key for one in (value if isinstance(value, list) else [value]) for key in _keys(one)})
        told = ",".join(keys[:_KEYS_TOLD])
        pieces += [text[at : start.start()], f"{OPEN}json {told}{CLOSE}" if told else f"{OPEN}json{CLOSE}"]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _keys(value: object) -> list[str]:
    # one line and no end of a placeholder: keys are foreign text too
    return [_BLANKS.sub(" ", key.replace(CLOSE, "")) for key in value] if isinstance(value, dict) else []
