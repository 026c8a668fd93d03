"""What comes into a sample by looking: the odd, the disputed, the new. Nothing here depends on a seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from math import log2
from statistics import median

from traceview.analysis.novelty import farthest_first
from traceview.analysis.outliers import robust_z_of_sizes
from traceview.annotation.sampling.chance import chance
from traceview.annotation.sampling.rows import APART, Candidate, thread_of
from traceview.annotation.values import format_value
from traceview.definitions.document import nearest
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow

NOVELTY_LIMIT = 20_000
"""Texts among which the most novel are looked for, and to which they are compared."""

Sought = tuple[Candidate, str]
"""An item and the reason why it was chosen."""


def by_outlying(candidates: Sequence[Candidate], beyond: float = 0.0) -> list[Sought]:
    """By how far the oddest figure of each is from what is usual, in robust spreads."""
    oddest: dict[str, tuple[float, str]] = {}
    names = dict.fromkeys(name for one in candidates for name in one.figures)
    for name in names:
        sizes = [(one, size) for one in candidates if (size := one.figures.get(name)) is not None]
        middle = median(size for _, size in sizes) if sizes else 0
        for (one, size), z in zip(sizes, robust_z_of_sizes([size for _, size in sizes]), strict=True):
            if abs(z) > oddest.get(one.id, (0.0, ""))[0]:
                said = f"{name} {_number(size)}, usually {_number(middle)} ({z:+.1f} robust spreads)"
                oddest[one.id] = abs(z), said
    ordered = sorted(
        (one for one in candidates if oddest.get(one.id, (0.0, ""))[0] > beyond),
        key=lambda one: (-oddest[one.id][0], one.id),
    )
    return [(one, f"outlier{APART}{oddest[one.id][1]}") for one in ordered]


def _number(size: float) -> str:
    return f"{size:,.0f}" if abs(size) >= 100 else f"{size:.3g}"


def by_disagreement(candidates: Sequence[Candidate], judge: str | None = None) -> list[Sought]:
    """Those of one opinion least first: where a judge said something else than anybody, or any two machines did."""
    found: list[tuple[float, Candidate, str]] = []
    for one in candidates:
        best = max((_split(rows, judge) for rows in _by_name(one.labels).values()), default=(0.0, ""))
        if best[0]:
            found.append((best[0], one, f"disagreement{APART}{best[1]}"))
    found.sort(key=lambda entry: (-entry[0], entry[1].id))
    return [(one, reason) for _, one, reason in found]


def _split(rows: Sequence[LabelRow], judge: str | None) -> tuple[float, str]:
    """The entropy of the values of one name, in bits, and who said what.

    0 where the judge has said nothing, or nobody anything else; without a judge, where all machines say the same.
    """
    if judge is None:
        rows = [row for row in rows if row.source != "human"]
    counts = Counter(map(_said, rows))
    own = {_said(row) for row in rows if _is_by(row, judge)} if judge is not None else set(counts)
    if not own or len(counts) < 2:
        return 0.0, ""
    entropy = -sum(n / len(rows) * log2(n / len(rows)) for n in counts.values())
    said = dict.fromkeys(
        f"{row.annotator} {_said(row)}" for row in sorted(rows, key=lambda row: row.annotator)
    )
    return entropy, f"{rows[0].name}: {', '.join(said)}".replace(APART, " ")


def _by_name(rows: Sequence[LabelRow]) -> dict[str, list[LabelRow]]:
    named: dict[str, list[LabelRow]] = defaultdict(list)
    for row in rows:
        if row.op == "set":
            named[row.name].append(row)
    return named


def _said(row: LabelRow) -> str:
    return format_value(row.value)


def _is_by(row: LabelRow, judge: str | None) -> bool:
    return row.source in ("judge", "code") and row.annotator == judge


def check_judge(judge: str, candidates: Sequence[Candidate]) -> None:
    """Raise BadInput, with the nearest name, if no judge of this name has scored any of the items."""
    known = {row.annotator for one in candidates for row in one.labels if row.source in ("judge", "code")}
    if judge not in known:
        hint = nearest(judge, known) if known else "no judge has scored any of these items yet"
        raise BadInput(f"no judge named {judge!r} has scored any of these items", hint=hint)


def by_novelty(
    candidates: Sequence[Candidate],
    pool: Sequence[Candidate],
    picked: Collection[str],
    count: int,
    fits: Callable[[Candidate], bool],
    notes: list[str],
) -> list[Sought]:
    """The texts that are least like those labelled or picked, and like each other; one of a thread at most."""
    texts = [one for one in pool if one.text and fits(one)]
    if len(texts) > NOVELTY_LIMIT:
        notes.append(f"novelty was looked for in {NOVELTY_LIMIT:,} of {len(texts):,} texts")
        # not by the seed: what is sought has chance 1
        texts = sorted(texts, key=lambda one: chance(0, "novelty", one.id))[:NOVELTY_LIMIT]
    known = [one.text for one in candidates if one.text and (one.labelled or one.id in picked)][
        -NOVELTY_LIMIT:
    ]
    taken: set[str] = set()

    def still_fits(at: int) -> bool:
        if thread_of(texts[at]) in taken:
            return False
        taken.add(thread_of(texts[at]))
        return True

    texts.sort(key=lambda one: one.id)
    found = farthest_first([one.text for one in texts], known, count, still_fits)
    return [
        (texts[at], f"novelty{APART}{near:.0%} like the nearest that was read or chosen")
        for at, near in found
    ]
