"""A system prompt with the values of single requests masked: what is left is the same from call to call.

Dates, times, ids, numbers, addresses, values behind labels, JSON and tagged blocks become placeholders such as
`⟨date⟩`. The text is cut into segments, a sentence or line each, so that two prompts can be compared by them.

Prompts are foreign text: no pattern may look at a character more than a bounded number of times. Repeats are bounded
or possessive, and what ends something is looked for once, not from everything that may begin it.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache

from traceview.text.patterns import later

OPEN, CLOSE = "⟨", "⟩"
"""What a placeholder stands between."""

ANYTHING = f"{OPEN}…{CLOSE}"
"""The placeholder of a value that is none of the known kinds."""

MOST_CHARACTERS = 200_000
"""Of a longer prompt only so many characters are masked: the rest counts as it is, by its hash."""

_LINES_KEPT = 100_000
"""Masked lines that are remembered: prompts of one application share most of theirs."""

_LONGEST_KEPT = 4_000
"""A longer line or sentence is not remembered."""

_CHARACTERS_KEPT = 20_000_000
"""Characters of the lines that are remembered."""

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
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d++)?)?(?:\s?[ap]\.?m\.?\b)?"
    r"(?:\s?(?:Z\b|(?:UTC|GMT|CES?T|[ECMP][SD]T)\b|[+-]\d{2}:?\d{2}\b)){0,3}"
)
_DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|"
    rf"(?:{_WEEKDAY},?\s++)?(?:(?:\d{{1,2}}(?:st|nd|rd|th)?\.?\s++(?:of\s++)?{_MONTH}(?:,?\s++\d{{4}})?)|"
    rf"(?:{_MONTH}\s++\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s++\d{{4}})?)|{_MONTH}\s++\d{{4}}))"
)
_KINDS: tuple[tuple[str, str], ...] = (
    ("url", r"(?:https?|s3|gs|ftp|wss?|file)://[^\s<>\"')\]]++|\bwww\.[^\s<>\"')\]]++"),
    ("email", r"(?<![\w.+-])[\w.+-]{1,64}+@[\w-]{1,64}+(?:\.[\w-]{1,64}+)++"),
    ("id", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("date", rf"(?<![\w.]){_DAY}(?:(?:T|,?\s++(?:at\s++)?){_CLOCK})?(?!\w)"),
    ("time", rf"(?<![\w:]){_CLOCK}(?![\w:])"),
    (
        "id",
        r"\b(?=[a-fA-F]*+\d)[0-9a-fA-F]{8,}+\b|\b[A-Za-z]++[_-]\d[\w-]*\b|"
        r"\b(?=[^\WA-Za-z]*+[A-Za-z])(?=(?:[^\W\d]*+\d){4})\w{6,}+",
    ),
    ("number", r"(?<![\w.])[-+]?\d[\d,']{0,30}(?:\.\d{1,30})?(?![\w])"),
)
_ADDRESS, *_IN_WORDS = (f"(?P<k{at}>{pattern})" for at, (_, pattern) in enumerate(_KINDS))
# only an address may begin within a word: elsewhere nothing is tried there
_WITHOUT_ADDRESSES = rf"(?<!\w)(?=[\w.+-])(?:{'|'.join(_IN_WORDS)})"
_VALUES = later(f"{_ADDRESS}|{_WITHOUT_ADDRESSES}", re.IGNORECASE)
_VALUES_WITHOUT_ADDRESSES = later(_WITHOUT_ADDRESSES, re.IGNORECASE)
_MAY_HOLD_ADDRESS = later(r"://|www\.", re.IGNORECASE)
_KIND_OF = {f"k{at}": f"{OPEN}{kind}{CLOSE}" for at, (kind, _) in enumerate(_KINDS)}
_MAY_HOLD_VALUE = later(r"[\d@]|://|www\.|day\b", re.IGNORECASE)
_TODAY = later(rf"(?i)(\b(?:today|date|day|now)\b[^.!?]{{0,40}}?\b){_WEEKDAY}")

_LABEL = later(
    r"(?i)^(\s*+(?:[-*•]\s++)?(?:\*\*|__)?(?:[\w'’-]++\s++){0,3}?"
    r"(?:name|user(?:name)?|customer|client|caller|ids?|e-?mail|phone|date|time|datetime|now|today|time\s?zone|tz|"
    r"location|city|country|region|address|session|account|plan|tier|company|organi[sz]ation|tenant|locale|language|"
    r"birthday|age|gender|balance|status|role|title|department|team|currency|platform|device|workspace|project)"
    r"(?:\*\*|__)?\s*+[:=](?:\*\*|__)?\s*+)(\S.*+)$"
)
_INJECTED = (
    "documents?|docs?|contexts?|passages?|chunks?|sources?|snippets?|search_results?|results?|retriev\\w*+|knowledge|"
    "user_\\w++|users?|customers?|profiles?|accounts?|history|chat_history|conversation|transcript|messages?|memory|"
    "memories|data|metadata|state|env|environment|files?|content|pages?|articles?|tickets?|emails?|orders?|quer(?:y|ies)"
)
_OPENING = later(rf"<({_INJECTED})(?:\s[^<>]{{0,300}}+)?>", re.IGNORECASE)
_CLOSING = later(r"</(\w++)\s{0,9}+>")
_FENCE = later(r"^[ \t]*+```[ \t]*+(\w*+)[ \t]*+$", re.MULTILINE)
_JSON_START = later(r"(?:(?<=^)|(?<=[\s:=(>]))(?=\{\s*+[\"}]|\[\s*+[\[{\"])", re.MULTILINE)
_DECODER = json.JSONDecoder()
_SENTENCES = later(r"(?<=[.!?])\s++(?=[^\W\d_a-z]|[\"'(\[<*#⟨-])")
_BLANKS = later(r"\s++")


class _Lines(dict[str, tuple[tuple[str, ...], bool]]):
    """The segments of lines, and whether one of them has a placeholder; those of late are remembered."""

    characters = 0

    def __missing__(self, line: str) -> tuple[tuple[str, ...], bool]:
        parts = _segments_of_line(line)
        found = parts, any(OPEN in part for part in parts)
        if len(line) <= _LONGEST_KEPT:
            if len(self) >= _LINES_KEPT or self.characters >= _CHARACTERS_KEPT:
                self.clear()
                self.characters = 0
            self[line] = found
            self.characters += len(line)
        return found


_lines = _Lines()


def segments(text: str) -> tuple[str, ...]:
    """The masked text as segments, a sentence or line each, without blank ones.

    The same placeholder lines one after the other are one: a list of injected things may have any length. What is
    longer than `MOST_CHARACTERS` ends with a segment that has the hash of the rest.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    rest = ""
    if len(text) > MOST_CHARACTERS:
        # a whole line, so that a value before it that is longer or shorter does not move what is hashed
        end = text.rfind("\n", MOST_CHARACTERS // 2, MOST_CHARACTERS)
        end = MOST_CHARACTERS if end < 0 else end
        text, rest = text[:end], text[end:]
    found: list[str] = []
    for parts, masked in map(_lines.__getitem__, _blocks_masked(text).split("\n")):
        if masked:
            for segment in parts:
                if not (found and found[-1] == segment and OPEN in segment):
                    found.append(segment)
        else:
            found += parts
    if rest:
        digest = hashlib.sha256(rest.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        found.append(f"{OPEN}rest {digest}{CLOSE}")
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
        values = _VALUES if _MAY_HOLD_ADDRESS.search(line) else _VALUES_WITHOUT_ADDRESSES
        line = values.sub(_placeholder, line)
        line = _TODAY.sub(rf"\1{OPEN}date{CLOSE}", line)
    return _BLANKS.sub(" ", line).strip()


def _segments_of_line(line: str) -> tuple[str, ...]:
    masked = (
        _sentence(part) if len(part) <= _LONGEST_KEPT else masked_sentence(part)
        for part in _SENTENCES.split(line)
    )
    return tuple(part for part in masked if part)


def _placeholder(match: re.Match[str]) -> str:
    assert match.lastgroup is not None  # one of the kinds matched
    return _KIND_OF[match.lastgroup]


def _blocks_masked(text: str) -> str:
    """The text with blocks that hold injected data masked: tagged ones, JSON, and fences around JSON."""
    if len(text) > _BLOCKS_CHARACTERS:
        return text
    if "</" in text:
        text = _tags_masked(text)
    if "```" in text:
        text = _without_json_fences(text)
    return _json_masked(text) if "{" in text or "[" in text else text


def _without_json_fences(text: str) -> str:
    """The text with fences around JSON left out."""
    pieces, at = [], 0
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif not fence.group(1):
            body = text[opening.end() : fence.start()].strip()
            if opening.group(1).lower() == "json" and body[:1] in ("{", "["):
                pieces += [text[at : opening.start()], body]
                at = fence.end()
            opening = None
    return "".join([*pieces, text[at:]]) if pieces else text


def _tags_masked(text: str) -> str:
    """The text with what stands between tags of injected data masked."""
    ends: dict[str, list[re.Match[str]]] = {}
    for closing in _CLOSING.finditer(text):
        ends.setdefault(closing.group(1), []).append(closing)
    for closings in ends.values():
        closings.reverse()
    pieces, at = [], 0
    for opening in _OPENING.finditer(text):
        tag = opening.group(1)
        closings = ends.get(tag, [])
        if opening.start() < at:
            continue
        while closings and closings[-1].start() < opening.end():
            closings.pop()
        if closings:
            pieces += [text[at : opening.start()], f"<{tag}>{ANYTHING}</{tag}>"]
            at = closings.pop().end()
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
