"""Small files that people write, read whole: what is no file, such as a pipe that nobody fills, is not waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from traceview.model.errors import BadInput


def small_bytes(path: Path, most: int) -> bytes:
    """The bytes of a file of at most `most` bytes; links are followed.

    Raises OSError where it cannot be read, BadInput for what is no regular file (pipe, device, folder) or is larger.
    """
    _check(path, path.stat(), most)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        # Another one may stand there by now.
        _check(path, os.fstat(descriptor), most)
        data = file.read(most + 1)
    if len(data) > most:
        raise _too_large(path, len(data), most)
    return data


def _check(path: Path, found: os.stat_result, most: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise BadInput(f"cannot read {path}: it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"cannot read {path}: it is no regular file", hint="pipes and devices are not read")
    if found.st_size > most:
        raise _too_large(path, found.st_size, most)


def _too_large(path: Path, size: int, most: int) -> BadInput:
    return BadInput(f"cannot read {path}: it has {size:,} bytes, {most:,} at most")
