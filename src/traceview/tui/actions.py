"""The one registry of actions: bindings, footer, help, palette and docs/keys.md are generated from it.

One key has one meaning on every screen. A key is written as a person reads it (`j`, `?`, `ctrl+d`, `F2`,
`Enter`); `textual_key` translates. This module imports textual only when bindings are made.
"""

# ruff: noqa: E501 - one action per line is a table

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from traceview.model.errors import BadInput

if TYPE_CHECKING:
    from textual.binding import Binding

Group = Literal["Moving", "Opening", "Finding", "Marking", "Annotating", "Judging", "Reading", "The app"]
GROUPS: tuple[Group, ...] = get_args(Group)

Area = Literal[
    "app",
    "list",
    "trace",
    "transcript",
    "prompts",
    "stats",
    "modes",
    "examples",
    "judges",
    "confusion",
    "check",
]
"""Where an action lives: `app` is everywhere, `list` the lists of traces and of threads, `examples` the items of one
failure mode."""

ITEM: tuple[Area, ...] = ("trace", "transcript")
GROUPED: tuple[Area, ...] = ("prompts", "stats")
LISTS: tuple[Area, ...] = ("list", *GROUPED)
ALL: tuple[Area, ...] = ("list", "trace", "transcript")
EVERY: tuple[Area, ...] = (*ALL, *GROUPED)
JUDGING: tuple[Area, ...] = ("judges", "confusion")
ROWS: tuple[Area, ...] = (*EVERY, "modes", "examples", *JUDGING, "check")


class Action(Struct, frozen=True):
    """Something a key does.

    `call` is the textual action when it is not the id. `priority` is for a key that must work whatever
    has the focus; it overtakes keys that were typed before it, so only leaving has it. In the footer the highest `footer_priority` comes first; 0 stays out of it.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    description: str
    group: Group
    footer_priority: int
    screens: tuple[Area, ...]
    call: str | None = None
    priority: bool = False
    palette: str | None = None
    """`area: verb` in the command palette; None keeps it out (moving the cursor)."""


ACTIONS: tuple[Action, ...] = (
    Action("cursor_down", ("j", "Down"), "down", "One row down.", "Moving", 0, ROWS),
    Action("cursor_up", ("k", "Up"), "up", "One row up.", "Moving", 0, ROWS),
    Action("half_down", ("ctrl+d",), "half page down", "Half a page down.", "Moving", 0, ROWS),
    Action("half_up", ("ctrl+u",), "half page up", "Half a page up.", "Moving", 0, ROWS),
    Action("page_down", ("PgDn",), "page down", "A page down.", "Moving", 0, ROWS),
    Action("page_up", ("PgUp",), "page up", "A page up.", "Moving", 0, ROWS),
    Action("cursor_top", ("g", "Home"), "top", "To the first row.", "Moving", 0, ROWS),
    Action("cursor_bottom", ("G", "End"), "bottom", "To the last row.", "Moving", 0, ROWS),
    Action("follow", ("F",), "follow", "Go to the newest row and stay on it as rows arrive; moving the cursor ends that.", "Moving", 0, ("list",), palette="list: follow the newest"),
    Action("pane_next", ("Tab",), "next pane", "Move the focus to the next pane.", "Moving", 20, ("app",), "app.focus_next"),
    Action("pane_previous", ("shift+Tab",), "previous pane", "Move the focus to the previous pane.", "Moving", 0, ("app",), "app.focus_previous"),
    Action("section_next", ("Right",), "next section", "The next section of the span: messages, input, output and so on; of a judge's table or a check, the next cell.", "Moving", 0, ("trace", "confusion", "check")),
    Action("section_previous", ("Left",), "previous section", "The previous section of the span, or cell of a judge's table or a check.", "Moving", 0, ("trace", "confusion", "check")),
    Action("turn_next", ("}",), "next turn", "The next turn of the conversation.", "Moving", 0, ("transcript",)),
    Action("turn_previous", ("{",), "previous turn", "The previous turn of the conversation.", "Moving", 0, ("transcript",)),
    Action("question_first", ("(",), "first question", "The first thing the user said.", "Moving", 0, ("transcript",), palette="go: first question"),
    Action("answer_last", (")",), "last answer", "The last thing the assistant said.", "Moving", 0, ("transcript",), palette="go: last answer"),
    Action("maximise", ("z",), "maximise", "Give the focused pane the whole screen, or give it back.", "Moving", 0, (*ALL, "prompts"), palette="view: maximise pane"),
    Action("narrower", ("<",), "narrower", "Give the focused pane less of the screen; kept for this kind of screen.", "Moving", 0, ("list", "trace"), palette="view: narrower pane"),
    Action("wider", (">",), "wider", "Give the focused pane more of the screen; kept for this kind of screen.", "Moving", 0, ("list", "trace"), palette="view: wider pane"),
    Action("open", ("Enter", "l"), "open", "Open the row under the cursor.", "Opening", 90, ROWS),
    Action("back", ("Esc", "h"), "back", "Back to where this was opened; leaves a text field. Never quits.", "Opening", 80, ("app",)),
    Action("fold", ("Space",), "fold", "Fold or unfold the branch or the tool call.", "Opening", 70, ITEM, palette="view: fold or unfold"),
    Action("fold_all", ("-",), "fold all", "Fold every branch below the first two levels, and every repeat; in the detail, all text that folds.", "Opening", 0, ITEM, palette="view: fold all"),
    Action("unfold_all", ("+",), "unfold all", "Unfold every branch and every repeat; in the detail, all text.", "Opening", 0, ITEM, palette="view: unfold all"),
    Action("measure", ("m",), "measure", "What the view measures; in the tree wall clock, self time, critical path; in stats nothing, days, weeks, hours; of judges whose labels: dev, all, test.", "Reading", 42, ("trace", "stats", *JUDGING), palette="view: another measure"),
    Action("transcript", ("t",), "transcript", "The tree or the transcript of the same thing.", "Opening", 60, ALL, palette="view: tree or transcript"),
    Action("item_next", ("J",), "next item", "The next item of the list, from inside one; the filter holds.", "Opening", 50, ITEM, palette="item: next of the list"),
    Action("item_previous", ("K",), "previous item", "The previous item of the list, from inside one.", "Opening", 49, ITEM, palette="item: previous of the list"),
    Action("filter", ("f",), "filter", "Filter the list; Tab completes, Enter keeps, Esc leaves the field.", "Finding", 85, (*LISTS, "examples"), palette="list: filter"),
    Action("search", ("/",), "search", "Search in this view; in a list, begin a new filter by a word.", "Finding", 65, (*EVERY, "examples"), palette="view: search"),
    Action("hit_next", ("n",), "next hit", "The next place that matches the search.", "Finding", 0, ITEM, palette="view: next hit"),
    Action("hit_previous", ("N",), "previous hit", "The previous place that matches the search.", "Finding", 0, ITEM, palette="view: previous hit"),
    Action("error_next", ("e",), "next error", "The next error.", "Finding", 55, ALL, palette="go: next error"),
    Action("error_previous", ("E",), "previous error", "The previous error.", "Finding", 0, ALL, palette="go: previous error"),
    Action("slowest", ("T",), "slowest", "The span that took most time of its own; again: the 2nd slowest, and so on.", "Finding", 0, ("trace",), palette="go: slowest span"),
    Action("costliest", ("$",), "costliest", "The span that cost most itself; again: the 2nd costliest, and so on.", "Finding", 0, ("trace",), palette="go: costliest span"),
    Action("documents_next", ("B",), "documents", "The next span with documents, shown with them; from a list, of that row's trace.", "Finding", 0, ALL, palette="go: next span with documents"),
    Action("unlabelled_next", ("w",), "next unlabelled", "The next item that you have not labelled in full.", "Finding", 54, ALL, palette="go: next unlabelled"),
    Action("unlabelled_previous", ("W",), "previous unlabelled", "The previous item that you have not labelled in full.", "Finding", 0, ALL, palette="go: previous unlabelled"),
    Action("same_version", ("v",), "same version", "All traces with this prompt version.", "Finding", 45, ("list", "trace", "prompts"), palette="list: traces with this prompt version"),
    Action("sort", ("s",), "sort", "Sort by the next column; of many columns, pick one.", "Finding", 58, LISTS, palette="list: sort by the next column"),
    Action("sort_reverse", ("S",), "reverse", "Reverse the sort.", "Finding", 0, LISTS, palette="list: reverse the sort"),
    Action("keep", ("&",), "keep", "Keep only the lines that have some words.", "Finding", 38, (*GROUPED, "trace"), palette="view: keep lines with words"),
    Action("columns", ("|",), "columns", "Choose the columns of the list and their order; in stats, the fields to group by.", "Finding", 36, ("list", "stats"), palette="list: choose columns"),
    Action("views", ("V",), "views", "Saved views: open one, or save this one.", "Finding", 35, ("list",), palette="view: open or save a view"),
    Action("mark", ("x",), "mark", "Mark the row, or take the mark off, and go one down.", "Marking", 48, ("list", "modes", "examples"), palette="list: mark"),
    Action("mark_all", ("X",), "mark all", "Mark all rows that match the filter, or take all marks off.", "Marking", 0, ("list", "examples"), palette="list: mark all that match"),
    Action("annotate", ("a",), "annotate", "Annotate this item, or all marked ones.", "Annotating", 75, ALL, palette="label: annotate"),
    Action("session", ("A",), "session", "Begin an annotation session over what is listed or marked, or go on with one.", "Annotating", 47, ("list",), palette="label: session, begin or go on"),
    Action("defer", ("d",), "defer", "In a session: put this item at the end, and go on.", "Annotating", 37, ITEM, palette="label: defer to the end"),
    *(
        Action(f"value_{digit}", (str(digit),), f"value {digit}", "Set this value of the focused definition.", "Annotating", 0, ITEM, f"set_value({digit})")
        for digit in range(1, 10)
    ),
    Action("value_na", ("0",), "does not apply", "Say that the focused definition does not apply.", "Annotating", 0, ITEM, "set_value(0)", palette="label: does not apply"),
    Action("value_field", ("=",), "type a value", "Open a field or a list for the value; of failure modes, rename the one under the cursor or merge the marked.", "Annotating", 0, (*ITEM, "modes"), palette="label: type a value"),
    Action("definition_next", ("]",), "next definition", "Focus the next definition.", "Annotating", 40, ITEM, palette="label: next definition"),
    Action("definition_previous", ("[",), "previous definition", "Focus the previous definition.", "Annotating", 0, ITEM, palette="label: previous definition"),
    Action("note", ("c",), "note", "Write a note on this item; as the very next key after the app moved on by itself, on the item just labelled.", "Annotating", 44, ITEM, palette="label: note"),
    Action("note_editor", ("C",), "note in editor", "Write the note in $EDITOR; right after the app moved on by itself, as c.", "Annotating", 0, ITEM, palette="label: note in $EDITOR"),
    Action("correction", ("r",), "correction", "Write the corrected output in $EDITOR; right after the app moved on by itself, as c.", "Annotating", 41, ITEM, palette="label: corrected output in $EDITOR"),
    Action("mode", ("#",), "failure mode", "Pick failure modes by a few letters, or name a new one; right after the app moved on by itself, as c. In a list, all failure modes with their counts; there, the items of one, to split it: the marked go to another.", "Annotating", 42, (*ALL, "modes", "examples"), palette="label: failure modes"),
    Action("first_bad", ("!",), "first bad", "Mark the span or turn under the cursor as the first that went wrong, or take the mark off.", "Annotating", 39, ITEM, palette="label: first bad span or turn"),
    Action("first_bad_go", ("'",), "to first bad", "Go to the span or turn that you marked as the first that went wrong, or that others did; again: the next mark.", "Annotating", 0, ITEM, palette="go: first bad span or turn"),
    Action("dataset_add", ("*",), "data set", "Add this item to a data set, its correction as what is expected; the first time it asks to which.", "Annotating", 0, ITEM, palette="label: add to the data set"),
    Action("repeat", (".",), "repeat", "Give the item every value that it lacks and the one labelled last has.", "Annotating", 0, ITEM, palette="label: repeat the last value"),
    Action("blind", ("b",), "blind", "Hide, or show, the labels of others, the model and the prompt version.", "Annotating", 0, ITEM, palette="label: blind on or off"),
    Action("undo", ("u",), "undo", "Take back your last label action; of failure modes and in the table of a judge, the last that was done there.", "Annotating", 43, (*ALL, "modes", "examples", "confusion"), palette="label: undo"),
    Action("redo", ("ctrl+r",), "redo", "Do again what was taken back.", "Annotating", 0, (*ALL, "modes", "examples", "confusion"), palette="label: redo"),
    Action("judge", ("P",), "judge", "Have a judge score what is listed, marked or open; models tell their price first.", "Judging", 33, (*ALL, "judges"), palette="judge: run a judge"),
    Action("judge_new", ("ctrl+n",), "new judge", "Make a judge from a template, or from a feedback definition.", "Judging", 32, ("judges",), palette="judge: new"),
    Action("judge_pause", ("Z",), "pause", "Have the runs of the judge wait, or go on.", "Judging", 45, ("judges",), palette="judge: pause or go on"),
    Action("judge_stop", ("ctrl+x",), "stop", "Have the runs of the judge begin no more; what was judged is kept.", "Judging", 44, ("judges",), palette="judge: stop"),
    Action("live_check", ("F7",), "live check", "The check editor: a check by code, tried on all traces of the list's filter while it is typed.", "Judging", 0, ("app",), "app.live_check", palette="judge: live check editor, a check tried while it is typed"),
    Action("save_check", ("ctrl+s",), "save", "Write the check as a judge file of the project.", "Judging", 63, ("check",), palette="check: save as a judge"),
    Action("judge_wrong", ("H",), "judge is wrong", "Say that the judge is wrong here: the label stays, and it is noted.", "Judging", 62, ("confusion",), palette="judge: the judge is wrong"),
    Action("human_wrong", ("L",), "label was wrong", "Say that the label was wrong: the item gets the judge's value as your own new label, which decides over those of others.", "Judging", 61, ("confusion",), palette="judge: the label was wrong"),
    Action("rubric_unclear", ("U",), "rubric unclear", "Note what the definition leaves open here.", "Judging", 59, ("confusion",), palette="judge: the rubric is unclear"),
    Action("origin", ("i",), "origin", "Where did this come from: the next number, date, id, name or address of the text, and the span in which it first appeared; Enter goes there.", "Reading", 46, ITEM, palette="go: where this came from"),
    Action("message_diff", ("~",), "difference", "The messages of a model call against those of the call before it, or as they are.", "Reading", 0, ("trace",), palette="view: difference to the call before"),
    Action("copy", ("y",), "copy", "Copy the id, the text, the JSON, or the command line that shows the same.", "Reading", 30, EVERY, palette="item: copy"),
    Action("as_written", ("M",), "as written", "Show answers as they were written, or styled.", "Reading", 0, ("transcript",), palette="view: answers as written or styled"),
    Action("pager", ("o",), "pager", "Show the payload in $PAGER.", "Reading", 0, ITEM, palette="item: open in $PAGER"),
    Action("editor", ("O",), "editor", "Show the payload in $EDITOR; of a judge, edit its file.", "Reading", 0, (*ITEM, "judges"), palette="item: open in $EDITOR"),
    Action("preview", ("p",), "preview", "Show or hide the preview of the row; of a judge, exactly what it would be sent.", "Reading", 34, ("list", "prompts", "judges"), palette="view: preview on or off"),
    Action("refresh", ("R",), "refresh", "Read new labels and new parts of the source now.", "Reading", 0, (*LISTS, "modes", "examples", *JUDGING), palette="list: refresh"),
    Action("show_traces", ("F2",), "traces", "The list of traces.", "The app", 0, ("app",), "app.show_traces", palette="screen: traces"),
    Action("show_threads", ("F3",), "threads", "The list of threads.", "The app", 0, ("app",), "app.show_threads", palette="screen: threads"),
    Action("show_prompts", ("F4",), "prompts", "Every prompt version with its figures; the cursor is on that of the trace in front.", "The app", 0, ("app",), "app.show_prompts", palette="screen: prompts"),
    Action("show_judges", ("F5",), "judges", "Every judge: its state, how often it is right, what it cost; Enter opens its table.", "The app", 0, ("app",), "app.show_judges", palette="screen: judges"),
    Action("show_stats", ("F6",), "stats", "Figures of groups of traces, of the filter of the list of traces.", "The app", 0, ("app",), "app.show_stats", palette="screen: stats"),
    Action("palette", ("ctrl+p",), "palette", "All commands, by name.", "The app", 0, ("app",), "app.palette"),
    Action("palette_colon", (":",), "palette", "All commands, by name.", "The app", 0, ("app",), "app.palette"),
    Action("help", ("?",), "help", "What the keys do here.", "The app", 100, ("app",), "app.help", palette="app: help"),
    Action("help_f1", ("F1",), "help", "What the keys do here.", "The app", 0, ("app",), "app.help"),
    Action("repaint", ("ctrl+l",), "paint again", "Paint the whole screen anew, after another program wrote on it.", "The app", 0, ("app",), "app.repaint", palette="app: paint the screen again"),
    Action("suspend", ("ctrl+z",), "suspend", "Back to the shell for a while (fg returns); waits for what is being saved.", "The app", 0, ("app",), "app.suspend", palette="app: suspend"),
    Action("quit_root", ("q",), "quit", "Quit, from a list; below it, q says how.", "The app", 5, ("app",), "app.quit_root"),
    Action("quit", ("ctrl+q",), "quit", "Quit, from anywhere.", "The app", 0, ("app",), "app.quit", True, "app: quit"),
)  # fmt: skip


class KeyRefused(BadInput):
    """Keys of the user that cannot be taken; `actions` are the names in question."""

    def __init__(self, actions: tuple[str, ...], problem: str, hint: str) -> None:
        super().__init__(f"keys: {problem}", hint=hint)
        self.actions = actions
        self.problem = problem


BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

_TEXTUAL_NAMES = {
    "Enter": "enter",
    "Esc": "escape",
    "Space": "space",
    "Tab": "tab",
    "PgDn": "pagedown",
    "PgUp": "pageup",
    "Home": "home",
    "End": "end",
    "Down": "down",
    "Up": "up",
    "Left": "left",
    "Right": "right",
}
UNSENDABLE = ("ctrl+enter", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m")
"""Keys that plain terminals cannot send or cannot tell from another key."""


def textual_key(key: str) -> str:
    """A key as people write it, in textual's spelling: `?` is `question_mark`, `shift+Tab` `shift+tab`."""
    *modifiers, last = key.split("+") if len(key) > 1 else (key,)
    if last in _TEXTUAL_NAMES:
        last = _TEXTUAL_NAMES[last]
    elif len(last) > 1:
        last = last.lower()
    elif not last.isalnum():
        from textual.keys import _character_to_key

        last = _character_to_key(last)
    return "+".join((*modifiers, last))


def _is_key(key: str) -> bool:
    """Whether a key, as people write it, is one that can be pressed."""
    if len(key) == 1:
        return key.isprintable() and key != " "
    return textual_key(key) in {textual_key(name) for name in _key_names()}


def _key_names() -> list[str]:
    """Every key of more than one character, as people write it or as textual does."""
    from string import punctuation

    from textual.keys import Keys

    named = [key.value for key in Keys if not key.value.startswith("<")]
    return [*_TEXTUAL_NAMES, *named, *(textual_key(sign) for sign in punctuation)]


def actions_for(areas: Iterable[Area]) -> tuple[Action, ...]:
    """The actions that live in any of these areas, in the registry's order."""
    wanted = set(areas)
    return tuple(action for action in ACTIONS if wanted.intersection(action.screens))


def bindings(*ids: str, call: str | None = None) -> list[Binding]:
    """Textual bindings of actions by id; `call` replaces what they call."""
    from textual.binding import Binding

    return [
        Binding(
            ",".join(textual_key(key) for key in action.keys),
            call or action.call or action.id,
            action.title,
            show=False,
            priority=action.priority,
            id=action.id,
        )
        for action in (BY_ID[name] for name in ids)
    ]


def bindings_for(*areas: Area) -> list[Binding]:
    """Textual bindings of every action of these areas."""
    return bindings(*(action.id for action in actions_for(areas)))


def rebound(
    keys: Mapping[str, str | Sequence[str]], actions: Sequence[Action] = ACTIONS
) -> tuple[Action, ...]:
    """The registry with a user's keys in place.

    Raises KeyRefused for an unknown action, a key that terminals cannot send, or a key with two meanings.
    """
    from difflib import get_close_matches

    known = {action.id for action in actions}
    for name in keys:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "docs/keys.md lists the names of all actions."
            raise KeyRefused((name,), f"there is no action {name!r}.", hint)
    result = []
    for action in actions:
        value = keys.get(action.id)
        if value is None:
            result.append(action)
            continue
        chosen = (value,) if isinstance(value, str) else tuple(value)
        if not chosen:
            raise KeyRefused(
                (action.id,),
                f"there is no key for {action.id!r}.",
                f"Name one, or leave the line out to keep {' '.join(action.keys)}.",
            )
        for key in chosen:
            if not key or key.lower() in UNSENDABLE or key.lower().startswith(("alt+", "ctrl+shift+")):
                raise KeyRefused(
                    (action.id,),
                    f"{key!r} for {action.id!r} cannot be sent by every terminal.",
                    "Use a letter, a digit, a sign, ctrl+letter or an F key.",
                )
            if not _is_key(key):
                near = get_close_matches(key, _key_names(), n=1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise KeyRefused(
                    (action.id,),
                    f"there is no key {key!r}, for {action.id!r}.",
                    f"{hint}Use a letter, a digit, a sign, ctrl+letter or an F key.",
                )
        result.append(replace(action, keys=chosen))
    check_clashes(result)
    return tuple(result)


def keys_in_use(keys: Mapping[str, str | Sequence[str]]) -> dict[str, str]:
    """Every key that does something in the app, with the action: no value of a definition may take one.

    Checks nothing and needs no textual, for commands that have no screen.
    """
    found: dict[str, str] = {}
    for action in ACTIONS:
        chosen = keys.get(action.id, action.keys)
        for key in (chosen,) if isinstance(chosen, str) else chosen:
            found.setdefault(key, action.id)
    return found


def check_clashes(actions: Iterable[Action]) -> None:
    """Raise KeyRefused if a key means two things."""
    owners: dict[str, Action] = {}
    for action in actions:
        for key in action.keys:
            other = owners.setdefault(textual_key(key), action)
            if other is not action:
                raise KeyRefused(
                    (other.id, action.id),
                    f"{key!r} means both {other.id!r} and {action.id!r}.",
                    "Give one of them another key in your config file.",
                )


def keys_of(actions: Iterable[Action], ids: Collection[str]) -> set[str]:
    """The keys of these actions, in textual's spelling."""
    return {textual_key(key) for action in actions if action.id in ids for key in action.keys}


def label_hints(actions: Iterable[Action]) -> list[tuple[str, str]]:
    """`(key, title)` of what labels an item, in the order of use: values, definition, note, undo, next item."""
    by_id = {action.id: action for action in actions}
    values = " ".join(by_id[name].keys[0] for name in ("value_1", "value_2", "value_na"))
    others = [by_id[name] for name in ("definition_next", "note", "undo")]
    return [
        (values, "value"),
        *((action.keys[0], action.title) for action in others),
        (by_id["item_next"].keys[0], "next"),
    ]


def keymap(actions: Iterable[Action]) -> dict[str, str]:
    """Action id to textual's comma-separated keys, for `App.set_keymap`."""
    return {action.id: ",".join(textual_key(key) for key in action.keys) for action in actions}
