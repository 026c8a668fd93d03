"""The child process of a project's own check: `python -m traceview.judges.own.child FILE FUNCTION`.

Answers frames on the pipe that was its stdout: 8 digits of hex for the length, then JSON. The first one says whether
the function is there; then one for every frame from stdin: `{"id": text, "item": object, "options": {...}}` gives
`{"id", "value", "explanation", "evidence", "parts"}` or `{"id", "error", "where"}`. What the check prints goes to
stderr. A process that the check forked answers nothing: it has neither pipe, and ends where the check returns.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import re
import resource
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import Any

import orjson

from traceview.text.safe import storable

LENGTH = 8
LONGEST = 20_000
"""Characters of an explanation, of a value, and of all evidence that are sent on: as many as a reason keeps."""
MOST_PARTS = 100
MOST_BYTES = 1 << 24
"""Bytes of an answer, which none of these can have more of."""
_PART = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LARGEST = 1 << 63
_FIRST_DESCRIPTOR = 64
"""What a check opens, or closes without knowing, is numbered below."""


def main(file: str, function: str) -> int:
    """Answer until stdin ends."""
    # The check must reach neither pipe, not even from C, nor by a number that it guesses.
    out, given = _moved(1), _moved(0)
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    me = os.getpid()
    os.register_at_fork(after_in_child=lambda: _closed(out, given))
    try:
        check = load(Path(file), function)
        ready: dict[str, Any] = {"ready": True}
    except BaseException as error:  # noqa: BLE001 (whatever a file does when it is imported)
        ready = failure(error, file)
    if os.getpid() != me:
        os._exit(0)
    write(out, ready)
    while "error" not in ready and (asked := read(given)) is not None:
        try:
            answer = checked(check(asked["item"], **asked["options"]))
        except BaseException as error:  # noqa: BLE001 (whatever the check raises, SystemExit too)
            answer = failure(error, file)
        if os.getpid() != me:
            os._exit(0)
        write(out, {**answer, "id": asked["id"]})
    return int("error" in ready)


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
    if len(parts) > MOST_PARTS:
        raise ValueError(f"the check returned {len(parts):,} parts, {MOST_PARTS} at most")
    value = given["value"] if "value" in given else given["verdict"]
    return {
        "value": plain(value),
        "explanation": storable(str(given.get("explanation") or "")[:LONGEST]),
        "evidence": _kept(evidence),
        "parts": {_part(name): plain(one, f"part {name}: ") for name, one in parts.items()},
    }


def _kept(evidence: Sequence[Any]) -> list[str]:
    kept, left = [], LONGEST
    for one in evidence:
        if left <= 0:
            break
        kept.append(storable(str(one)[:left]))
        left -= len(kept[-1]) + 1
    return kept


def _part(name: Any) -> str:
    if not _PART.fullmatch(str(name)):
        raise ValueError(f"{str(name)[:60]!r}: the name of a part has letters, digits, _ and -, 40 at most")
    return str(name)


def plain(value: Any, place: str = "") -> Any:
    """A value that a label can have. Raises TypeError, ValueError."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise ValueError(f"{place}the check returned a text of {len(value):,} characters")
        return storable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) if isinstance(value, float) else not -_LARGEST <= value < _LARGEST:
            words = repr(value) if isinstance(value, float) else "an integer of more than 64 bits"
            raise ValueError(f"{place}the check returned {words}, which is no number that can be kept")
        return value
    item = getattr(value, "item", None)
    if callable(item):
        # a number of numpy
        return plain(item(), place)
    raise TypeError(
        f"{place}a check returns true, false, a number, a text or None, not {type(value).__name__}"
    )


def failure(error: BaseException, file: str) -> dict[str, Any]:
    """An error in words, with the last line of the check's own file that it came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = lines[-1] if lines else None
    if line is None and isinstance(error, SyntaxError):
        line = error.lineno
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    name = Path(file).name
    return {"error": storable(words[:LONGEST]), "where": f"{name}:{line}" if line else name}


def read(pipe: int) -> Any:
    """The next frame; None at the end."""
    head = _bytes(pipe, LENGTH)
    return orjson.loads(_bytes(pipe, int(head, 16))) if len(head) == LENGTH else None


def write(pipe: int, value: Any) -> None:
    """Write a frame."""
    data = memoryview(frame(value))
    while data:
        data = data[os.write(pipe, data) :]


def frame(value: Any) -> bytes:
    """A frame of a value. Keys that are no texts become some, halves of characters U+FFFD."""
    try:
        data = _dumped(value)
    except TypeError:
        data = _dumped(_whole(value))
    return b"%0*x%s" % (LENGTH, len(data), data)


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def _whole(value: Any) -> Any:
    """The value with texts that can be written, and integers that are too large as texts."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    too_large = isinstance(value, int) and not -_LARGEST <= value < 2 * _LARGEST
    return str(value) if too_large else value


def _bytes(pipe: int, number: int) -> bytes:
    """So many bytes, fewer at the end."""
    parts = []
    while number and (part := os.read(pipe, min(number, 1 << 20))):
        parts.append(part)
        number -= len(part)
    return b"".join(parts)


def _moved(descriptor: int) -> int:
    """The same pipe under a number that none of this process's own descriptors comes near, drawn anew each time."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4_096 if most == resource.RLIM_INFINITY else min(most, 4_096)
    first = min(_FIRST_DESCRIPTOR, most // 2)
    return fcntl(descriptor, F_DUPFD_CLOEXEC, first + secrets.randbelow(max(1, most - first - 16)))


def _closed(*descriptors: int) -> None:
    for one in descriptors:
        with contextlib.suppress(OSError):
            os.close(one)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
