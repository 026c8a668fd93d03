"""`[modes]`: what a project says of its failure modes: what each is, how far its repair is, where that is tracked."""

from __future__ import annotations

from typing import Literal, cast

from msgspec import Struct

from traceview.definitions.document import Document, nearest

ModeStatus = Literal["open", "fixing", "fixed", "ignored"]
STATUSES: tuple[ModeStatus, ...] = ("open", "fixing", "fixed", "ignored")
_KEYS = ("description", "status", "ticket")


class FailureMode(Struct, frozen=True):
    """What is known of a failure mode beside the items that have it. `ticket` is a number or an address elsewhere."""

    name: str
    description: str = ""
    status: ModeStatus = "open"
    ticket: str = ""


def parse_modes(document: Document) -> dict[str, FailureMode]:
    """The failure modes of a file by name, in its order. Raises BadInput with file and line."""
    table = document.typed(document.data.get("modes", {}), ("modes",), dict, "tables [modes.NAME]")
    return {name: _mode(document, name, value) for name, value in table.items()}


def _mode(document: Document, name: str, value: object) -> FailureMode:
    keys = ("modes", name)
    if not name.strip() or not name.isprintable():
        raise document.error(keys, "a failure mode's name is a few printable words")
    table = document.typed(value, keys, dict, "a table with description, status, ticket")
    document.only(table, keys, _KEYS)
    texts = {key: document.typed(table.get(key, ""), (*keys, key), str, "a text in quotes") for key in _KEYS}
    status = texts["status"] or "open"
    if status not in STATUSES:
        raise document.error((*keys, "status"), f"{status!r} is no status", nearest(status, STATUSES))
    return FailureMode(name, texts["description"], cast(ModeStatus, status), texts["ticket"])
