"""Copying out of the app: a local tool if there is one, else the terminal's own clipboard."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

TOOLS: tuple[tuple[str | None, tuple[str, ...]], ...] = (
    (None, ("pbcopy",)),
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    (None, ("clip.exe",)),
)
"""The environment variable that says that a tool can work here, and the tool."""
TERMINAL_LIMIT = 74_000
"""Bytes that terminals take in one clipboard sequence."""
TOOL_SECONDS = 2.0


def copy(app: App[object], text: str, what: str) -> str:
    """Copy a text; the sentence that says what was done and how."""
    for variable, command in TOOLS:
        if (variable is None or os.environ.get(variable)) and shutil.which(command[0]):
            try:
                subprocess.run(
                    command,
                    input=text.encode(errors="replace"),
                    timeout=TOOL_SECONDS,
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except (OSError, subprocess.SubprocessError):
                continue
            return f"✓ copied the {what} with {command[0]}"
    if len(text.encode(errors="replace")) > TERMINAL_LIMIT:
        return _to_file(text, what)
    app.copy_to_clipboard(text)
    return f"✓ sent the {what} to the terminal's clipboard"


def _to_file(text: str, what: str) -> str:
    """Too long for the terminal: a file in the state directory."""
    from traceview.files.atomic import atomic_write
    from traceview.files.dirs import state_dir

    path = state_dir() / "copied.txt"
    try:
        atomic_write(path, text.encode(errors="replace"))
    except OSError as error:
        return f"✗ the {what} is too long for the clipboard, and {path} could not be written: {error}"
    return f"✓ the {what} is too long for the clipboard; it is in {path}"
