"""A report of an unexpected error, written where the user can find it."""

from __future__ import annotations

import platform
import time
import traceback

from traceview import __version__


def report_crash(error: BaseException) -> str:
    """Write the traceback of `error` to the state directory; the sentence that says where it is."""
    from traceview.files.atomic import atomic_write
    from traceview.files.dirs import state_dir

    text = "".join(traceback.format_exception(error))
    header = f"traceview {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    path = state_dir() / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        atomic_write(path, (header + text).encode())
    except OSError:
        return f"The report could not be written to {path}:\n{text}"
    return f"This is a bug; the report is in {path}."
