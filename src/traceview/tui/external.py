"""Texts in the user's own pager and editor: the app steps aside, the temporary file goes away afterwards."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from textual.app import App, SuspendNotSupported

from traceview.model.errors import BadInput
from traceview.text.safe import safe

_TAKES_LINES = ("nano", "vi", "vim", "nvim", "emacs", "emacsclient", "micro", "joe", "kak", "ne", "mcedit")
"""Editors that begin at the line that `+LINE` before the file names."""


def pager_command() -> list[str]:
    """`$PAGER`, else less or more. Raises BadInput if there is none."""
    return _command(("PAGER",), ("less", "more"))


def editor_command() -> list[str]:
    """`$VISUAL` or `$EDITOR`, else one of the usual ones. Raises BadInput if there is none."""
    return _command(("VISUAL", "EDITOR"), ("nano", "vim", "vi"))


def page_text(
    app: App[object], text: str, name: str, pause: AbstractContextManager[object] | None = None
) -> None:
    """Show a text in the pager, made safe to draw: a pager may pass escape codes on."""
    _run(app, pager_command(), safe(text), name, pause)


def edit_text(
    app: App[object], text: str, name: str, pause: AbstractContextManager[object] | None = None
) -> str | None:
    """Let the user edit a text; None if the editor failed or nothing was changed.

    `pause` is held while the app is suspended. Raises BadInput if there is no editor or no terminal for it.
    """
    edited = _run(app, editor_command(), text, name, pause)
    return None if edited is None or edited == text else edited


def edit_file(
    app: App[object], path: Path, line: int | None = None, pause: AbstractContextManager[object] | None = None
) -> bool:
    """Let the user edit a file itself, at a line where the editor takes one; whether it is another one afterwards.

    `pause` is held while the app is suspended. Raises BadInput if there is no editor or no terminal for it.
    """
    command = editor_command()
    at = [f"+{line}"] if line is not None and Path(command[0]).name in _TAKES_LINES else []
    before = path.read_bytes()
    _run_on(app, [*command, *at], path, pause)
    try:
        return path.read_bytes() != before
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read any more: {error.strerror}") from None


def _command(variables: tuple[str, ...], usual: tuple[str, ...]) -> list[str]:
    for variable in variables:
        words = shlex.split(os.environ.get(variable, ""))
        if words and shutil.which(words[0]):
            return words
    for program in usual:
        if shutil.which(program):
            return [program]
    names = " or ".join(f"${variable}" for variable in variables)
    raise BadInput(f"There is no program to open the text with: {names} names none that is installed.")


def _run(
    app: App[object], command: list[str], text: str, name: str, pause: AbstractContextManager[object] | None
) -> str | None:
    """Run a program on a private temporary file with the text; what the file holds afterwards."""
    with _private_file(text, name) as path:
        if _run_on(app, command, path, pause):
            raise BadInput(f"{command[0]} ended with an error; nothing was taken from it.")
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


def _run_on(
    app: App[object], command: list[str], path: Path, pause: AbstractContextManager[object] | None
) -> int:
    """Run a program on a file while the app steps aside; its exit code."""
    try:
        with pause or contextlib.nullcontext(), app.suspend():
            return subprocess.run([*command, str(path)], check=False).returncode
    except SuspendNotSupported:
        raise BadInput("This terminal cannot be given to another program.") from None
    except OSError as error:
        raise BadInput(f"{command[0]} could not be started: {error}") from None


@contextlib.contextmanager
def _private_file(text: str, name: str) -> Iterator[Path]:
    """A file that only this user can read, in a folder of its own that is removed with whatever is in it."""
    folder = Path(tempfile.mkdtemp(prefix="traceview-"))
    try:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="replace")
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
