"""Which projects may send the text of traces to which endpoints: in the user's own config.toml, never in a project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from traceview.definitions.document import read_document, written_like
from traceview.definitions.user import load_user_config
from traceview.files.atomic import atomic_write
from traceview.files.dirs import config_dir
from traceview.model.errors import BadInput


def consented(folder: Path) -> tuple[str, ...]:
    """The endpoints that text of this project may be sent to. Raises BadInput."""
    table = load_user_config().consents.get(_key(folder), {})
    return tuple(table) if isinstance(table, dict) else ()


def remember_consent(folder: Path, endpoint: str) -> Path:
    """Write down that text of this project may be sent to an endpoint, with the time; the path of config.toml.

    Raises BadInput.
    """
    import tomlkit

    path = config_dir() / "config.toml"
    document = tomlkit.parse(read_document(path).text) if path.exists() else tomlkit.document()
    if not isinstance(document.get("consents"), dict):
        document["consents"] = tomlkit.table(is_super_table=True)
    consents = document["consents"]
    key = _key(folder)
    if not isinstance(consents.get(key), dict):
        consents[key] = tomlkit.table()
    consents[key][endpoint] = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return atomic_write(path, written_like(path, tomlkit.dumps(document)))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def _key(folder: Path) -> str:
    return str(folder.absolute())
