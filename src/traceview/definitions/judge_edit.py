"""Judge files edited in place by the app: their comments and order stay."""

from __future__ import annotations

import re
from pathlib import Path

from traceview.definitions.document import Document, written_like
from traceview.files.atomic import atomic_write
from traceview.model.errors import BadInput

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def with_variable(document: Document, name: str, path: str) -> str:
    """The text of a judge file in which `{{name}}` is filled from a path; a name that is not in use yet is asked for.

    A new variable is put at the end of the user's part of the prompt. Raises BadInput for a name that cannot be one.
    """
    import tomlkit

    if not VARIABLE.fullmatch(name):
        raise BadInput(f"{name!r}: a variable's name has letters, digits and _, and begins with no digit")
    edited = tomlkit.parse(document.text)
    if edited.get("kind") != "llm":
        raise BadInput("only judges of kind llm have variables")
    if "variables" not in edited:
        edited["variables"] = tomlkit.table()
    variables = edited["variables"]
    before = variables.get(name)
    if isinstance(before, dict):
        before["path"] = path
    else:
        table = tomlkit.inline_table()
        table["path"] = path
        variables[name] = table
    prompt = edited.get("prompt")
    user = prompt.get("user") if isinstance(prompt, dict) else None
    if (
        isinstance(prompt, dict)
        and isinstance(user, str)
        and not re.search(r"\{\{\s*" + name + r"\s*\}\}", user)
    ):
        text = f"{user.rstrip()}\n\n{name}:\n{{{{{name}}}}}\n"
        prompt["user"] = tomlkit.string(text, literal="'''" not in text, multiline=True)
    return tomlkit.dumps(edited)


def save(path: Path, text: str) -> None:
    """Write a judge file, in the line ends that it has. Raises BadInput where it cannot be written."""
    try:
        atomic_write(path, written_like(path, text))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
