"""Parts of a judge of code that other judges say: their current scores, beside what its checks found."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec.structs import replace

from traceview.definitions.document import Document, nearest, read_document
from traceview.judges.hashing import hashed
from traceview.judges.standing import IDS_PER_QUERY
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.model.labels import LabelValue, Target
from traceview.store.labels.rows import decode_value
from traceview.store.labels.store import LabelStore


class Said(NamedTuple):
    """The current score of another judge: the id of its row, and its value."""

    id: str
    value: LabelValue


def asking(
    judge: JudgeDefinition, known: Mapping[str, JudgeDefinition], document: Document | None = None
) -> JudgeDefinition:
    """The judge with what is to be known of those that say parts of it, which its hash covers.

    `document` is what it was made from; its file by default. Raises BadInput, with file and line, where one of them
    cannot.
    """
    if not judge.asked:
        return judge
    assert judge.path is not None
    document = read_document(judge.path) if document is None else document
    names = [part["name"] for part in document.data["parts"]]
    asked = []
    for part in judge.asked:
        keys = ("parts", names.index(part.name), "use")
        other = known.get(part.judge)
        if other is None or other.name == judge.name:
            others = [name for name in known if name != judge.name]
            raise document.error(keys, f"there is no other judge {part.judge!r}", nearest(part.judge, others))
        if other.asked:
            raise document.error(keys, f"{other.name} has parts of other judges itself")
        if other.scope != judge.scope:
            raise document.error(keys, f"{other.name} judges a {other.scope}, not a {judge.scope}")
        if other.score.type != "boolean":
            raise document.error(
                keys, f"a part passes or fails; the score of {other.name} is {other.score.type}"
            )
        asked.append(replace(part, metric=other.metric, source=other.source, hash=other.hash))
    return hashed(replace(judge, asked=tuple(asked)))


class AskedParts:
    """What other judges said of the items of a judge: scores of their versions of now."""

    def __init__(self, labels: LabelStore, judge: JudgeDefinition) -> None:
        self._labels = labels
        self._judge = judge

    def said(self, targets: Sequence[Target]) -> dict[Target, dict[str, Said]]:
        """The scores that are there, by target and name of the part."""
        found: dict[Target, dict[str, Said]] = {}
        with self._labels.reading() as connection:
            for start in range(0, len(targets), IDS_PER_QUERY):
                self._read(connection, targets[start : start + IDS_PER_QUERY], found)
        return found

    def _read(
        self, connection: sqlite3.Connection, targets: Sequence[Target], found: dict[Target, dict[str, Said]]
    ) -> None:
        among = ", ".join("?" * len(targets))
        for part in self._judge.asked:
            rows = connection.execute(
                f"SELECT target_id, trace_id, id, value FROM current WHERE target_id IN ({among}) "
                "AND target_kind = ? AND name = ? AND source = ? AND annotator = ? AND definition_hash = ?",
                (
                    *(target.id for target in targets),
                    self._judge.scope,
                    part.metric,
                    part.source,
                    part.judge,
                    part.hash,
                ),
            )
            for target_id, trace_id, id, value in rows:
                target = Target(self._judge.scope, target_id, trace_id)
                found.setdefault(target, {})[part.name] = Said(id, decode_value(value))

    def whole(self, judgement: Judgement, said: Mapping[str, Said]) -> Judgement:
        """What the checks found, combined with what the others said.

        Skipped where that depends on a score that is not there.
        """
        if judgement.outcome not in ("scored", "not_applicable"):
            return judgement
        judge, named = self._judge, {part.name: part.judge for part in self._judge.asked}
        values = [judgement.value, *(one.value for one in said.values())]
        missing = [name for name in named if name not in said]
        decisive = judge.combine != "all"
        if decisive not in values and missing:
            others = " and ".join(dict.fromkeys(named[name] for name in missing))
            words = f"where {others} gave no score yet, there is no verdict: run both over the same items"
            return Judgement(judgement.target, "skipped", None, "missing_variable", words)
        value = decisive if decisive in values else not decisive
        parts = {**judgement.parts, **{name: one.value for name, one in said.items()}}
        if not any(isinstance(one, bool) for one in values):
            return replace(judgement, parts=parts)
        told = [judgement.explanation] if judgement.value is value else []
        told += [
            f"{name}: {'passes' if value else 'fails'}, says {named[name]}"
            for name, one in said.items()
            if one.value is value
        ]
        return replace(judgement, outcome="scored", value=value, explanation="; ".join(told), parts=parts)


def marked(mark: int, said: Mapping[str, Said]) -> int:
    """The mark of an item that changes with what others say of it too."""
    if not said:
        return mark
    ids = "\x1f".join(f"{name} {one.id}" for name, one in sorted(said.items()))
    return int.from_bytes(sha256(f"{mark:016x}\x1f{ids}".encode()).digest()[:8], "big")
