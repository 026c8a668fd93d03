"""The user's own config.toml, and who the annotator is."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from traceview.definitions.document import Document, nearest, read_document, written_like
from traceview.files.atomic import atomic_write
from traceview.files.dirs import config_dir
from traceview.model.errors import BadInput

IMPERSONAL = frozenset(
    {
        "root",
        "admin",
        "administrator",
        "user",
        "ubuntu",
        "debian",
        "ec2-user",
        "nobody",
        "runner",
        "docker",
        "vscode",
    }
)
"""System users that are no person."""

THEME_NAMES = ("dark", "light", "high-contrast", "high-contrast-light", "mono")
TOP_LEVEL = ("annotator", "theme", "display", "keys", "consents")
DISPLAY = ("ascii",)
"""The keys of config.toml, and those of its table [display]."""


@dataclass(frozen=True)
class UserConfig:
    """config.toml of the user's config directory. `keys` maps an action id to its key or keys."""

    annotator: str | None = None
    theme: str | None = None
    ascii_signs: bool | None = None
    """`[display] ascii`; None where it says nothing."""
    keys: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    consents: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None


class AnnotatorName(Struct, frozen=True):
    """Who labels, where the name came from, and whether to ask first (root and the like)."""

    name: str
    origin: Literal["option", "environment", "config", "git", "system"]
    needs_asking: bool = False


def load_user_config() -> UserConfig:
    """Read config.toml; a missing one is empty. Raises BadInput with file and line."""
    path = config_dir() / "config.toml"
    if not path.exists():
        return UserConfig()
    document = read_document(path)
    data = document.data
    document.only(data, (), TOP_LEVEL)
    display = document.typed(data.get("display", {}), ("display",), dict, "a table like { ascii = true }")
    document.only(display, ("display",), DISPLAY)
    ascii_signs = display.get("ascii")
    if ascii_signs is not None:
        document.typed(ascii_signs, ("display", "ascii"), bool, "true or false")
    return UserConfig(
        annotator=_name(document, "annotator"),
        theme=_theme(document),
        ascii_signs=ascii_signs,
        keys=_keys(document, data.get("keys", {})),
        consents=dict(document.typed(data.get("consents", {}), ("consents",), dict, "a table")),
        path=path,
    )


def resolve_annotator(
    option: str | None = None, config: UserConfig | None = None, *, folder: Path | None = None
) -> AnnotatorName:
    """`--annotator`, TRACEVIEW_ANNOTATOR, the user's config, git's user.email (of `folder`), else the system user."""
    if option is not None:
        return AnnotatorName(checked_name(option, "--annotator"), "option")
    environment = os.environ.get("TRACEVIEW_ANNOTATOR", "")
    if environment.strip():
        return AnnotatorName(checked_name(environment, "TRACEVIEW_ANNOTATOR"), "environment")
    config = load_user_config() if config is None else config
    if config.annotator:
        return AnnotatorName(config.annotator, "config")
    email = _git_email(folder)
    if email:
        return AnnotatorName(email, "git")
    user = _system_user()
    return AnnotatorName(user, "system", user.lower() in IMPERSONAL)


def remember_annotator(name: str) -> Path:
    """Write the annotator into config.toml, comments kept; the path of the file. Raises BadInput."""
    return _remember("annotator", checked_name(name, "annotator"))


def remember_theme(name: str) -> Path:
    """Write the theme into config.toml, comments kept; the path of the file. Raises BadInput."""
    return _remember("theme", name)


def _remember(key: str, value: str) -> Path:
    import tomlkit

    path = config_dir() / "config.toml"
    document = tomlkit.parse(read_document(path).text) if path.exists() else tomlkit.document()
    if key in document or not len(document):
        document[key] = value
        text = tomlkit.dumps(document)
    else:
        # A plain key must stand before the first table.
        first = tomlkit.document()
        first[key] = value
        text = tomlkit.dumps(first) + tomlkit.dumps(document)
    try:
        return atomic_write(path, written_like(path, text))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def checked_name(name: str, where: str) -> str:
    """An annotator's name without blanks around it. Raises BadInput for an empty one or one with control characters."""
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise BadInput(f"{where}: {name!r} is not a name (printable characters, 200 at most)")
    return name


def _name(document: Document, key: str) -> str | None:
    value = document.data.get(key)
    if value is None:
        return None
    document.typed(value, (key,), str, "a text")
    try:
        return checked_name(value, key)
    except BadInput as error:
        raise document.error((key,), error.message.removeprefix(f"{key}: ")) from None


def _theme(document: Document) -> str | None:
    name = _name(document, "theme")
    if name is not None and name not in THEME_NAMES:
        raise document.error(("theme",), f"there is no theme {name!r}", nearest(name, THEME_NAMES))
    return name


def _keys(document: Document, table: Any) -> dict[str, str | Sequence[str]]:
    document.typed(table, ("keys",), dict, 'a table like { undo = "u" }')
    for action, keys in table.items():
        for key in keys if isinstance(keys, list) else [keys]:
            document.typed(key, ("keys", action), str, "a key or an array of keys")
    return dict(table)


def _git_email(folder: Path | None) -> str | None:
    """git's user.email as it holds in a folder; None without git or without one."""
    try:
        answer = subprocess.run(
            ["git", "config", "--get", "user.email"],
            cwd=folder,
            capture_output=True,
            timeout=2,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    email = answer.stdout.decode(errors="replace").strip()
    return email if email and email.isprintable() else None


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
