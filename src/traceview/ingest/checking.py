"""`store check`: is every file of a store whole, and is there anything that does not belong there?"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from traceview.files.atomic import TEMPORARY_PREFIX
from traceview.ingest.directory import ABANDONED_SECONDS, leftovers
from traceview.ingest.listen import inbox
from traceview.ingest.memory import MANIFEST, Memory
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMNS
from traceview.sources.part_names import PART_SUFFIX, covered, numbers_of
from traceview.sources.parts import check_part
from traceview.sources.stored import earlier_versions
from traceview.sources.superseding import current, superseded
from traceview.text import human

_AGAIN = f"remove it and {MANIFEST}, then import its sources again: what is there is not written twice"


class Finding(Struct, frozen=True):
    """One thing to be said of a file: `wrong` if something has to be done, else a note."""

    file: str
    wrong: bool
    what: str
    advice: str | None = None


@dataclass
class CheckReport:
    """What a store holds, and what was found."""

    store: str
    parts: int = 0
    spans: int = 0
    score_files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 if something is wrong."""
        return int(any(finding.wrong for finding in self.findings))

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {**to_builtins(self), "ok": not self.exit_code}


def check_store(path: Path, *, whole: bool = False) -> CheckReport:
    """Look at every file of a store; with `whole` every text is read too. Raises BadInput if there is no directory."""
    if not path.is_dir():
        raise BadInput(f"{path} is no directory", hint="give the directory of a store")
    report = CheckReport(str(path))
    files = sorted(one for one in path.iterdir() if one.is_file())
    read = current([one for one in files if not one.name.startswith(".")])
    good = []
    for one in read:
        report.bytes += one.stat().st_size
        if one.suffix == PART_SUFFIX:
            report.parts += 1
            problem = _part(one, whole)
            if problem is None:
                good.append(one)
                report.spans += _rows(one)
            else:
                report.findings.append(problem)
            if numbers_of(one.name) is None:
                report.findings.append(
                    Finding(one.name, False, "has a name of its own: it is read, and never merged")
                )
        elif (told := numbers_of(one.name)) is not None and told.kind == "scores":
            report.score_files += 1
            report.findings.extend(_scores(one))
        else:
            report.findings.append(Finding(one.name, True, "is no file of a store", "move it elsewhere"))
    report.findings.extend(_versions(good))
    wrong = {finding.file for finding in report.findings if finding.wrong}
    report.findings.extend(_claims([one for one in read if one.name not in wrong]))
    report.findings.extend(_rest(path, files))
    return report


def _part(path: Path, whole: bool) -> Finding | None:
    """What is wrong with a part."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    reason = check_part(path)
    if reason is not None and reason.startswith("columns are missing"):
        return Finding(path.name, True, "is another kind of Parquet file", "move it elsewhere")
    if reason is not None:
        return Finding(path.name, True, f"is torn: {reason}", _AGAIN)
    try:
        with pq.ParquetFile(path) as file:
            names = [
                one.name
                for one in COLUMNS
                if (whole or not one.payload) and one.name in file.schema_arrow.names
            ]
            rows = 0
            last = np.int64(0)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=names)
                rows += table.num_rows
                # spans without a time come last
                times = table["start_time"].cast(pa.int64()).fill_null((1 << 63) - 1).to_numpy()
                if np.any(np.diff(times, prepend=last) < 0):
                    return Finding(
                        path.name,
                        True,
                        "is not sorted by start time",
                        "import the store into a new one: traceview import STORE --to NEW",
                    )
                last = times[-1] if len(times) else last
            if rows != file.metadata.num_rows:
                return Finding(
                    path.name,
                    True,
                    f"holds {rows:,} spans, its footer says {file.metadata.num_rows:,}",
                    _AGAIN,
                )
    except (pa.ArrowException, OSError) as error:
        return Finding(path.name, True, f"is damaged: {str(error).splitlines()[0]}", _AGAIN)
    return None


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _scores(path: Path) -> Iterator[Finding]:
    broken = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            json.loads(line)
        except ValueError:
            broken.append(number)
    if broken:
        yield Finding(
            path.name, True, f"{len(broken):,} lines are no JSON, the first is line {broken[0]:,}", _AGAIN
        )


def _versions(parts: list[Path]) -> Iterator[Finding]:
    earlier = earlier_versions(parts) if parts else 0
    if earlier:
        yield Finding(
            "",
            False,
            f"{earlier:,} spans are earlier versions of others, which count",
            "traceview store compact",
        )


def _claims(read: list[Path]) -> Iterator[Finding]:
    """Files whose names stand for others that are not in them."""
    claimed: dict[Path, list[str]] = {}
    for path, over in covered(read).items():
        for one in over:
            claimed.setdefault(one, []).append(path.name)
    for one, names in claimed.items():
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        yield Finding(
            one.name,
            False,
            f"has the numbers of {names[0]}{more} in its name, not their content: all are read",
            "if it came from another store, move it there and import that one: traceview import STORE --to THIS",
        )


def _rest(path: Path, files: list[Path]) -> Iterator[Finding]:
    """What lies beside the parts: what writers left, what waits, what they remember."""
    gone = superseded(files)
    if gone:
        size = human.size(sum(one.stat().st_size for one in gone))
        yield Finding(
            "",
            False,
            f"{len(gone):,} files ({size}) were merged into others, and are not read any more",
            "the next import or compaction removes them once nobody has the store open",
        )
    for one in leftovers(path):
        if time.time() - one.stat().st_mtime > ABANDONED_SECONDS:
            yield Finding(
                one.name, False, "was left by a writer that was killed", "the next import removes it"
            )
    try:
        Memory(path)
    except BadInput as error:
        yield Finding(MANIFEST, True, error.message, error.hint)
    if (path / inbox.NAME).exists():
        yield from _inbox(path / inbox.NAME)
    for one in path.iterdir():
        if one.is_dir() and not one.name.startswith(TEMPORARY_PREFIX):
            yield Finding(
                one.name, False, "is a directory: what is in it is read too when the store is opened"
            )


def _inbox(path: Path) -> Iterator[Finding]:
    """What the receiver has acknowledged and not yet written as parts."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            waiting, failed = connection.execute(
                "SELECT count(*) - count(failed), count(failed) FROM requests"
            ).fetchone()
    except sqlite3.Error as error:
        yield Finding(path.name, True, f"cannot be read: {error}", "stop the receiver, and keep a copy of it")
        return
    if verdict != "ok":
        yield Finding(path.name, True, f"is damaged: {verdict}", "stop the receiver, and keep a copy of it")
    if waiting:
        yield Finding(
            path.name,
            False,
            f"{waiting:,} received requests wait to be written",
            "a running `listen` writes them",
        )
    if failed:
        yield Finding(path.name, False, f"{failed:,} received requests could not be read, and are kept")
