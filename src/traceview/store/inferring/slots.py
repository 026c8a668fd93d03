"""Which of the differences between prompts of one family are values of single requests, and which are edits.

What stands at the same place, between the same lines or words, is compared: values are many, are each a request's own
or take turns; the wordings of an edit are few and follow each other in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traceview.store.inferring.forms import Form, Span, taking_turns, together
from traceview.text.prompt_masks import ANYTHING, OPEN

SHORT_WORDS = 8
"""A value of so many words may stand in the middle of a sentence that is the same from call to call."""

FEW, MANY = 3, 5
"""Different contents of a place from which on it may hold values: in a sentence that stays, and in any place."""

PLENTY = 20
"""So many contents of any place are values if they take turns, each in many requests."""

_TINY_WORDS = 3
"""So few words may be values where there are only two of them, if they take turns."""

_ANCHOR_SHARE = 0.1
"""A segment that at least this share of a family's forms has can be one of the lines that others stand between."""

_DENSE = 0.7
"""It has to be in this share of the forms that came into use while it was in use: not in some now and then."""

_CELLS = 40_000
"""Pairs of words that are compared at most when two texts are aligned: longer ones share their beginning and end."""

_ALIGNED = 60
"""Contents of one place that are aligned word by word at most: the first ones by their text."""

Contents = Mapping[tuple[str, ...], Span]
_Place = tuple[str | None, str | None]
_ENDS: _Place = (None, None)


def skeletons(forms: Sequence[Form]) -> list[tuple[str, ...]]:
    """For each form of a family its segments with values replaced by `⟨…⟩`, in the order of the forms.

    The forms are all different. The same set of forms in any order gives each the same skeleton.
    """
    anchors = _anchors(forms)
    parted = [_parted(form, anchors) for form in forms]
    places: dict[_Place, dict[tuple[str, ...], list[Span]]] = {}
    for form, (gaps, _) in zip(forms, parted, strict=True):
        for place, content in gaps:
            places.setdefault(place, {}).setdefault(content, []).append(form.use)
    read = {
        place: _read({content: together(uses) for content, uses in contents.items()})
        for place, contents in places.items()
    }
    found = []
    for gaps, kept in parted:
        pieces: list[str] = []
        for number, (place, content) in enumerate(gaps):
            pieces += read[place][content]
            if number < len(kept):
                pieces.append(kept[number])
        found.append(_once(pieces))
    return found


def _anchors(forms: Sequence[Form]) -> frozenset[str]:
    """Segments that forms are compared between: those in all, and those of a stretch of time in nearly all of it."""
    having: dict[str, list[Form]] = {}
    for form in forms:
        for segment in dict.fromkeys(form.segments):
            having.setdefault(segment, []).append(form)
    least = max(2.0, _ANCHOR_SHARE * len(forms))
    starts = sorted(form.use.first_ns for form in forms)
    return frozenset(
        segment
        for segment, with_it in having.items()
        if len(with_it) == len(forms) or (len(with_it) >= least and _dense(with_it, starts))
    )


def _dense(having: Sequence[Form], starts: Sequence[int]) -> bool:
    from bisect import bisect_left, bisect_right

    own = [form.use.first_ns for form in having]
    meanwhile = bisect_right(starts, max(own)) - bisect_left(starts, min(own))
    return len(having) >= _DENSE * meanwhile


def _parted(form: Form, anchors: frozenset[str]) -> tuple[list[tuple[_Place, tuple[str, ...]]], list[str]]:
    """What stands between the anchors of a form, each with its place, and the anchors themselves."""
    gaps: list[tuple[_Place, tuple[str, ...]]] = []
    kept: list[str] = []
    between: list[str] = []
    before: str | None = None
    for segment in form.segments:
        if segment in anchors:
            gaps.append(((before, segment), tuple(between)))
            kept.append(segment)
            between, before = [], segment
        else:
            between.append(segment)
    gaps.append(((before, None), tuple(between)))
    return gaps, kept


def _read(contents: Contents) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What each content of a place becomes: itself, itself with slots, or one slot."""
    lengths: dict[int, dict[tuple[str, ...], Span]] = {}
    for content, use in contents.items():
        lengths.setdefault(len(content), {})[content] = use
    if len(lengths) >= FEW and _values(list(contents.values()), short=False):
        return dict.fromkeys(contents, (ANYTHING,))
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for length, some in lengths.items():
        columns = [_read_segments(some, at) for at in range(length)]
        for content in some:
            found[content] = tuple(columns[at][content[at]] for at in range(length))
    return found


def _read_segments(contents: Contents, at: int) -> dict[str, str]:
    """What the segments at one position become."""
    uses: dict[str, list[Span]] = {}
    for content, use in contents.items():
        uses.setdefault(content[at], []).append(use)
    merged = {segment: together(some) for segment, some in uses.items()}
    if len(merged) == 1:
        return {segment: segment for segment in merged}
    words = {segment: tuple(segment.split(" ")) for segment in merged}
    common = _common(sorted(words.values())[:_ALIGNED])
    shortest = min(map(len, words.values()))
    if 3 * len(common) < shortest and not _labelled(common, words):
        if _values(list(merged.values()), short=False):
            return dict.fromkeys(merged, ANYTHING)
        return {segment: segment for segment in merged}
    return _slotted(words, common, merged)


def _slotted(
    words: Mapping[str, tuple[str, ...]], common: Sequence[str], uses: Mapping[str, Span]
) -> dict[str, str]:
    """Segments that share the words `common`, with those gaps between them as slots that hold values."""
    parted = {segment: _between(one, common) for segment, one in words.items()}
    read: list[dict[tuple[str, ...], tuple[str, ...]]] = []
    for gap in range(len(common) + 1):
        contents: dict[tuple[str, ...], list[Span]] = {}
        for segment, gaps in parted.items():
            # a segment without one of the common words has no gaps of its own
            if gaps is not None:
                contents.setdefault(gaps[gap], []).append(uses[segment])
        merged = {content: together(some) for content, some in contents.items()}
        slot = len(merged) > 1 and _slot(merged, gap)
        read.append({content: (ANYTHING,) if slot else content for content in merged})
    found = {}
    for segment, gaps in parted.items():
        if gaps is None:
            found[segment] = segment
            continue
        pieces = [*read[0][gaps[0]]]
        for number, word in enumerate(common, start=1):
            pieces += [word, *read[number][gaps[number]]]
        found[segment] = " ".join(pieces)
    return found


def _slot(contents: Contents, gap: int) -> bool:
    """Whether what stands between the same words are values."""
    uses = list(contents.values())
    words = max(map(len, contents))
    if words <= SHORT_WORDS and gap > 0 and all(map(_like_a_value, contents)):
        return True
    if len(uses) == 2 and words <= _TINY_WORDS:
        return min(use.units for use in uses) > 1 and uses[0].among(uses[1])
    return _values(uses, short=words <= SHORT_WORDS)


def _values(uses: Sequence[Span], *, short: bool) -> bool:
    """Whether contents of one place are values; `short`: a few words in a sentence that stays."""
    if len(uses) < (FEW if short else MANY):
        return False
    own = sum(use.units <= 1 for use in uses)
    if 2 * own >= len(uses):
        return True
    if not short and len(uses) < PLENTY:
        # wordings of several prompts, or under test, take turns too
        return False
    return 5 * taking_turns(uses) >= 3 * len(uses)


def _like_a_value(content: Sequence[str]) -> bool:
    """Whether words look like a name, a number or something quoted, wherever they stand."""
    return 0 < len(content) <= 4 and all(
        word[:1].isupper() or word[:1].isdigit() or word[:1] in "\"'“‘«$#@" + OPEN for word in content
    )


def _labelled(common: Sequence[str], words: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether all of them begin with the same label."""
    return (
        bool(common) and common[0][-1:] in (":", "=") and all(one[0] == common[0] for one in words.values())
    )


def _common(texts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Words that all texts have, in their order: the longest such sequence of the first two, and of it with each."""
    common = texts[0]
    for text in texts[1:]:
        common = _longest(common, text)
        if not common:
            break
    return common


def _longest(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The longest common subsequence; of several, words at the ends come first."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    head, tail = a[:start], a[len(a) - end :]
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if not a or not b or len(a) * len(b) > _CELLS:
        return head + tail
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        row, below = lengths[i], lengths[i + 1]
        for j in range(len(b) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if a[i] == b[j] else max(below[j], row[j + 1])
    middle, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            middle.append(a[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return head + tuple(middle) + tail


def _between(words: Sequence[str], common: Sequence[str]) -> list[tuple[str, ...]] | None:
    """The words before, between and behind the common ones: taken from the left, those of the end from the right."""
    tail = 0
    while tail < min(len(common), len(words)) and words[-1 - tail] == common[-1 - tail]:
        tail += 1
    if tail == len(common) == len(words):
        return [()] * (len(common) + 1)
    gaps: list[tuple[str, ...]] = []
    at = 0
    for number, word in enumerate(common):
        if number >= len(common) - tail:
            to = max(at, len(words) - (len(common) - number))
        else:
            to = next((one for one in range(at, len(words)) if words[one] == word), -1)
        if to < 0 or to >= len(words) or words[to] != word:
            return None
        gaps.append(tuple(words[at:to]))
        at = to + 1
    return [*gaps, tuple(words[at:])]


def _once(segments: Sequence[str]) -> tuple[str, ...]:
    """Without repetitions of a segment that holds a slot."""
    return tuple(
        segment
        for number, segment in enumerate(segments)
        if not (number and segments[number - 1] == segment and OPEN in segment)
    )
