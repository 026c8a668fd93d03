"""Annotation sessions in the label file: added, listed, read; nothing of them is ever changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import fields, replace

from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import Session, SessionEvent, SessionEventKind, SessionItem, SessionPlace
from traceview.store.labels import rows as codec
from traceview.store.labels import schema
from traceview.store.labels.added import insertions, merge_added
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

_INSERTS = insertions(schema.SESSION_TABLES)


def add_session(store: LabelStore, session: Session, items: Sequence[SessionItem]) -> Session:
    """Write a session with all of its places in one transaction; the session as stored, with id and time.

    Raises Unsaved.
    """
    stored = replace(
        session,
        id=session.id or uuid7(),
        created_at=session.created_at or codec.now(),
        size=len(items),
    )

    def job(transaction: WriteTransaction) -> None:
        transaction.connection.execute(_INSERTS["sessions"], _session_row(stored))
        transaction.connection.executemany(
            _INSERTS["session_items"], [_item_row(stored.id, item) for item in items]
        )

    store.transact(job).result()
    return stored


def add_event(
    transaction: WriteTransaction,
    kind: SessionEventKind,
    session: str,
    position: int | None = None,
    action_id: str | None = None,
) -> None:
    """Note, inside a transaction, that something happened in a session."""
    event = (uuid7(), session, kind, codec.now(), position, action_id)
    transaction.connection.execute(_INSERTS["session_events"], event)


def note_label(transaction: WriteTransaction, place: SessionPlace | None, rows: Sequence[LabelRow]) -> None:
    """Note that rows of one action were written at a place; nothing without a place or a row."""
    if place is not None and rows:
        add_event(transaction, "labelled", place.session, place.position, rows[0].action_id)


def sessions(store: LabelStore, *, annotator: str | None = None) -> tuple[Session, ...]:
    """Every session (of one annotator), the oldest first."""
    condition, given = ("WHERE annotator = ?", (annotator,)) if annotator is not None else ("", ())
    columns = schema.SESSION_TABLES["sessions"]
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM sessions {condition} ORDER BY created_at, id", given
        ).fetchall()
    return tuple(map(_session, rows))


def items(store: LabelStore, session: str) -> tuple[SessionItem, ...]:
    """The places of a session in order."""
    columns = schema.SESSION_TABLES["session_items"]
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM session_items WHERE session = ? ORDER BY position", (session,)
        ).fetchall()
    return tuple(
        SessionItem(position, Target(kind, id, trace_id), probability, reason, repeat_of)
        for _, position, kind, id, trace_id, probability, reason, repeat_of in rows
    )


def events(
    store: LabelStore, session: str | None = None, *, kinds: Iterable[SessionEventKind] = ()
) -> tuple[SessionEvent, ...]:
    """What happened in a session, or in all, in order of time; only these kinds, if any are given."""
    wanted = tuple(kinds)
    conditions = ["session = ?"] if session is not None else []
    conditions += [f"kind IN ({', '.join('?' * len(wanted))})"] if wanted else []
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    given = (*(() if session is None else (session,)), *wanted)
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT id, session, kind, created_at, position, action_id FROM session_events {where} "
            "ORDER BY created_at, id",
            given,
        ).fetchall()
    return tuple(SessionEvent(*row) for row in rows)


def session_rows(store: LabelStore, session: str) -> tuple[LabelRow, ...]:
    """Every label row that was given in a session and every undo and redo of one, in order of time."""
    names = schema.COLUMNS
    with store.reading() as connection:
        rows = connection.execute(
            f"""
            SELECT {names} FROM labels WHERE session = ?1 OR ref IN (SELECT id FROM labels WHERE session = ?1)
            ORDER BY created_at, id
            """,
            (session,),
        ).fetchall()
    return tuple(map(codec.from_db, rows))


def own_rows(store: LabelStore, session: Session) -> tuple[LabelRow, ...]:
    """Every row of a session's annotator on its targets, whenever it was given, in order of time."""
    return _rows_on_targets(store, session, "l.annotator = ?", session.annotator)


def rows_before(store: LabelStore, session: Session) -> tuple[LabelRow, ...]:
    """Every row of people on a session's targets that was given before it began, in order of time."""
    return _rows_on_targets(store, session, "l.created_at < ?", session.created_at)


def _rows_on_targets(store: LabelStore, session: Session, condition: str, given: str) -> tuple[LabelRow, ...]:
    names = ", ".join(f"l.{name.strip()}" for name in schema.COLUMNS.split(","))
    with store.reading() as connection:
        rows = connection.execute(
            f"""
            SELECT {names} FROM labels l JOIN (
                SELECT DISTINCT target_kind AS kind, target_id AS id, trace_id AS trace
                FROM session_items WHERE session = ?
            ) t ON l.target_id = t.id AND l.target_kind = t.kind AND l.trace_id IS t.trace
            WHERE l.source = 'human' AND {condition} ORDER BY l.created_at, l.id
            """,
            (session.id, given),
        ).fetchall()
    return tuple(map(codec.from_db, rows))


def merge_sessions(store: LabelStore, other: Path) -> int:
    """Add the sessions of another label file that are not there yet, with places and events; how many sessions.

    Events of a session that is there already are added too. `other` is only read. Raises Unsaved, BadInput.
    """
    return merge_added(store, other, schema.SESSION_TABLES, "sessions")


_NAMES = tuple(one.name for one in fields(Session))


def _session_row(session: Session) -> tuple[Any, ...]:
    """The columns of a session: its fields in their order."""
    values = {name: getattr(session, name) for name in _NAMES}
    values |= {
        "blind": int(session.blind),
        "fresh": int(session.fresh),
        "definitions": json.dumps(dict(session.definitions), ensure_ascii=False),
        "required": json.dumps(list(session.required), ensure_ascii=False),
    }
    return tuple(values.values())


def _session(row: tuple[Any, ...]) -> Session:
    values = dict(zip(_NAMES, row, strict=True))
    values |= {
        "blind": bool(values["blind"]),
        "fresh": bool(values["fresh"]),
        "definitions": json.loads(values["definitions"]),
        "required": tuple(json.loads(values["required"])),
    }
    return Session(**values)


def _item_row(session: str, item: SessionItem) -> tuple[Any, ...]:
    target = codec.normal_target(item.target)
    return (
        session,
        item.position,
        target.kind,
        target.id,
        target.trace_id,
        item.probability,
        item.reason,
        item.repeat_of,
    )
