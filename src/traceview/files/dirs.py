"""The user's directories: each can be moved with an environment variable, and only the user may look inside."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from traceview.model.errors import BadInput

_APP = "traceview"


def cache_dir() -> Path:
    """What can be deleted without loss: converted sources, indexes (TRACEVIEW_CACHE_DIR)."""
    return _ensure("TRACEVIEW_CACHE_DIR", platformdirs.user_cache_dir(_APP, appauthor=False))


def config_dir() -> Path:
    """The user's config.toml (TRACEVIEW_CONFIG_DIR)."""
    return _ensure("TRACEVIEW_CONFIG_DIR", platformdirs.user_config_dir(_APP, appauthor=False))


def state_dir() -> Path:
    """Last positions and filters, crash reports (TRACEVIEW_STATE_DIR)."""
    return _ensure("TRACEVIEW_STATE_DIR", platformdirs.user_state_dir(_APP, appauthor=False))


def data_dir() -> Path:
    """Label stores of sources that lie in read-only places (TRACEVIEW_DATA_DIR)."""
    return _ensure("TRACEVIEW_DATA_DIR", platformdirs.user_data_dir(_APP, appauthor=False))


def private_dir(
    path: Path,
    *,
    hint: str = "TRACEVIEW_CACHE_DIR, TRACEVIEW_CONFIG_DIR, TRACEVIEW_STATE_DIR and TRACEVIEW_DATA_DIR name others",
) -> Path:
    """The directory, created with its parents if need be, readable by the user alone.

    A directory that was there before keeps its permissions. Raises BadInput with the hint if it cannot be made.
    """
    missing = []
    current = path
    try:
        while not current.exists():
            missing.append(current)
            current = current.parent
        for directory in reversed(missing):
            directory.mkdir(mode=0o700, exist_ok=True)
        if not path.is_dir():
            raise NotADirectoryError(20, "is a file, not a directory", str(path))
    except OSError as error:
        raise BadInput(
            f"cannot use the directory {path}: {error.strerror or error}",
            hint=hint,
        ) from error
    return path


def expanded(path: Path) -> Path:
    """The path with `~` replaced; as it stands if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _ensure(variable: str, default: str) -> Path:
    override = os.environ.get(variable)
    return private_dir(Path(override).expanduser().absolute() if override else Path(default))
