"""Whether a disk has room."""

from __future__ import annotations

import os
from pathlib import Path

FULL = 64 * 1024
"""Bytes that are left where nothing more can be written, not even what SQLite needs to read."""


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for this user; False if that cannot be found out."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize < FULL
