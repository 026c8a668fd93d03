"""One in-memory DuckDB instance per opened source: a cursor for every query, interrupted through a token."""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.files.dirs import cache_dir, private_dir
from traceview.files.owned import OwnedDirectory
from traceview.files.room import is_full
from traceview.model.errors import BadInput, Cancelled, NotEnoughMemory, TraceviewError
from traceview.sources.damage import damage
from traceview.sources.identity import FileIdentity
from traceview.sources.parts import no_space
from traceview.store.interface import CancelToken, Row

Answer = TypeVar("Answer")
Parameters = Sequence[Any] | dict[str, Any]

BUILDING = ".building-"
"""How the directories of unfinished work begin; each belongs to a process."""

MEMORY_LIMIT = "300MB"
"""What DuckDB may hold; the whole app stays below 500 MB."""
MORE_MEMORY = 3
"""Times as much for a query that reads texts of spans and does not fit alone: one of 20 MB takes twenty times that."""

ROOM_SECONDS = 10.0
"""How long a query that found no room waits for the others to end."""
CLOSE_SECONDS = 5.0
"""How long closing waits for interrupted queries to end."""
INTERRUPT_SECONDS = 0.005
"""Between two interrupts of a query."""


def connect(memory_limit: str = MEMORY_LIMIT, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory database that never loads extensions; `spill` is where larger sorts and joins may go."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "threads": str(max(1, min(8, os.cpu_count() or 1))),
        "memory_limit": memory_limit,
        "enable_object_cache": "true",
        "temp_directory": str(spill) if spill is not None else "",
    }
    return duckdb.connect(":memory:", config=config)


def quote(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


_FEW_ROWS = 256


@contextmanager
def friendly(files: Mapping[Path, FileIdentity | None] | None = None) -> Iterator[None]:
    """Turn DuckDB's errors into sentences for people, and an interrupt into Cancelled.

    `files` are the files that may be read, as they were: one that was replaced or is damaged is named.
    """
    files = {} if files is None else files
    try:
        yield
    except duckdb.InterruptException as error:
        raise Cancelled from error
    except duckdb.OutOfMemoryException as error:
        if is_full(cache_dir()):
            raise _no_room() from error
        raise NotEnoughMemory(
            "the query needs more memory than traceview allows itself",
            hint="narrow it with a filter or a time range (since:7d)",
        ) from error
    except duckdb.Error as error:
        if "No space left" in str(error) or "Disk quota" in str(error):
            raise _no_room() from error
        _refuse_replaced(files, error)
        if "Corrupt database file" in str(error) and not any(map(_is_duckdb, tuple(files))):
            raise BadInput(
                f"the index of this source, which traceview made in {cache_dir()}, is damaged: {first_line(error)}",
                hint="`traceview index SOURCE --drop` removes it, and the next start makes it again",
            ) from error
        damaged = damage(error, tuple(files))
        if damaged is not None:
            raise damaged from error
        raise _failed(error) from error


def _no_room() -> BadInput:
    """Only the cache is written to: it is its disk that is full."""
    return no_space(cache_dir(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def _is_duckdb(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(12)[8:] == b"DUCK"
    except OSError:
        return False


def _identity(path: Path) -> FileIdentity | None:
    try:
        return FileIdentity.of(path)
    except OSError:
        return None


def _refuse_replaced(files: Mapping[Path, FileIdentity | None], cause: BaseException) -> None:
    """Raise BadInput if one of the files is gone or another one than it was."""
    # dict(): another thread may note more files meanwhile
    for path, known in dict(files).items():
        now = _identity(path)
        if known is None or now == known:
            continue
        what = "is gone" if now is None else "was replaced"
        raise BadInput(
            f"{path} {what} since it was indexed: its texts cannot be read",
            hint="go back to the list, which takes up the new file" if now else None,
        ) from cause


def _failed(error: duckdb.Error) -> TraceviewError:
    if isinstance(error, duckdb.IOException):
        return BadInput(
            f"a file of the source cannot be read: {first_line(error)}",
            hint="was it moved, removed or rewritten? refresh, or open it again",
        )
    return TraceviewError(f"the query failed: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _plain(values: Any) -> list[Any]:
    """A column as DuckDB gives it to numpy, as a list with None for NULL."""
    absent = getattr(values, "mask", None)
    plain: list[Any] = [None] * len(values) if absent is not None and absent.all() else values.tolist()
    return plain


class _Interruption:
    """Interrupts a cursor until its block has ended: DuckDB forgets an interrupt that comes between two queries."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Interrupt now and again until `end`."""
        with self._lock:
            if self._ended.is_set():
                return
            self._cursor.interrupt()
            self._thread = threading.Thread(target=self._repeat, name="interrupt", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop; the cursor may be closed afterwards."""
        self._ended.set()
        # the token may be interrupting at this moment, in another thread
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _repeat(self) -> None:
        while not self._ended.wait(INTERRUPT_SECONDS):
            self._cursor.interrupt()


class Database:
    """The instance and its cursors; every method may be called from any thread."""

    def __init__(
        self,
        memory_limit: str = MEMORY_LIMIT,
        spill: Path | None = None,
        prices: PriceTable | None = None,
        prompt_files: PromptFiles | None = None,
    ) -> None:
        """`prices` are what calls cost whose source does not tell; the shipped ones by default.

        `prompt_files` tell the versions of prompts that a source does not name.
        """
        self.prices = prices or PriceTable()
        self.prompt_files = prompt_files or PromptFiles()
        self._memory_limit = memory_limit
        self._connection = connect(memory_limit, spill)
        # a join for every list of words in a mapping costs more than it saves, and most of all time to plan
        self._connection.execute("SET disabled_optimizers = 'in_clause'")
        self._numbers = itertools.count(1)
        self._scratch: tuple[str, OwnedDirectory] | None = None
        self._files: dict[Path, FileIdentity | None] = {}
        self._running: dict[int, duckdb.DuckDBPyConnection] = {}
        """The cursors of queries that have not ended."""
        self._closed = False
        self._fewer = threading.Condition()
        """Held around calls of the connection itself, which refuses a second one; told when a query ends."""
        self._alone = threading.Lock()

    def close(self) -> None:
        """Let go of every file: queries that run are interrupted, and none begins any more."""
        until = time.monotonic() + CLOSE_SECONDS
        with self._fewer:
            self._closed = True
            while self._running and time.monotonic() < until:
                for cursor in self._running.values():
                    cursor.interrupt()
                self._fewer.wait(INTERRUPT_SECONDS)
            if not self._running:
                self._connection.close()
        if self._scratch is not None:
            self._scratch[1].close()

    def scratch(self) -> str:
        """The catalog of a file for what would take too much memory; it is removed at the end."""
        if self._scratch is None:
            parent = private_dir(cache_dir() / "index")
            directory = OwnedDirectory(parent, BUILDING)
            catalog = self.unique("scratch")
            self.execute(f"ATTACH {text(str(directory.path / 'segments'))} AS {catalog}")
            self._scratch = (catalog, directory)
        return self._scratch[0]

    def reads(self, files: Sequence[Path]) -> None:
        """Note files that queries read, as they are now, so that a damaged or replaced one can be named."""
        self._files.update((path, _identity(path)) for path in files)

    def unique(self, prefix: str) -> str:
        """A name for a schema or catalog that was not used before."""
        return f"{prefix}{next(self._numbers)}"

    @contextmanager
    def cursor(self, token: CancelToken | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that the token interrupts. Raises Cancelled (also once this is closed), TraceviewError."""
        with self._fewer:
            if self._closed:
                raise Cancelled
            cursor = self._connection.cursor()
            self._running[id(cursor)] = cursor
        try:
            with friendly(self._files):
                if token is None:
                    yield cursor
                else:
                    interruption = _Interruption(cursor)
                    try:
                        with token.interrupting(interruption.begin):
                            yield cursor
                    finally:
                        interruption.end()
                    token.check()
        finally:
            with self._fewer:
                cursor.close()
                del self._running[id(cursor)]
                self._fewer.notify_all()

    def with_room(self, ask: Callable[[], Answer], *, large: bool = False) -> Answer:
        """The answer; a query that found no room beside others is asked again once they have ended.

        A `large` one, which reads texts of spans, then at last with more memory.
        """
        try:
            return ask()
        except NotEnoughMemory:
            with self._alone:
                with self._fewer:
                    self._fewer.wait_for(lambda: not self._running, ROOM_SECONDS)
                try:
                    return ask()
                except NotEnoughMemory:
                    if not large:
                        raise
                    with self._more_memory():
                        return ask()

    @contextmanager
    def _more_memory(self) -> Iterator[None]:
        """More memory than is allowed otherwise, while one query runs."""
        self.execute(f"SET memory_limit = '{MORE_MEMORY * int(self._memory_limit.removesuffix('MB'))}MB'")
        try:
            yield
        finally:
            with suppress(Cancelled, TraceviewError):
                # what is still in use may be more
                self.execute(f"SET memory_limit = '{self._memory_limit}'")

    def execute(self, statement: str, parameters: Parameters = (), token: CancelToken | None = None) -> None:
        """Run a statement without a result."""
        with self.cursor(token) as cursor:
            cursor.execute(statement, parameters)

    def execute_large(self, statement: str, token: CancelToken | None = None) -> None:
        """Run one statement that reads texts of any size; one that finds no room is run again with more."""
        try:
            self.execute(statement, token=token)
        except NotEnoughMemory:
            with self._more_memory():
                self.execute(statement, token=token)

    def fetch(
        self, statement: str, parameters: Parameters = (), token: CancelToken | None = None
    ) -> list[tuple[Any, ...]]:
        """All rows of a small result."""

        def ask() -> list[tuple[Any, ...]]:
            with self.cursor(token) as cursor:
                return cursor.execute(statement, parameters).fetchall()

        return self.with_room(ask)

    def rows(
        self,
        statement: str,
        parameters: Parameters = (),
        token: CancelToken | None = None,
        *,
        large: bool = False,
    ) -> list[Row]:
        """All rows of a small result as dicts by column name; `large` ones hold texts of spans."""

        def ask() -> list[Row]:
            with self.cursor(token) as cursor:
                cursor.execute(statement, parameters)
                names = [column[0] for column in cursor.description or ()]
                found: list[Row] = []
                while batch := cursor.fetchmany(1024):
                    found.extend(dict(zip(names, row, strict=True)) for row in batch)
                return found

        return self.with_room(ask, large=large)

    def columns(
        self, statement: str, parameters: Parameters = (), token: CancelToken | None = None
    ) -> dict[str, list[Any]]:
        """All rows of a result as lists by column name: a quarter of the work of rows where most columns are NULL.

        Nobody else runs while a result is taken over: ask for some thousand rows at once.
        """

        def ask() -> dict[str, list[Any]]:
            with self.cursor(token) as cursor:
                # an array for every column costs more than some rows
                few = cursor.execute(statement, parameters).fetchmany(_FEW_ROWS)
                description = cursor.description or ()
                found = cursor.fetchnumpy() if len(few) == _FEW_ROWS else {}
            columns: dict[str, list[Any]] = {name: [] for name, *_ in description}
            for values, row_values in zip(columns.values(), zip(*few, strict=True), strict=False):
                values.extend(row_values)
            nested = {name for name, kind, *_ in description if kind.id == "list"}
            for name, array in found.items():
                more = _plain(array)
                columns[name] += (
                    [None if one is None else one.tolist() for one in more] if name in nested else more
                )
            return columns

        return self.with_room(ask)

    def numbers(self, statement: str, parameters: Parameters = (), token: CancelToken | None = None) -> Any:
        """The first column of a result of integers as a numpy array."""

        def ask() -> Any:
            with self.cursor(token) as cursor:
                columns = cursor.execute(statement, parameters).fetchnumpy()
                return next(iter(columns.values()))

        return self.with_room(ask)
