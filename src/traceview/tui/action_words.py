"""The registry of actions in words: rows of the help, where a key works, docs/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from traceview.tui.actions import ACTIONS, GROUPS, Action, Area, Group


def key_rows(actions: Iterable[Action]) -> list[tuple[Group, str, str, str]]:
    """`(group, keys, title, description)` of actions; neighbours that differ only in their digit become one."""
    rows: list[tuple[Group, str, str, str]] = []
    digits = [action for action in actions if action.id.startswith("value_") and action.id[-1].isdigit()]
    for action in actions:
        if action in digits:
            if action is digits[0]:
                keys = f"{digits[0].keys[0]} … {digits[-1].keys[0]}"
                rows.append((action.group, keys, "value", action.description))
            continue
        same = next(
            (index for index, row in enumerate(rows) if row[2:] == (action.title, action.description)), None
        )
        if same is not None:
            group, keys, title, description = rows[same]
            rows[same] = (group, " ".join((keys, *action.keys)), title, description)
            continue
        rows.append((action.group, " ".join(action.keys), action.title, action.description))
    return rows


WHERE: Mapping[Area, str] = {
    "app": "everywhere",
    "list": "lists",
    "trace": "trace",
    "transcript": "transcript",
    "prompts": "prompts",
    "stats": "stats",
    "modes": "failure modes",
    "examples": "items of a failure mode",
    "judges": "judges",
    "confusion": "a judge's table",
    "check": "check editor",
}


def places_of(action: Action) -> str:
    """Where an action works, in words: `on lists`, `in a trace or a transcript`."""
    words = {
        "app": "everywhere",
        "list": "on lists",
        "trace": "in a trace",
        "transcript": "in a transcript",
        "prompts": "in prompts",
        "stats": "in stats",
        "modes": "in failure modes",
        "examples": "in the items of one",
        "judges": "in judges",
        "confusion": "in a judge's table",
    }
    return " or ".join(words.get(area, f"in {area}") for area in action.screens)


def keys_page(actions: Sequence[Action] = ACTIONS) -> str:
    """docs/keys.md: every action with its keys, its id for rebinding, and where it works."""
    lines = [
        "# Keys",
        "",
        "Generated from `traceview.tui.actions`. One key has one meaning on every screen. Letters are inactive",
        "while a text field has focus; Esc leaves the field and clears nothing.",
        "",
        "Your own keys go into your config file, by action:",
        "",
        "```toml",
        "[keys]",
        'filter = "ctrl+f"',
        "```",
    ]
    for group in GROUPS:
        members = [action for action in actions if action.group == group]
        lines += ["", f"## {group}", "", "| keys | action | what it does | where |", "|---|---|---|---|"]
        for action in members:
            keys = " ".join(f"`{key}`" for key in action.keys)
            places = ", ".join(WHERE[area] for area in action.screens)
            lines.append(f"| {keys} | `{action.id}` | {action.description} | {places} |")
    return "\n".join(lines) + "\n"
