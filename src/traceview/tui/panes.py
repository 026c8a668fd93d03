"""What each pane is called and which actions are its own: the footer and the help begin with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from traceview.tui.actions import Action

_TEXT = (
    "search",
    "hit_next",
    "hit_previous",
    "filter_lines",
    "origin",
    "message_diff",
    "copy",
    "pager",
    "editor",
)


class PaneKeys(Struct, frozen=True):
    """`title` as a person calls it, and the ids of its actions, the most useful first."""

    title: str
    actions: tuple[str, ...]


PANES: Mapping[str, PaneKeys] = {
    "rows": PaneKeys("list", ()),
    "tree": PaneKeys(
        "tree",
        (
            *("open", "fold", "error_next", "slowest", "costliest", "documents_next", "measure"),
            *("fold_all", "unfold_all", "search"),
        ),
    ),
    "detail": PaneKeys("span", ("section_next", "section_previous", "fold", *_TEXT)),
    "talk": PaneKeys("transcript", ("turn_next", "turn_previous", "fold", *_TEXT)),
}
"""By the id of the widget that has the focus."""

FIELD_HINTS = (("Enter", "accept"), ("Esc", "leave the field"))


def of_pane(pane: PaneKeys, actions: Sequence[Action]) -> list[Action]:
    """The pane's own ones of these actions, in its order."""
    by_id = {action.id: action for action in actions}
    return [by_id[name] for name in pane.actions if name in by_id]


def pane_named(ids: Iterable[str | None]) -> PaneKeys | None:
    """The pane of the first of these widget ids that is one."""
    return next((PANES[one] for one in ids if one is not None and one in PANES), None)
