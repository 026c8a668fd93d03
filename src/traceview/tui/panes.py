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
    """`title` as the help says it, and the ids of its actions, the most useful first."""

    title: str
    actions: tuple[str, ...]


PANES: Mapping[str, PaneKeys] = {
    "rows": PaneKeys("This pane: list", ()),
    "tree": PaneKeys(
        "This pane: tree",
        (
            *("open", "fold", "error_next", "slowest", "costliest", "documents_next", "measure"),
            *("fold_all", "unfold_all", "search"),
        ),
    ),
    "detail": PaneKeys("This pane: span", ("section_next", "section_previous", "fold", *_TEXT)),
    "talk": PaneKeys("This pane: transcript", ("turn_next", "turn_previous", "fold", *_TEXT)),
}
"""By the id of the widget that has the focus."""

LABELLING = PaneKeys(
    "Labelling",
    (
        *(f"value_{digit}" for digit in range(1, 10)),
        *("value_na", "value_field", "definition_next", "definition_previous", "note", "mode", "first_bad"),
        "first_bad_go",
        *(
            "correction",
            "note_editor",
            "repeat",
            "undo",
            "redo",
            "defer",
            "unlabelled_next",
            "unlabelled_previous",
        ),
        *("item_next", "item_previous", "blind", "dataset_add", "annotate"),
    ),
)
"""What labels the item that is shown, while the annotate panel is open."""

FIELD_HINTS = (("Enter", "accept"), ("Esc", "leave the field"))


def of_pane(pane: PaneKeys, actions: Sequence[Action]) -> list[Action]:
    """The pane's own ones of these actions, in its order."""
    by_id = {action.id: action for action in actions}
    return [by_id[name] for name in pane.actions if name in by_id]


def pane_named(ids: Iterable[str | None]) -> PaneKeys | None:
    """The pane of the first of these widget ids that is one."""
    return next((PANES[one] for one in ids if one is not None and one in PANES), None)
