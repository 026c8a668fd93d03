"""Edits of traceview.toml in place, with comments kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from traceview.definitions.document import parse_document, read_document, written_like
from traceview.definitions.keys import NO_KEYS
from traceview.definitions.project import FILE_NAME, Project, parse_project
from traceview.definitions.views import SavedView
from traceview.files.atomic import atomic_write
from traceview.files.dirs import expanded
from traceview.model.errors import BadInput

BY_HAND = "write the table [feedback.NAME] into it by hand"
MAP_BY_HAND = "write FIELD = 'COLUMN' into its table [sources.\"NAME\".map] by hand"
VIEW_BY_HAND = "write NAME = 'FILTER' into its table [views] by hand"

HEADER = """\
# What is judged in these traces, for everyone who works with them. `traceview feedback add` edits this file too.
"""


def add_definition(
    path: Path | None,
    name: str,
    fields: Mapping[str, Any],
    *,
    replace: bool = False,
    reserved_keys: Mapping[str, str] = NO_KEYS,
) -> Project:
    """Add `[feedback.NAME]` to a file (None: traceview.toml of the working directory, created if need be).

    `fields` are the keys of the TOML table. With `replace` the keys of a definition that is there are changed and its
    comments kept. The result is validated before anything is written. Raises BadInput.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = expanded(path or Path.cwd() / FILE_NAME).absolute()
    before = read_document(path).text if path.exists() else HEADER
    try:
        document = tomlkit.parse(before)
        feedback = document.get("feedback")
        if feedback is None:
            feedback = tomlkit.table(is_super_table=True)
            document["feedback"] = feedback
            feedback = document["feedback"]
        if not isinstance(feedback, Mapping):
            raise BadInput(f"{path}: feedback: expected tables [feedback.NAME]")
        if name in feedback and not replace:
            raise BadInput(f"{path} defines {name} already", hint="choose another name, or edit the file")
        _put(feedback, name, fields)
        text = tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise BadInput(f"{path}: cannot be edited: {error}", hint=BY_HAND) from error
    check_rest(path, before, text, "feedback", name, BY_HAND)
    project = parse_project(parse_document(path, text), "cwd", reserved_keys=reserved_keys)
    written(path, text)
    return project


def save_view(
    path: Path | None, view: SavedView, *, replace: bool = False, reserved_keys: Mapping[str, str] = NO_KEYS
) -> Project:
    """Write a view into `[views]` of a file (None: traceview.toml of the working directory), comments kept.

    The result is validated before anything is written. Raises BadInput, also for a name that is taken unless `replace`.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Table

    path = expanded(path or Path.cwd() / FILE_NAME).absolute()
    before = read_document(path).text if path.exists() else HEADER
    fields: dict[str, Any] = {"filter": view.filter}
    fields |= {"sort": view.sort} if view.sort else {}
    fields |= {"columns": list(view.columns)} if view.columns else {}
    fields |= {"screen": view.screen} if view.screen != "traces" else {}
    try:
        document = tomlkit.parse(before)
        views = document.get("views")
        if views is None:
            document["views"] = tomlkit.table()
            views = document["views"]
        if not isinstance(views, Mapping):
            raise BadInput(f"{path}: views: expected a table")
        if view.name in views and not replace:
            raise BadInput(f"{path} has a view {view.name!r} already", hint="choose another name")
        if isinstance(views.get(view.name), Table):
            _put(views, view.name, fields)
        else:
            views[view.name] = _item(fields if len(fields) > 1 else view.filter)  # type: ignore[index]
        text = tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise BadInput(f"{path}: cannot be edited: {error}", hint=VIEW_BY_HAND) from error
    check_rest(path, before, text, "views", view.name, VIEW_BY_HAND)
    project = parse_project(parse_document(path, text), "cwd", reserved_keys=reserved_keys)
    if view.name in project.refused_views:
        raise project.refused_views[view.name]
    written(path, text)
    return project


def remember_mapping(
    path: Path | None, sources: Sequence[str], columns: Mapping[str, str]
) -> tuple[Path, Project]:
    """Write `--map`s for sources into `[sources]` of a file (None: traceview.toml of the working directory).

    Comments are kept, and what is remembered already is added to. Returns the file. Raises BadInput.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = expanded(path or Path.cwd() / FILE_NAME).absolute()
    text = read_document(path).text if path.exists() else HEADER
    for source in sources:
        before = text
        name = source if any(sign in source for sign in "*?[") else Path(source).name
        try:
            document = tomlkit.parse(before)
            if "sources" not in document:
                document["sources"] = tomlkit.table(is_super_table=True)
            tables: Any = document["sources"]
            if name not in tables:
                tables[name] = tomlkit.table(is_super_table=True)
            if "map" not in tables[name]:
                tables[name]["map"] = tomlkit.table()
            for field, column in columns.items():
                tables[name]["map"][field] = column
            text = tomlkit.dumps(document)
        except (TOMLKitError, ValueError, TypeError) as error:
            raise BadInput(f"{path}: cannot be edited: {error}", hint=MAP_BY_HAND) from error
        check_rest(path, before, text, "sources", name, MAP_BY_HAND)
    project = parse_project(parse_document(path, text), "cwd")
    written(path, text)
    return path, project


def create_project(path: Path | None = None, template: str = "basic", *, force: bool = False) -> Path:
    """Write a first traceview.toml from one of TEMPLATES. Raises BadInput if there is one, unless `force`."""
    path = expanded(path or Path.cwd() / FILE_NAME).absolute()
    if path.exists() and not force:
        raise BadInput(
            f"{path} is there already", hint="edit it, `traceview feedback add`, or --force to replace it"
        )
    written(path, (Path(__file__).with_name("templates") / f"{template}.toml").read_text(encoding="utf-8"))
    return path


TEMPLATES: dict[str, str] = {
    "basic": "one question",
    "rag": "answers from retrieved documents",
    "agent": "tools until something is done",
    "support": "conversations with customers",
}
"""The files that a project can begin with, and what for."""


def check_rest(path: Path, before: str, after: str, table: str, name: str, hint: str) -> None:
    """Raise BadInput if an edit says anything but this entry of a table in another way than before."""
    documents = [parse_document(path, text).data for text in (before, after)]
    for data in documents:
        data.setdefault(table, {}).pop(name, None)
    if documents[0] != documents[1]:
        raise BadInput(f"{path}: cannot be edited without harm to the rest of it", hint=hint)


def _put(feedback: Any, name: str, fields: Mapping[str, Any]) -> None:
    """Set the keys of one definition; keys that are no longer given go."""
    import tomlkit
    from tomlkit.items import InlineTable

    if name not in feedback:
        # In a file that says all in one line, `feedback = { ... }`, that line grows.
        table = tomlkit.inline_table() if isinstance(feedback, InlineTable) else tomlkit.table()
        for key, value in fields.items():
            table.add(key, _item(value))
        feedback[name] = table
        return
    table = feedback[name]
    for key in [key for key in table if key not in fields]:
        del table[key]
    for key, value in fields.items():
        if key not in table or table[key] != value:
            table[key] = _item(value)


def _item(value: Any) -> Any:
    """A value as TOML; a mapping in one line."""
    import tomlkit

    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return table
    return tomlkit.item(list(value) if isinstance(value, tuple) else value)


def written(path: Path, text: str) -> None:
    """Write the text of a file as a whole, with its line ends. Raises BadInput."""
    try:
        atomic_write(path, written_like(path, text), mode=0o644)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
