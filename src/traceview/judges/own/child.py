"""The child process of a project's own check: `python -m traceview.judges.own.child FILE FUNCTION`.

Answers frames on the pipe that was its stdout: 8 digits of hex for the length, then JSON. The first one says whether
the function is there; then one for every frame from stdin: `{"item": object, "options": {...}}` gives
`{"value", "explanation", "evidence", "parts"}` or `{"error", "where"}`. What the check prints goes to stderr.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

LENGTH = 8
LONGEST = 20_000
"""Characters of an explanation or a piece of evidence that are sent on."""


def main(file: str, function: str) -> int:
    """Answer until stdin ends."""
    # The check must reach neither pipe, not even from C.
    out = os.fdopen(os.dup(1), "wb")
    given = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    try:
        check = load(Path(file), function)
    except BaseException as error:  # noqa: BLE001 (whatever a file does when it is imported)
        write(out, failure(error, file))
        return 1
    write(out, {"ready": True})
    while (asked := read(given)) is not None:
        try:
            answer = checked(check(asked["item"], **asked["options"]))
        except BaseException as error:  # noqa: BLE001 (whatever the check raises, SystemExit too)
            answer = failure(error, file)
        write(out, answer)
    return 0


def load(file: Path, function: str) -> Callable[..., Any]:
    """The function of a file, whose folder is searched for what it imports."""
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, function)
    return found


def checked(given: Any) -> dict[str, Any]:
    """What a check gave back, in one form. Raises TypeError, ValueError for what is no answer."""
    if not isinstance(given, Mapping):
        return {"value": plain(given), "explanation": "", "evidence": [], "parts": {}}
    known = ("value", "verdict", "explanation", "evidence", "parts")
    odd = [key for key in given if key not in known]
    if odd or ("value" in given) == ("verdict" in given):
        words = f"not {odd[0]!r}" if odd else "one of value and verdict"
        raise ValueError(f"a check returns value or verdict, explanation, evidence, parts: {words}")
    evidence = given.get("evidence") or []
    parts = given.get("parts") or {}
    if isinstance(evidence, str) or not isinstance(evidence, list | tuple) or not isinstance(parts, Mapping):
        raise TypeError("evidence is a list of texts, parts are values by name")
    value = given["value"] if "value" in given else given["verdict"]
    return {
        "value": plain(value),
        "explanation": str(given.get("explanation") or "")[:LONGEST],
        "evidence": [str(one)[:LONGEST] for one in evidence],
        "parts": {str(name): plain(one) for name, one in parts.items()},
    }


def plain(value: Any) -> Any:
    """A value that a label can have. Raises TypeError."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    item = getattr(value, "item", None)
    if callable(item):
        # a number of numpy
        return plain(item())
    raise TypeError(f"a check returns true, false, a number, a text or None, not {type(value).__name__}")


def failure(error: BaseException, file: str) -> dict[str, Any]:
    """An error in words, with the last line of the check's own file that it came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = lines[-1] if lines else None
    if line is None and isinstance(error, SyntaxError):
        line = error.lineno
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return {"error": words[:LONGEST], "where": f"{Path(file).name}:{line}" if line else Path(file).name}


def read(pipe: BinaryIO) -> Any:
    """The next frame; None at the end."""
    head = pipe.read(LENGTH)
    return orjson.loads(pipe.read(int(head, 16))) if len(head) == LENGTH else None


def write(pipe: BinaryIO, value: Any) -> None:
    """Write a frame."""
    pipe.write(frame(value))
    pipe.flush()


def frame(value: Any) -> bytes:
    """A frame of a value. Keys that are no texts become some."""
    data = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    return b"%0*x%s" % (LENGTH, len(data), data)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
