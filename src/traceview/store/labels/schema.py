"""The tables of a label file, and how an older file becomes a newer one."""

from __future__ import annotations

from msgspec import Struct

from traceview.model.datasets import ITEM_ORIGINS
from traceview.model.sessions import SESSION_EVENTS
from traceview.model.splits import SPLITS
from traceview.model.verdict_notes import VERDICT_NOTE_KINDS

_ONE_OF_SPLITS = ", ".join(f"'{split}'" for split in SPLITS)

APPLICATION_ID = 0x54564C42  # "TVLB"

COLUMNS = (
    "seq, id, target_kind, target_id, trace_id, name, value, source, annotator, reason, blind, session, "
    "definition_hash, created_at, op, ref, action_id"
)

SESSION_TABLES: dict[str, str] = {
    "sessions": (
        "id, name, annotator, created_at, kind, rule, seed, filter, blind, fresh, definitions, required, size, "
        "chosen_from"
    ),
    "session_items": "session, position, target_kind, target_id, trace_id, probability, reason, repeat_of",
    "session_events": "id, session, kind, created_at, position, action_id",
}
"""The tables of annotation sessions and their columns; the key of each comes first."""

DATASET_TABLES: dict[str, str] = {
    "datasets": "id, name, version, annotator, created_at, note, filter, split, seed, source, size",
    "dataset_items": (
        "dataset, position, item, origin, target_kind, target_id, trace_id, split, labels, content_hash, input, "
        "expected, must_pass"
    ),
}
"""The tables of frozen data sets and their columns; the key of each comes first."""

SPLIT_TABLES: dict[str, str] = {
    "splits": "id, thread_id, trace_id, split, name, value, created_at",
    "looks": "id, judge, judge_hash, split, annotator, items, created_at",
}
"""Splits of threads for judges and looks at them, with their columns; the key of each comes first."""

NOTE_TABLES: dict[str, str] = {
    "verdict_notes": (
        "id, judge, judge_hash, metric, definition_hash, target_kind, target_id, trace_id, kind, text, annotator, "
        "created_at"
    ),
}
"""What people say of judges' verdicts, with its columns."""

ADDED_TABLES = SESSION_TABLES | DATASET_TABLES | SPLIT_TABLES | NOTE_TABLES
"""Every table beside the labels whose rows are only ever added."""

CURRENT_SELECT = f"""
SELECT {COLUMNS} FROM (
  SELECT {COLUMNS}, row_number() OVER (
    PARTITION BY target_kind, target_id, trace_id, name, source, annotator ORDER BY created_at DESC, id DESC
  ) AS place
  FROM labels AS done
  WHERE op IN ('set', 'clear') AND coalesce((
    SELECT later.op FROM labels AS later WHERE later.ref = done.id
    ORDER BY later.created_at DESC, later.id DESC LIMIT 1
  ), 'redo') <> 'undo'
) WHERE place = 1 AND op = 'set'
"""
"""Current rows: per key the last row by (created_at, id) that is not undone, unless it clears the value.

A row is undone if the last undo or redo that refers to it is an undo.
"""


class Migration(Struct, frozen=True):
    """The step to a version: statements that run in one transaction."""

    version: int
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        (
            """
            CREATE TABLE labels (
              seq INTEGER PRIMARY KEY AUTOINCREMENT,
              id TEXT NOT NULL UNIQUE,
              target_kind TEXT NOT NULL CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT NOT NULL,
              trace_id TEXT,
              name TEXT NOT NULL,
              value TEXT,
              source TEXT NOT NULL CHECK (source IN ('human', 'judge', 'code', 'agent', 'user', 'import')),
              annotator TEXT NOT NULL,
              reason TEXT,
              blind INTEGER NOT NULL DEFAULT 0 CHECK (blind IN (0, 1)),
              session TEXT,
              definition_hash TEXT,
              created_at TEXT NOT NULL,
              op TEXT NOT NULL DEFAULT 'set' CHECK (op IN ('set', 'clear', 'undo', 'redo')),
              ref TEXT,
              action_id TEXT,
              imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1)),
              CHECK ((op = 'set') = (value IS NOT NULL)),
              CHECK ((op IN ('undo', 'redo')) = (ref IS NOT NULL))
            )
            """,
            """
            CREATE INDEX labels_by_key
            ON labels (target_id, target_kind, trace_id, name, source, annotator, created_at, id)
            """,
            "CREATE INDEX labels_by_trace ON labels (trace_id) WHERE target_kind = 'span'",
            "CREATE INDEX labels_by_ref ON labels (ref, created_at, id, op) WHERE ref IS NOT NULL",
            "CREATE INDEX labels_by_actor ON labels (source, annotator, seq) WHERE imported = 0",
            """
            CREATE TRIGGER labels_never_change BEFORE UPDATE ON labels
            BEGIN SELECT RAISE(ABORT, 'labels are only ever added'); END
            """,
            """
            CREATE TRIGGER labels_never_go BEFORE DELETE ON labels
            BEGIN SELECT RAISE(ABORT, 'labels are only ever added'); END
            """,
            # FAIL, and OR FAIL in the one statement that inserts: with ABORT SQLite keeps a journal of every
            # statement, and a thousand rows take three times as long.
            """
            CREATE TRIGGER labels_never_replaced BEFORE INSERT ON labels
            WHEN EXISTS (SELECT 1 FROM labels WHERE id = NEW.id)
            BEGIN SELECT RAISE(FAIL, 'a label with this id exists'); END
            """,
            f"CREATE VIEW current AS {CURRENT_SELECT}",
        ),
    ),
    Migration(
        2,
        (
            """
            CREATE TABLE sessions (
              id TEXT NOT NULL PRIMARY KEY,
              name TEXT NOT NULL,
              annotator TEXT NOT NULL,
              created_at TEXT NOT NULL,
              kind TEXT NOT NULL CHECK (kind IN ('span', 'trace', 'thread')),
              rule TEXT NOT NULL,
              seed INTEGER NOT NULL,
              filter TEXT NOT NULL,
              blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
              fresh INTEGER NOT NULL CHECK (fresh IN (0, 1)),
              definitions TEXT NOT NULL,
              required TEXT NOT NULL,
              size INTEGER NOT NULL,
              chosen_from INTEGER NOT NULL
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE session_items (
              session TEXT NOT NULL,
              position INTEGER NOT NULL,
              target_kind TEXT NOT NULL CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT NOT NULL,
              trace_id TEXT,
              probability REAL,
              reason TEXT NOT NULL,
              repeat_of INTEGER,
              PRIMARY KEY (session, position)
            ) WITHOUT ROWID
            """,
            f"""
            CREATE TABLE session_events (
              id TEXT NOT NULL PRIMARY KEY,
              session TEXT NOT NULL,
              kind TEXT NOT NULL CHECK (kind IN ({", ".join(f"'{kind}'" for kind in SESSION_EVENTS)})),
              created_at TEXT NOT NULL,
              position INTEGER,
              action_id TEXT
            )
            """,
            "CREATE INDEX session_events_by_session ON session_events (session, created_at, id)",
            "CREATE INDEX labels_by_session ON labels (session) WHERE session IS NOT NULL",
            *(
                f"""
                CREATE TRIGGER {table}_never_{word} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, 'sessions are only ever added to'); END
                """
                for table in SESSION_TABLES
                for verb, word in (("UPDATE", "change"), ("DELETE", "go"))
            ),
        ),
    ),
    Migration(
        3,
        (
            """
            CREATE TABLE datasets (
              id TEXT NOT NULL PRIMARY KEY,
              name TEXT NOT NULL,
              version INTEGER NOT NULL,
              annotator TEXT NOT NULL,
              created_at TEXT NOT NULL,
              note TEXT,
              filter TEXT NOT NULL,
              split TEXT,
              seed INTEGER NOT NULL,
              source TEXT,
              size INTEGER NOT NULL
            ) WITHOUT ROWID
            """,
            f"""
            CREATE TABLE dataset_items (
              dataset TEXT NOT NULL,
              position INTEGER NOT NULL,
              item TEXT NOT NULL,
              origin TEXT NOT NULL CHECK (origin IN ({", ".join(f"'{origin}'" for origin in ITEM_ORIGINS)})),
              target_kind TEXT CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT,
              trace_id TEXT,
              split TEXT,
              labels TEXT NOT NULL,
              content_hash TEXT NOT NULL,
              input TEXT,
              expected TEXT,
              must_pass INTEGER NOT NULL CHECK (must_pass IN (0, 1)),
              PRIMARY KEY (dataset, position)
            ) WITHOUT ROWID
            """,
            *(
                f"""
                CREATE TRIGGER {table}_never_{word} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, 'data sets are only ever added to'); END
                """
                for table in DATASET_TABLES
                for verb, word in (("UPDATE", "change"), ("DELETE", "go"))
            ),
        ),
    ),
    Migration(
        4,
        (
            f"""
            CREATE TABLE splits (
              id TEXT NOT NULL PRIMARY KEY,
              thread_id TEXT,
              trace_id TEXT,
              split TEXT NOT NULL CHECK (split IN ({_ONE_OF_SPLITS})),
              name TEXT NOT NULL,
              value TEXT NOT NULL,
              created_at TEXT NOT NULL,
              CHECK ((thread_id IS NULL) <> (trace_id IS NULL))
            ) WITHOUT ROWID
            """,
            f"""
            CREATE TABLE looks (
              id TEXT NOT NULL PRIMARY KEY,
              judge TEXT NOT NULL,
              judge_hash TEXT NOT NULL,
              split TEXT NOT NULL CHECK (split IN ({_ONE_OF_SPLITS})),
              annotator TEXT NOT NULL,
              items INTEGER NOT NULL,
              created_at TEXT NOT NULL
            ) WITHOUT ROWID
            """,
            *(
                f"""
                CREATE TRIGGER {table}_never_{word} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, 'splits and looks are only ever added'); END
                """
                for table in SPLIT_TABLES
                for verb, word in (("UPDATE", "change"), ("DELETE", "go"))
            ),
        ),
    ),
    Migration(
        5,
        (
            f"""
            CREATE TABLE verdict_notes (
              id TEXT NOT NULL PRIMARY KEY,
              judge TEXT NOT NULL,
              judge_hash TEXT NOT NULL,
              metric TEXT NOT NULL,
              definition_hash TEXT,
              target_kind TEXT NOT NULL CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT NOT NULL,
              trace_id TEXT,
              kind TEXT NOT NULL CHECK (kind IN ({", ".join(f"'{kind}'" for kind in VERDICT_NOTE_KINDS)})),
              text TEXT NOT NULL,
              annotator TEXT NOT NULL,
              created_at TEXT NOT NULL
            ) WITHOUT ROWID
            """,
            *(
                f"""
                CREATE TRIGGER {table}_never_{word} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, 'notes on verdicts are only ever added'); END
                """
                for table in NOTE_TABLES
                for verb, word in (("UPDATE", "change"), ("DELETE", "go"))
            ),
        ),
    ),
)
"""Every step from an empty file, in order."""
