"""Who works on a run, and whether that process still lives."""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

BEAT_SECONDS = 0.5
STALE_SECONDS = 60.0
"""How long a process of another machine, which cannot be looked for, counts as alive without a sign of life."""

_PROCESS_START = 19
"""The place of `starttime` in /proc/PID/stat behind the name of the program (field 22 of proc(5))."""


class Lease(Struct, frozen=True):
    """A process: the machine, its number, and what tells it from another one with this number."""

    host: str
    pid: int
    boot: str

    @classmethod
    def own(cls) -> Lease:
        """That of this process."""
        return cls(platform.node(), os.getpid(), _boot_and_start(os.getpid()))


def is_alive(run: Mapping[str, Any], now: float | None = None) -> bool:
    """Whether the process of a run's row (`host, pid, boot, heartbeat`) still works on it."""
    if run["host"] != platform.node():
        return (time.time() if now is None else now) - float(run["heartbeat"]) < STALE_SECONDS
    pid = int(run["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _boot_and_start(pid) == str(run["boot"])


def _boot_and_start(pid: int) -> str:
    """The boot of this machine and the start of a process in it, as far as the system tells."""
    boot = f"{uuid.getnode():x}"
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = ""
    with suppress(OSError, IndexError):
        # the name of the program may have blanks and brackets in it
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_PROCESS_START]
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            start = "zombie"
    return f"{boot}:{start}"
