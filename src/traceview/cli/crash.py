"""A report of an unexpected error, written where the user can find it."""

from __future__ import annotations

import platform
import tempfile
import time
import traceback
from pathlib import Path

from traceview import __version__


def report_crash(error: BaseException) -> str:
    """Write the traceback of `error` to the state directory, else a temporary one; the sentence that says where."""
    from traceview.files.atomic import atomic_write
    from traceview.files.dirs import state_dir
    from traceview.model.errors import TraceviewError

    text = "".join(traceback.format_exception(error))
    header = f"traceview {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    content = (header + text).encode("utf-8", "backslashreplace")
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    for directory in (state_dir, lambda: Path(tempfile.mkdtemp(prefix="traceview-"))):
        try:
            path = atomic_write(directory() / name, content)
        except (OSError, TraceviewError):
            continue
        return f"This is a bug; the report is in {path}."
    return f"This is a bug; no report of it could be written to a file:\n{text}"
