"""Small JSON files in which the app keeps what is only a comfort: one that is of no use is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_kept(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no file, or one that cannot be read or holds anything else."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
