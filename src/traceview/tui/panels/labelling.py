"""What the annotate panel knows about one target: which values fit, what is set, when it is complete. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from traceview.annotation.asking import required_of
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue, Scope
from traceview.text.safe import safe_line
from traceview.tui.panels.other_labels import differ, other_lines, side_lines, value_part
from traceview.tui.widgets.lines import Line, Part, cut, line_width, wrapped

ONE_LINE_CELLS = 64
"""From this width on, a definition and its values stand on one line."""


class Choice(Struct, frozen=True):
    """A value and the key that sets it."""

    key: str
    value: LabelValue
    word: str
    part: str | None = None


def choices_of(definition: FeedbackDefinition) -> tuple[Choice, ...]:
    """The values of a definition that a key sets, in the order of their keys."""
    found: list[Choice] = []
    if definition.type == "boolean":
        found = [Choice("1", True, "✓ pass", "good"), Choice("2", False, "✗ fail", "error")]
    elif definition.type == "categorical":
        for number, choice in enumerate(definition.choices, start=1):
            key = definition.keys.get(choice) or (str(number) if number <= 9 else "=")
            found.append(Choice(key, choice, safe_line(choice), "accent"))
    elif is_key_scale(definition):
        low, high = int(definition.minimum or 0), int(definition.maximum or 0)
        found = [Choice(str(number), number, "", "on") for number in range(low, high + 1)]
    if definition.allow_na:
        found.append(Choice("0", NOT_APPLICABLE, "n/a", "dim"))
    return tuple(found)


class Offer(Struct, frozen=True):
    """A command that labels: a value of a definition, or (`asks`) a field or list for it."""

    words: str
    name: str
    value: LabelValue = None
    key: str = ""
    asks: bool = False


def offers_of(definitions: Sequence[FeedbackDefinition]) -> Iterator[Offer]:
    """What a palette offers of definitions: each value that has a key, and for the others to type or pick one."""
    for definition in definitions:
        name, choices = definition.name, choices_of(definition)
        if definition.multi or not any(choice.value != NOT_APPLICABLE for choice in choices):
            yield Offer(f"{name}: type or pick", name, key="=", asks=True)
            choices = tuple(choice for choice in choices if choice.value == NOT_APPLICABLE)
        for choice in choices:
            yield Offer(f"{name} = {choice.word or choice.key}", name, choice.value, choice.key)


def is_key_scale(definition: FeedbackDefinition) -> bool:
    """True for a whole-number scale within 1..9, whose digits are its keys."""
    low, high = definition.minimum, definition.maximum
    if definition.type != "numerical" or low is None or high is None:
        return False
    return float(low).is_integer() and float(high).is_integer() and 1 <= low <= high <= 9


def own_choice(definitions: Sequence[FeedbackDefinition], key: str) -> tuple[str, LabelValue] | None:
    """The definition's name and the value of the choice that has this key of its own; None if none has."""
    for definition in definitions:
        for choice in choices_of(definition):
            if choice.key == key and key in definition.keys.values():
                return definition.name, choice.value
    return None


def digit_value(definition: FeedbackDefinition, digit: int) -> tuple[LabelValue, str | None]:
    """The value that a digit sets, or None and the sentence that says why it sets none."""
    name = safe_line(definition.name)
    if digit == 0:
        if definition.allow_na:
            return NOT_APPLICABLE, None
        return None, f"{name} always applies (allow_na = false)."
    if definition.type == "categorical":
        if digit <= len(definition.choices):
            return definition.choices[digit - 1], None
        return None, f"{name} has {len(definition.choices)} choices; = picks from a list."
    for choice in choices_of(definition):
        if choice.key == str(digit):
            return choice.value, None
    keys = " ".join(choice.key for choice in choices_of(definition))
    return None, f"{name} takes {keys} or =." if keys else f"{name}: = opens a field."


@dataclass
class Labelling:
    """The state of the panel for its target."""

    definitions: tuple[FeedbackDefinition, ...]
    annotator: str
    kind: Scope = "trace"
    own: dict[str, LabelValue] = field(default_factory=dict)
    others: tuple[LabelRow, ...] = ()
    focus: int = 0
    there: bool = True
    """Whether there is anything to label: an item that cannot be read is not."""
    known: bool = True
    """Whether it is known what can be labelled: not before the first item came."""
    disputed: bool = False
    """Whether it is to be decided between what several people said: that stands side by side then."""
    picked: set[str] = field(default_factory=set)
    """Choices of the focused multi definition that are picked and not yet accepted."""

    @property
    def focused(self) -> FeedbackDefinition | None:
        """The definition that the digits set."""
        return self.definitions[self.focus] if self.definitions else None

    @property
    def required(self) -> tuple[FeedbackDefinition, ...]:
        """What completes an item: the required definitions, or all where none is required or people differ on each."""
        return self.definitions if self.disputed else required_of(self.definitions)

    @property
    def complete(self) -> bool:
        """True once every required definition has a value of one's own."""
        return bool(self.definitions) and all(definition.name in self.own for definition in self.required)

    def read(self, rows: Sequence[LabelRow]) -> None:
        """Take up the current rows of the target; the focus goes to the first definition without a value."""
        mine = [row for row in rows if row.source == "human" and row.annotator == self.annotator]
        self.own = {row.name: row.value for row in mine}
        self.others = tuple(row for row in rows if row not in mine)

    def differs(self, rows: Sequence[LabelRow]) -> bool:
        """Whether these current rows say something else than is known."""
        mine = {
            row.name: row.value for row in rows if row.source == "human" and row.annotator == self.annotator
        }
        others = {row for row in rows if row.source != "human" or row.annotator != self.annotator}
        return mine != self.own or others != set(self.others)

    def focus_next_open(self) -> None:
        """Focus the first required definition without a value, else the first one without, else stay.

        Where it is to be decided between what people said, what they differ on comes first.
        """
        contested = tuple(one for one in self.definitions if self.disputed and differ(self.others, one.name))
        for wanted in (contested, self.required, self.definitions):
            for definition in wanted:
                if definition.name not in self.own:
                    self._focus_on(self.definitions.index(definition))
                    return

    def step(self, by: int) -> None:
        """Focus the next or previous definition, around both ends."""
        if self.definitions:
            self._focus_on((self.focus + by) % len(self.definitions))

    def _focus_on(self, index: int) -> None:
        self.focus = index
        value = self.own.get(self.definitions[index].name)
        self.picked = set(value) if isinstance(value, tuple) else set()


def panel_lines(state: Labelling, cells: int, *, blind: bool, rows: int | None = None) -> list[Line]:
    """The panel as lines: every definition with its keys, what the focused one means, notes, what others said.

    With `rows`, what is less important gives way: others first, then the note, then far definitions.
    """
    low = cells >= ONE_LINE_CELLS
    lines: list[Line] = []
    focused_at = 0
    for index, definition in enumerate(state.definitions):
        if index == state.focus:
            focused_at = len(lines)
        lines += _definition_lines(state, definition, index == state.focus, cells)
    meaning = _meaning_lines(state.focused, cells)
    note = _note_lines(state, cells)
    sides = side_lines(state.focused, state.others, cells) if state.disputed and not blind else []
    others = other_lines(state.others, cells, blind=blind, without=state.focused if sides else None)
    if low:
        # A low panel has no room for blank lines, nor to repeat the keys of the footer.
        meaning, sides, others = meaning[1:], sides[1:], others[1:]
        note = [line for line in note if len(line) > 2 and line[1][1] != "key"]
    if not state.definitions and state.known:
        text = (
            f"No feedback definition fits a {state.kind}; `traceview feedback add` adds one of that scope."
            if state.there
            else "There is nothing to label here: the item could not be read."
        )
        lines += [[(" ", None), *line] for line in wrapped(text, max(8, cells - 2), "dim")]
    if rows is not None:
        # What is to be decided comes before what the question means.
        most = max(2, rows - min(max(4, rows // 2), len(sides)) - min(4, len(meaning)))
        if len(lines) > most:
            first = max(0, min(focused_at - most // 2, len(lines) - most))
            lines = lines[first : first + most]
        room = rows - len(lines)
        sides = sides[:room]
        room -= len(sides)
        meaning = meaning[:room]
        note = note[: room - len(meaning)]
        others = others[: room - len(meaning) - len(note)]
    return [*lines, *sides, *meaning, *note, *others]


def _definition_lines(
    state: Labelling, definition: FeedbackDefinition, focused: bool, cells: int
) -> list[Line]:
    chosen = definition.name in state.own
    value = state.own.get(definition.name)
    mark: Part = ("▌", "accent") if focused else (" ", None)
    name = safe_line(definition.name)
    title: list[Part] = [mark, (name, "title" if focused else None)]
    if definition.required:
        title.append((" *", "faint"))
    keys: list[Part] = []
    for choice in choices_of(definition):
        picked = focused and definition.multi and choice.value in state.picked
        on = picked or (chosen and _is_value(value, choice.value))
        part = (choice.part or "title") if on else "dim"
        if choice.word:
            keys += [(choice.key, "key"), (f" {choice.word}  ", part)]
        else:
            keys += [(choice.key, part if on else "key"), ("  ", None)]
    if definition.multi:
        keys += [("=", "key"), (" accept", "dim")]
    elif definition.type in ("numerical", "text") and not is_key_scale(definition):
        bounds = ""
        if definition.minimum is not None and definition.maximum is not None:
            bounds = f" {definition.minimum:g} to {definition.maximum:g}"
        keys = [("=", "key"), (f" {definition.type}{bounds}  ", "dim"), *keys]
    shown: Part = value_part(value) if chosen else ("–", "faint")
    if cells >= ONE_LINE_CELLS:
        left = cut(title, 20)
        left.append((" " * (21 - line_width(left)), None))
        right = cut([shown], 16)
        room = cells - line_width(left) - line_width(right) - 1
        middle = cut(keys, room)
        return [[*left, *middle, (" " * (room - line_width(middle)), None), *right]]
    right = cut([shown], cells // 2)
    left = cut(title, cells - line_width(right) - 2)
    head: Line = [*left, (" " * (cells - line_width(left) - line_width(right) - 1), None), *right]
    return [head, *_packed_keys(keys, cells)]


def _packed_keys(keys: list[Part], cells: int) -> list[Line]:
    """Keys with their words, as many on a line as fit, indented under the name."""
    lines: list[list[Part]] = [[("   ", None)]]
    for key, word in zip(keys[::2], keys[1::2], strict=True):
        pair = [key, word]
        size = line_width(pair) - (len(word[0]) - len(word[0].rstrip()))
        if line_width(lines[-1]) + size > cells and len(lines[-1]) > 1:
            lines.append([("   ", None)])
        lines[-1] += pair
    return [cut(line, cells) for line in lines]


def _is_value(value: LabelValue, choice: LabelValue) -> bool:
    if isinstance(value, tuple):
        return choice in value
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)


def _meaning_lines(definition: FeedbackDefinition | None, cells: int) -> list[Line]:
    """What the focused definition means, what passes and what fails."""
    if definition is None:
        return []
    limit = 2 if cells >= ONE_LINE_CELLS else None
    lines: list[Line] = []
    for word, text, part in (
        ("", definition.description, None),
        ("pass ", definition.pass_means, "good"),
        ("fail ", definition.fail_means, "error"),
    ):
        if not text:
            continue
        for number, line in enumerate(wrapped(safe_line(text), max(8, cells - 3 - len(word)), "dim", limit)):
            lines.append([("  ", None), (word if not number else " " * len(word), part), *line])
    return [[("", None)], *lines] if lines else []


def _note_lines(state: Labelling, cells: int) -> list[Line]:
    lines: list[Line] = []
    for name, key in (("mode", "#"), ("first_bad", "!"), ("note", "c"), ("correction", "r")):
        text = state.own.get(name)
        if name == "first_bad" and text is not None:
            where = f"turn {text:,}" if isinstance(text, int) else "marked"
            lines.append([(" ", None), ("first bad ", "dim"), (where, "error")])
        elif name == "mode" and text:
            lines += [
                [(" ", None), *line]
                for line in wrapped(f"# {value_part(text)[0]}", max(8, cells - 2), "warning")
            ]
        elif text:
            lines.append(
                [
                    (" ", None),
                    (f"{name} ", "dim"),
                    *cut([(safe_line(str(text)), None)], cells - len(name) - 2),
                ]
            )
        elif name == "note":
            hints: Line = [(" ", None), (key, "key"), (" note  ", "dim")]
            lines.append(
                [*hints, ("#", "key"), (" failure mode  ", "dim"), ("!", "key"), (" first bad", "dim")]
            )
    return [[("", None)], *lines]
