"""The user's own config.toml, and who the annotator is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class UserConfig:
    """config.toml of the user's config directory. `keys` maps an action id to its key or keys."""

    annotator: str | None = None
    theme: str | None = None
    keys: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class AnnotatorName:
    """Who labels, where the name came from, and whether to ask first (root and the like)."""

    name: str
    origin: Literal["option", "environment", "config", "git", "system"]
    needs_asking: bool = False


def load_user_config() -> UserConfig:
    """Read config.toml; a missing one is empty. Raises BadInput with file and line."""
    raise NotImplementedError


def resolve_annotator(option: str | None = None, config: UserConfig | None = None) -> AnnotatorName:
    """`--annotator`, TRACEVIEW_ANNOTATOR, the user's config, git's user.email, else the system user."""
    raise NotImplementedError


def remember_annotator(name: str) -> Path:
    """Write the annotator into config.toml, comments kept; the path of the file."""
    raise NotImplementedError
