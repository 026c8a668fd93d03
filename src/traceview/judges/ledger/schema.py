"""The tables of a ledger. Money is in billionths of a US dollar (`nanos`), times are RFC 3339 in UTC."""

from __future__ import annotations

from traceview.store.labels.schema import Migration

APPLICATION_ID = 0x54564A4C  # "TVJL"

CALL_STATES = ("todo", "sent", "done", "failed", "unknown", "cancelled")
"""`done` was answered and paid, `failed` is known not to be paid, `unknown` may have been paid."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        (
            """
            CREATE TABLE runs (
              id TEXT NOT NULL PRIMARY KEY,
              judge TEXT NOT NULL,
              metric TEXT NOT NULL,
              judge_hash TEXT NOT NULL,
              rule_hash TEXT NOT NULL,
              model TEXT NOT NULL,
              endpoint TEXT NOT NULL,
              mode TEXT NOT NULL CHECK (mode IN ('sync', 'batch')),
              filter TEXT NOT NULL,
              started_at TEXT NOT NULL,
              ended_at TEXT,
              host TEXT NOT NULL,
              pid INTEGER NOT NULL,
              boot TEXT NOT NULL,
              heartbeat REAL NOT NULL,
              wanted TEXT NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'pause', 'stop')),
              phase TEXT NOT NULL DEFAULT 'planning',
              paused_until REAL,
              planned INTEGER NOT NULL DEFAULT 0,
              already_done INTEGER NOT NULL DEFAULT 0,
              estimate_nanos INTEGER,
              budget_nanos INTEGER,
              stopped_by TEXT,
              report TEXT
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE texts (
              hash TEXT NOT NULL PRIMARY KEY,
              body BLOB NOT NULL
            ) WITHOUT ROWID
            """,
            f"""
            CREATE TABLE calls (
              seq INTEGER PRIMARY KEY AUTOINCREMENT,
              call_key TEXT NOT NULL UNIQUE,
              run TEXT NOT NULL,
              judge TEXT NOT NULL,
              metric TEXT NOT NULL,
              judge_hash TEXT NOT NULL,
              target_kind TEXT NOT NULL CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT NOT NULL,
              trace_id TEXT,
              input_hash TEXT NOT NULL,
              repeat_no INTEGER NOT NULL,
              repeats INTEGER NOT NULL,
              created_at TEXT NOT NULL,
              state TEXT NOT NULL DEFAULT 'todo' CHECK (state IN ({", ".join(f"'{one}'" for one in CALL_STATES)})),
              attempt INTEGER NOT NULL DEFAULT 0,
              system_hash TEXT NOT NULL,
              schema_hash TEXT NOT NULL,
              user BLOB NOT NULL,
              truncated TEXT,
              injection INTEGER NOT NULL DEFAULT 0 CHECK (injection IN (0, 1)),
              worst_nanos INTEGER,
              batch TEXT,
              outcome TEXT,
              reason TEXT,
              value TEXT,
              explanation TEXT,
              evidence TEXT,
              parts TEXT,
              label TEXT
            )
            """,
            "CREATE INDEX calls_by_run ON calls (run, state, outcome, reason)",
            """
            CREATE INDEX calls_by_target
            ON calls (target_id, target_kind, judge_hash, input_hash, repeat_no)
            """,
            "CREATE INDEX calls_to_score ON calls (judge_hash) WHERE state = 'done' AND label IS NULL",
            "CREATE INDEX calls_by_label ON calls (label) WHERE label IS NOT NULL",
            "CREATE INDEX calls_unknown ON calls (judge) WHERE state IN ('sent', 'unknown')",
            """
            CREATE TABLE attempts (
              call_key TEXT NOT NULL,
              attempt INTEGER NOT NULL,
              run TEXT NOT NULL,
              sent_at TEXT NOT NULL,
              done_at TEXT,
              max_tokens INTEGER NOT NULL,
              reserved_nanos INTEGER,
              nanos INTEGER,
              status INTEGER,
              failure TEXT,
              message TEXT,
              request_id TEXT,
              model TEXT,
              input_tokens INTEGER,
              cache_read_tokens INTEGER,
              cache_write_tokens INTEGER,
              output_tokens INTEGER,
              seconds REAL,
              reply BLOB,
              PRIMARY KEY (call_key, attempt)
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE spend (
              scope TEXT NOT NULL PRIMARY KEY,
              nanos INTEGER NOT NULL
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE batches (
              name TEXT NOT NULL PRIMARY KEY,
              run TEXT NOT NULL,
              endpoint TEXT NOT NULL,
              created_at TEXT NOT NULL,
              calls INTEGER NOT NULL,
              id TEXT,
              state TEXT NOT NULL DEFAULT 'creating' CHECK (state IN ('creating', 'created', 'read', 'lost'))
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE looked_at (
              judge_hash TEXT NOT NULL,
              target_id TEXT NOT NULL,
              fingerprint TEXT NOT NULL,
              PRIMARY KEY (judge_hash, target_id)
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        2,
        (
            """
            CREATE TABLE failures (
              judge_hash TEXT NOT NULL,
              target_kind TEXT NOT NULL CHECK (target_kind IN ('span', 'trace', 'thread')),
              target_id TEXT NOT NULL,
              trace_id TEXT NOT NULL,
              judge TEXT NOT NULL,
              reason TEXT NOT NULL,
              message TEXT NOT NULL,
              failed_at TEXT NOT NULL,
              PRIMARY KEY (judge_hash, target_kind, target_id, trace_id)
            ) WITHOUT ROWID
            """,
        ),
    ),
    # the scopes that a reservation is in, as a JSON list: another run, or another day, may settle it
    Migration(3, ("ALTER TABLE attempts ADD COLUMN scopes TEXT",)),
    # whether a batch was sent, and the reply with its id was lost
    Migration(4, ("ALTER TABLE batches ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0",)),
)
"""Every step from an empty file, in order."""
