"""One definition of traceview.toml as a text of its own: handed out, taken back, with its comments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traceview.definitions.document import parse_document, read_document
from traceview.definitions.edit import BY_HAND, HEADER, check_rest, written
from traceview.definitions.feedback import parse_feedback
from traceview.definitions.keys import NO_KEYS
from traceview.definitions.project import FILE_NAME, Origin, Project, parse_project
from traceview.files.dirs import expanded
from traceview.model.errors import BadInput

NEW_SECTION = """\
# A question that is answered of each item. Lines that begin with # are comments; the file keeps those below the name.
[feedback.NAME]
type = "boolean"      # boolean | categorical | numerical | text
scope = "trace"       # span | trace | thread | document, or a list of them
pass_means = ""
fail_means = ""
# choices = ["formal", "friendly"]     of categorical; multi = true, ordered = true
# min = 1                              of numerical; max = 5, direction = "higher"
allow_na = true
required = true
"""


REFUSED = "#! "
"""Begins the lines that say over an edited text why it was refused."""


def with_reason(text: str, error: BadInput) -> str:
    """An edited text with the reason over it why it was refused."""
    said = " · ".join(filter(None, (*error.message.splitlines(), error.hint)))
    return f"{REFUSED}{said}\n{REFUSED}Mend it, or leave it without a change to give it up.\n{text}"


def without_reason(text: str) -> str:
    """The text without the reason for which an earlier one was refused."""
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(REFUSED))


def section_text(path: Path, name: str) -> str:
    """The table of a definition as it stands in the file. Raises BadInput for a name that it does not have."""
    import tomlkit
    from tomlkit.items import Table

    data = tomlkit.parse(read_document(path).text)
    feedback = data.get("feedback")
    if not isinstance(feedback, Mapping) or name not in feedback:
        raise BadInput(f"{path} defines no {name}", hint="the built-in definitions stand in no file")
    table = feedback[name]
    body = table.as_string() if isinstance(table, Table) else tomlkit.dumps(dict(table))
    return f"[feedback.{_key(name)}]\n{body.strip()}\n"


def put_section(
    path: Path | None,
    name: str | None,
    text: str,
    *,
    origin: Origin = "cwd",
    reserved_keys: Mapping[str, str] = NO_KEYS,
) -> tuple[Project, str]:
    """Put an edited table in the place of the definition `name` (None: add it); the project, and its name.

    `path` None is traceview.toml of the working directory, created if need be. Everything is validated before anything
    is written. Raises BadInput, with lines of the text where the text is wrong.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    edited = parse_document(Path("the definition"), text)
    edited.only(edited.data, (), ("feedback",))
    found = parse_feedback(edited)
    if len(found) != 1:
        raise BadInput(f"the text has {len(found)} definitions, and one is wanted", hint="[feedback.NAME]")
    new = found[0].name
    if name is not None and new != name:
        raise BadInput(
            f"the name stays {name}: labels carry it, and the text says {new}",
            hint="add a new definition for another name",
        )
    path = expanded(path or Path.cwd() / FILE_NAME).absolute()
    before = read_document(path).text if path.exists() else HEADER
    try:
        document = tomlkit.parse(before)
        if "feedback" not in document:
            document["feedback"] = tomlkit.table(is_super_table=True)
        if not isinstance(document["feedback"], Mapping):
            raise BadInput(f"{path}: feedback: expected tables [feedback.NAME]")
        feedback: Any = document["feedback"]
        if name is None and new in feedback:
            raise BadInput(f"{path} defines {new} already", hint="edit that one, or choose another name")
        given: Any = tomlkit.parse(text)["feedback"]
        feedback[new] = given[new]
        after = tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise BadInput(f"{path}: cannot be edited: {error}", hint=BY_HAND) from error
    check_rest(path, before, after, "feedback", new, BY_HAND)
    project = parse_project(parse_document(path, after), origin, reserved_keys=reserved_keys)
    written(path, after)
    return project, new


def _key(name: str) -> str:
    import tomlkit

    return tomlkit.key(name).as_string()
