"""What judges said, by version: read in one go and kept small, as a judge may have scored millions of targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from traceview.model.labels import LabelValue, ScoreSource, Target
from traceview.store.labels.rows import decode_value
from traceview.store.labels.store import LabelStore


@dataclass(slots=True)
class Version:
    """What one version of a judge last said of each target. `first` and `last` are times of rows."""

    judge_hash: str
    first: str
    last: str
    source: ScoreSource
    values: dict[Target, LabelValue] = field(default_factory=dict)
    said_at: dict[Target, str] = field(default_factory=dict)


def judged_names(store: LabelStore) -> dict[str, tuple[str, ...]]:
    """The names that each judge has given values under, by the judge's name."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT DISTINCT annotator, name FROM labels WHERE source IN ('judge', 'code') ORDER BY annotator, name"
        ).fetchall()
    found: dict[str, tuple[str, ...]] = {}
    for judge, name in rows:
        found[judge] = (*found.get(judge, ()), name)
    return found


def versions_of(store: LabelStore, judge: str, name: str) -> Mapping[str, Version]:
    """What each version of a judge said under a name, by its judge_hash, the one that spoke last at the end.

    A version says of a target what it said last, unless that was undone or cleared after. Rows without a hash are of
    the version "".
    """
    with store.reading() as connection:
        rows = connection.execute(
            """
            SELECT id, op, ref, target_kind, target_id, trace_id, value, coalesce(definition_hash, ''), created_at,
              source
            FROM labels WHERE annotator = ? AND name = ? AND source IN ('judge', 'code') ORDER BY created_at, id
            """,
            (judge, name),
        ).fetchall()
    undone = {ref: op == "undo" for _, op, ref, *_ in rows if ref is not None}
    decoded: dict[str, LabelValue] = {}
    versions: dict[str, Version] = {}
    for id, op, _, kind, target_id, trace_id, text, judge_hash, created_at, source in rows:
        if op not in ("set", "clear") or undone.get(id):
            continue
        target = Target(kind, target_id, trace_id)
        if op == "clear":
            for version in versions.values():
                version.values.pop(target, None)
            continue
        if text not in decoded:
            decoded[text] = decode_value(text)
        version = versions.setdefault(judge_hash, Version(judge_hash, created_at, created_at, source))
        version.values[target] = decoded[text]
        version.said_at[target] = version.last = created_at
    return dict(sorted(versions.items(), key=lambda entry: entry[1].last))
