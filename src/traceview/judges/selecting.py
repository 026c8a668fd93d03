"""What judges are to be run over, chosen on a screen: all that matches a filter, or items by hand."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traceview.filters.printer import quoted
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target


class Chosen(Struct, frozen=True):
    """`words` say what it is; `targets` are None where everything that matches `filter` is meant."""

    words: str
    filter: str = ""
    targets: tuple[Target, ...] | None = None

    def for_judges(self, judges: Sequence[JudgeDefinition]) -> tuple[str, tuple[Target, ...] | None]:
        """The filter and the targets of a run of these judges.

        Items of another kind than the judges look at stand for what is in them, or what they are in.
        """
        if self.targets is None:
            return self.filter, None
        if all(target.kind == judge.scope for target in self.targets for judge in judges):
            return "", self.targets
        return filter_of(self.targets), None


def filter_of(targets: Sequence[Target]) -> str:
    """A filter that these targets, what is in them and what they are in match; none of the rest does."""
    threads = list(dict.fromkeys(one.id for one in targets if one.kind == "thread"))
    traces = list(dict.fromkeys(one.trace_id or one.id for one in targets if one.kind != "thread"))
    parts = [
        f"{field}:{','.join(map(quoted, ids))}"
        for field, ids in (("thread", threads), ("trace", traces))
        if ids
    ]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"
