"""Reads the filter language into its syntax tree by recursive descent."""

from __future__ import annotations

import time
from datetime import tzinfo
from typing import NoReturn, cast

from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Node,
    Not,
    Op,
    Or,
    Pattern,
    Quantified,
    Quantifier,
    Regex,
    Text,
    Value,
)
from traceview.filters.errors import FilterError, nearest, shown
from traceview.filters.regexes import regex_problem
from traceview.filters.scanner import (
    BARE_VALUE,
    BARE_WORD,
    FIELD,
    KEY,
    KEYWORD,
    OPERATOR,
    QUANTIFIED,
    QUANTIFIER,
    SPACE,
    read_chunks,
    read_quoted,
    read_slashed,
    unescape_slashes,
)
from traceview.filters.values import PRESENCE, BadValue, Chunk, Clock, match_value, ordered_value, text_value
from traceview.model.fields import FIELD_BY_NAME, FILTER_NAMES, Field
from traceview.model.labels import SCORE_SOURCES, ScoreSource

_MAX_DEPTH = 50
_QUANTIFIERS = ("any", "all", "none")
_SIZE_OPERATORS = (">", ">=", "<", "<=")
_SIZED = ("duration_ms", "count", "money", "time", "score")
_BOUNDS = ("since", "until", "last")


def parse(text: str, *, now_ns: int | None = None, tz: tzinfo | None = None) -> Node | None:
    """The syntax tree of a filter, None for an empty one. Raises FilterError.

    `now_ns` (default: the clock) is what `since:7d` counts back from; dates without a zone are in `tz`, by
    default the local zone of this machine.
    """
    parser = _Parser(text, Clock(time.time_ns() if now_ns is None else now_ns, tz))
    return parser.whole()


class _Parser:
    def __init__(self, text: str, clock: Clock) -> None:
        self.text = text
        self.clock = clock
        self.position = 0
        self.depth = 0

    def whole(self) -> Node | None:
        self._skip()
        if self.position == len(self.text):
            return None
        node = self._or()
        if self.position < len(self.text):
            self._fail("there is no parenthesis open here", self.position)
        return node

    # Expressions

    def _or(self) -> Node:
        start = self.position
        children: list[Node] = []
        while True:
            node = self._and()
            children.extend(node.children if isinstance(node, Or) else (node,))
            if not self._keyword("or"):
                break
        return children[0] if len(children) == 1 else Or(tuple(children), start, self._end())

    def _and(self) -> Node:
        start = self.position
        children: list[Node] = []
        while True:
            node = self._unary()
            children.extend(node.children if isinstance(node, And) else (node,))
            if self._keyword("and"):
                continue
            if self.position == len(self.text) or self.text[self.position] == ")" or self._at_keyword("or"):
                break
        return children[0] if len(children) == 1 else And(tuple(children), start, self._end())

    def _unary(self) -> Node:
        start = self.position
        text = self.text
        if start == len(text) or text[start] == ")" or self._at_keyword("or") or self._at_keyword("and"):
            self._fail("a condition is missing here", start)
        if text[start] == "-":
            self.position += 1
            if start + 1 == len(text) or SPACE.match(text, start + 1):
                self._fail("a condition is missing after -", start + 1)
        elif not self._keyword("not"):
            return self._primary()
        self._deeper(start)
        child = self._unary()
        self.depth -= 1
        return Not(child, start, self._end())

    def _primary(self) -> Node:
        start = self.position
        if self.text[start] == "(":
            self.position += 1
            return self._group(start)
        over = QUANTIFIED.match(self.text, start)
        if over and over[1].lower() in _QUANTIFIERS and over[2].lower() != "span":
            problem = f"{over[1]}(span: ...) looks at spans; there is no {over[1]}({over[2]}: ...)"
            self._fail(problem, over.start(2), "span")
        quantifier = QUANTIFIER.match(self.text, start)
        if quantifier:
            word = quantifier[1].lower()
            if word not in _QUANTIFIERS:
                self._fail(f"unknown quantifier {shown(word)}", start, nearest(word, _QUANTIFIERS) or "any")
            self.position = quantifier.end()
            child = self._group(self.text.index("(", start))
            return Quantified(cast(Quantifier, word), child, start, self._end())
        return self._compare() or self._full_text()

    def _group(self, opened: int) -> Node:
        """The expression up to the closing parenthesis; `opened` is where the open one stands."""
        self._deeper(opened)
        self._skip()
        if self.position == len(self.text):
            self._fail("the parenthesis is not closed", opened)
        node = self._or()
        if self.position == len(self.text):
            self._fail("the parenthesis is not closed", opened)
        self.position += 1
        self._skip()
        self.depth -= 1
        return node

    def _full_text(self) -> Node:
        start = self.position
        chunks, self.position = read_chunks(self.text, start, BARE_WORD, "*")
        value = text_value(chunks)
        if not isinstance(value, Text | Pattern) or value == Text(""):
            self._fail("the text is empty", start)
        end = self.position
        self._skip()
        if len(chunks) == 1 and not chunks[0].quoted:
            self._check_word(chunks[0].text, start, end)
        return FullText(value, start, end)

    def _check_word(self, word: str, start: int, end: int) -> None:
        """A field's name where a text stands is a slip if a value follows, or if it has a key: `version v3`."""
        name, dot, _ = word.partition(".")
        field = FIELD_BY_NAME.get(name.lower())
        if field is None or not field.filter:
            return
        if dot and field.name in ("score", "attr"):
            self._fail("an operator is missing (such as : or >)", end)
        following = BARE_WORD.match(self.text, self.position)
        if dot or following is None or self._at_keyword("or") or self._at_keyword("and"):
            return
        if FIELD.match(self.text, self.position) and self._at_condition():
            return
        self._fail(f'{name} is a field: {name}:{following[0]} filters by it, "{name}" finds the word', start)

    def _at_condition(self) -> bool:
        """True if a field with its operator stands here."""
        name = KEY.match(self.text, self.position)
        return name is not None and OPERATOR.match(self.text, name.end()) is not None

    # Comparisons

    def _compare(self) -> Node | None:
        """A field with its operator and values; None if no field stands here."""
        start = self.position
        name = FIELD.match(self.text, start)
        if name is None:
            return None
        field = FIELD_BY_NAME.get(name[0].lower())
        dotted = self.text[name.end() : name.end() + 1] == "."
        keyed = field is not None and field.name in ("attr", "score")
        if dotted and not keyed and not self._is_dotted_field(name.end()):
            return None
        if not dotted and OPERATOR.match(self.text, name.end()) is None:
            return None
        if field is None or not field.filter:
            self._unknown_field(name[0], start)
        self.position = name.end()
        key: str | None = None
        source: ScoreSource | None = None
        if dotted:
            if not keyed:
                self._fail(f"{field.printed} has no part behind a dot", name.end())
            key, source = self._key(field)
        operator = OPERATOR.match(self.text, self.position)
        if operator is None:
            self._fail("an operator is missing (such as : or >)", self.position)
        if keyed and key is None:
            self._need_key(field, operator.end())
        self.position = operator.end()
        return self._compared(field, key, source, operator[0], start, operator.start())

    def _is_dotted_field(self, position: int) -> bool:
        """True if a dotted name with an operator stands here, such as `scor.x:1`: an error, not a text."""
        key = KEY.match(self.text, position)
        return key is not None and OPERATOR.match(self.text, key.end()) is not None

    def _unknown_field(self, name: str, start: int) -> NoReturn:
        self._fail(f"unknown field {shown(name)}", start, nearest(name, FILTER_NAMES))

    def _need_key(self, field: Field, position: int) -> None:
        """`score:any` and `score:none` need no name; everything else of score and attr does."""
        chunks, _ = read_chunks(self.text, position, BARE_VALUE, "*")
        written = chunks[0].text.lower() if len(chunks) == 1 and not chunks[0].quoted else ""
        if field.name == "score" and written in PRESENCE:
            return
        what = "score.NAME" if field.name == "score" else "attr.KEY"
        self._fail(f"{field.name} needs a name: {what}", self.position)

    def _key(self, field: Field) -> tuple[str, ScoreSource | None]:
        """The key behind the dot at the position, and the source of a score."""
        self.position += 1
        start = self.position
        if self.text[start : start + 1] == '"':
            key, self.position = read_quoted(self.text, start)
            if not key:
                self._fail("the name is empty", start)
            if field.name == "score" and self.text[self.position : self.position + 1] == ".":
                self.position += 1
                rest = KEY.match(self.text, self.position)
                return key, self._source(rest[0] if rest else "", self.position)
            return key, None
        match = KEY.match(self.text, start)
        if match is None:
            self._fail("a name is missing after the dot", start)
        if field.name == "attr":
            self.position = match.end()
            return match[0], None
        name, dot, source = match[0].partition(".")
        if not name:
            self._fail("a name is missing after the dot", start)
        if not dot:
            self.position = match.end()
            return name, None
        return name, self._source(source, start + len(name) + 1)

    def _source(self, source: str, start: int) -> ScoreSource:
        if source.lower() not in SCORE_SOURCES:
            problem = f"unknown source of scores {shown(source)} ({', '.join(SCORE_SOURCES)})"
            self._fail(problem, start, nearest(source, SCORE_SOURCES))
        self.position = start + len(source)
        return cast(ScoreSource, source.lower())

    def _compared(
        self, field: Field, key: str | None, source: ScoreSource | None, symbol: str, start: int, place: int
    ) -> Node:
        negated = symbol.startswith("!")
        written = symbol.lstrip("!")
        if len(written) > 1 and written[0] == ":":
            # `latency:>2s`, as other tools write it.
            written = written[1:]
        op = cast(Op, ":" if written == "=" else written)
        self._check_operator(field, op, place)
        values: tuple[Value, ...]
        if op == "~":
            values = (self._regex(),)
        elif op == ":":
            values = self._values(field)
        else:
            values = (self._sized(field),)
        end = self.position
        if end < len(self.text) and self.text[end] == ",":
            self._fail(f"{symbol} takes one value", end)
        self._skip()
        node = Compare(field.name, op, values, key, source, start, end)
        return Not(node, start, end) if negated else node

    def _check_operator(self, field: Field, op: Op, place: int) -> None:
        sized = field.type in _SIZED or field.name == "attr"
        searched = field.type not in ("duration_ms", "count", "money", "time", "enum")
        if field.name in _BOUNDS:
            allowed: tuple[str, ...] = (":",)
        else:
            allowed = (":", "!=", *(_SIZE_OPERATORS if sized else ()), *(("~",) if searched else ()))
        if op not in allowed:
            self._fail(f"{field.printed} does not take {op} (it takes {' '.join(allowed)})", place)

    def _values(self, field: Field) -> tuple[Value, ...]:
        values: list[Value] = []
        while True:
            start = self.position
            chunks = self._chunks("*@" if field.name == "prompt_name" else "*")
            try:
                values.append(match_value(field, chunks, self.clock))
            except BadValue as error:
                self._bad_value(chunks, error, start)
            if self.text[self.position : self.position + 1] != ",":
                return tuple(values)
            if field.name in _BOUNDS:
                self._fail(f"{field.printed} takes one value", self.position)
            self.position += 1

    def _sized(self, field: Field) -> Value:
        start = self.position
        chunks = self._chunks("")
        try:
            return ordered_value(field, "".join(chunk.text for chunk in chunks), self.clock)
        except BadValue as error:
            self._bad_value(chunks, error, start)

    def _chunks(self, joints: str) -> list[Chunk]:
        start = self.position
        chunks, self.position = read_chunks(self.text, start, BARE_VALUE, joints)
        if not chunks:
            hint = "; write it without a space" if SPACE.match(self.text, start) else ""
            self._fail(f"a value is missing here{hint}", start)
        return chunks

    def _regex(self) -> Regex:
        start = self.position
        ignore_case = False
        if self.text[start : start + 1] == "/":
            pattern, self.position = read_slashed(self.text, start)
            if self.text[self.position : self.position + 1] in ("i", "I"):
                ignore_case = True
                self.position += 1
            if self.position < len(self.text) and self.text[self.position] not in " \t\r\n,)":
                self._fail("something stands behind the regular expression (only i may)", self.position)
        else:
            pattern = unescape_slashes("".join(chunk.text for chunk in self._chunks("")))
        if not pattern:
            self._fail("the regular expression is empty", start)
        problem = regex_problem(pattern)
        if problem:
            self._fail(f"{shown(pattern)} {problem}", start)
        return Regex(pattern, ignore_case)

    def _bad_value(self, chunks: list[Chunk], error: BadValue, start: int) -> NoReturn:
        written = "".join(chunk.text for chunk in chunks)
        self._fail(f"{shown(written)} {error}", start, error.suggestion)

    # Reading

    def _skip(self) -> None:
        space = SPACE.match(self.text, self.position)
        if space:
            self.position = space.end()

    def _at_keyword(self, word: str) -> bool:
        match = KEYWORD.match(self.text, self.position)
        return match is not None and match[1].lower() == word

    def _keyword(self, word: str) -> bool:
        if not self._at_keyword(word):
            return False
        self.position += len(word)
        self._skip()
        return True

    def _end(self) -> int:
        """The offset behind what was read last, without the space that follows it."""
        end = self.position
        while end and self.text[end - 1].isspace():
            end -= 1
        return end

    def _deeper(self, position: int) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail(f"the filter is nested more than {_MAX_DEPTH} deep", position)

    def _fail(self, problem: str, position: int, suggestion: str | None = None) -> NoReturn:
        raise FilterError(problem, self.text, position, suggestion=suggestion)
