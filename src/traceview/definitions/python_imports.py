"""What a Python file of a project imports from the project itself, found by reading: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from traceview.files.small import small_bytes
from traceview.model.errors import BadInput

MOST_MODULES = 500


def imported_hashes(file: Path, tree: ast.Module, folder: Path, most_bytes: int) -> dict[str, str]:
    """The hash of every module that a file imports from its own folder or its project's, and that those import.

    By path within `folder`. A module that is imported under a name that only running tells is not found.
    Raises OSError, BadInput where one cannot be read.
    """
    root = folder.resolve()
    found: dict[str, str] = {}
    waiting = list(_imported(file, tree, (file.parent, folder)))
    while waiting:
        place = waiting.pop().resolve()
        if not place.is_relative_to(root) or place == file.resolve():
            continue
        name = place.relative_to(root).as_posix()
        if name in found:
            continue
        if len(found) >= MOST_MODULES:
            raise BadInput(f"{file} imports more than {MOST_MODULES} modules of its project")
        text = small_bytes(place, most_bytes)
        found[name] = sha256(text.replace(b"\r\n", b"\n")).hexdigest()
        try:
            inner = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            # importing it says what is wrong
            continue
        waiting += _imported(place, inner, (file.parent, folder))
    return found


def _imported(file: Path, tree: ast.Module, roots: tuple[Path, ...]) -> Iterator[Path]:
    """The files that the imports of a file may read, wherever in it they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield from _files(one.name.split("."), roots)
        elif isinstance(node, ast.ImportFrom):
            # one dot is the file's own folder
            bases = roots if not node.level else (file.parents[min(node.level, len(file.parents)) - 1],)
            module = node.module.split(".") if node.module else []
            yield from _files(module, bases)
            for one in node.names:
                yield from _files([*module, one.name], bases)


def _files(parts: list[str], roots: tuple[Path, ...]) -> Iterator[Path]:
    """The files of a module and of the packages that it is in, below the first of the folders that has any."""
    for root in roots:
        any_found = False
        for end in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:end])
            for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
                if file.is_file():
                    any_found = True
                    yield file
                    break
        if any_found:
            return
