"""A source opened: what its files are, how its tables are read, what is still to be converted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_BY_NAME, SCHEMA_VERSION
from traceview.sources.base import (
    ColumnMapping,
    ConvertedFormat,
    InPlaceFormat,
    Probe,
    ReadReport,
    ScoreFormat,
)
from traceview.sources.duckdb_file import CATALOG, has_row_ids, qualified
from traceview.sources.identity import FileIdentity
from traceview.sources.lease import Lease, leases
from traceview.sources.locate import Located, absolute, locate, shown
from traceview.sources.probe import Unreadable, probe
from traceview.sources.registry import detect
from traceview.sources.sql import identifier, literal
from traceview.sources.tabled import TabledRecords
from traceview.sources.tables import RecognisableTables, field_of

if TYPE_CHECKING:
    from typing import TypeGuard

    from traceview.sources.convert import Conversion


class SkippedInput(Struct, frozen=True):
    """Something that was not read: why, how often, and where."""

    reason: str
    count: int
    where: str | None = None


class Relation(Struct, frozen=True):
    """Tables of one layout that are read in place through one mapping.

    `files` are Parquet files (kind parquet) or the one DuckDB file (kind duckdb) with its `table`. `rows` is
    what the footers say; None for DuckDB tables.
    """

    kind: Literal["parquet", "duckdb"]
    files: tuple[Path, ...]
    mapping: ColumnMapping
    table: str | None = None
    rows: int | None = None
    view: bool = False
    """True for a view of a DuckDB file: its rows are numbered as they come, since they have no numbers of their own."""

    def scan(self, catalog: str = CATALOG) -> str:
        """The FROM clause: read_parquet([...]), or the table in the catalog the DuckDB file is attached as."""
        if self.kind == "duckdb":
            table = qualified(self.table or "", catalog)
            if self.view:
                table = f"(SELECT row_number() OVER () - 1 AS rowid, * FROM {table})"
            return self._with_shared(table, ("rowid",))
        table = f"read_parquet([{', '.join(literal(str(path)) for path in self.files)}])"
        return self._with_shared(table, ("file_row_number", "file_index", "filename"))

    def _with_shared(self, table: str, numbers: tuple[str, ...]) -> str:
        """The table with the mapping's shared columns; the columns that number rows are not part of `*`."""
        if not self.mapping.shared:
            return table
        shared = [f"{expression} AS {identifier(name)}" for name, expression in self.mapping.shared.items()]
        return f"(SELECT *, {', '.join((*numbers, *shared))} FROM {table})"

    def select(self, columns: Iterable[str], catalog: str = CATALOG) -> str:
        """SELECT of canonical columns under their names; NULL of the right type where one is missing."""
        parts = []
        for name in columns:
            expression = self.mapping.expressions.get(name, f"CAST(NULL AS {COLUMN_BY_NAME[name].type})")
            parts.append(f"{expression} AS {identifier(name)}")
        return f"SELECT {', '.join(parts)} FROM {self.scan(catalog)}"


@dataclass
class OpenedSources:
    """What `open_sources` found: tables to read in place, files to convert, what was passed over.

    `paths` are the files that are read. `identity` is a stable hash of them (path, size, mtime), the schema
    version and the mappings. `mapping_words` says which column feeds which field, in words.
    """

    arguments: tuple[str, ...]
    paths: tuple[Path, ...]
    format: str
    relations: tuple[Relation, ...]
    conversion: Conversion | None
    identity: str
    skipped: tuple[SkippedInput, ...]
    total_bytes: int
    mapping_words: Mapping[str, str] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()
    """Columns of the first table that feed no field; they are kept among the attributes."""
    score_files: tuple[tuple[ScoreFormat, Probe], ...] = ()
    """Files of scores alone, read straight into the table of scores; what they lost is in `score_report`."""
    score_report: ReadReport = field(default_factory=ReadReport)
    origins: Mapping[Path, Path] = field(default_factory=dict)
    """The file that a table in the cache was made of."""
    held: tuple[Lease, ...] = ()
    """What keeps the files of stores there as long as this is alive."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files as people know them: standard input is `-`."""
        return tuple(shown(path) for path in self.paths)


def open_sources(
    arguments: Sequence[str],
    overrides: Mapping[str, str] | None = None,
    *,
    scores_alone: bool = False,
    some_missing: bool = False,
) -> OpenedSources:
    """Locate, probe and map the arguments. Nothing is converted yet.

    `overrides` are `--map field=column` (`table` names a DuckDB table). Files that cannot be read are skipped
    and told in `skipped`, with `some_missing` also arguments that no file is found for. Raises BadInput if nothing can
    be opened, or nothing but scores unless `scores_alone`.
    """
    overrides = dict(overrides or {})
    for given in overrides:
        field_of(given)
    # before anything is listed: what a listing gives is there as long as it is read
    held = leases(path for argument in arguments for path in (Path(argument), Path(argument).parent))
    located = locate(arguments, some_missing=some_missing)
    held += leases({path.parent for path in located.files})
    tables: dict[str, list[tuple[Probe, ColumnMapping]]] = {}
    converted: dict[str, tuple[ConvertedFormat, list[Probe]]] = {}
    tabled: dict[Path, Path] = {}
    lost: list[SkippedInput] = []
    scored: list[tuple[ScoreFormat, Probe]] = []
    failures = [(absolute(argument), error) for argument, error in located.missing]
    for path in located.files:
        try:
            seen = probe(path, overrides)
            found = detect(seen, overrides)
            if isinstance(found, TabledRecords):
                made = ReadReport()
                table = found.table(seen, made)
                tabled[table.path] = path
                lost += [
                    SkippedInput(reason, made.skipped[reason], ", ".join(made.places[reason]))
                    for reason in made.skipped
                ]
                seen, found = table, RecognisableTables()
            if isinstance(found, ScoreFormat):
                scored.append((found, seen.kept()))
            elif _in_place(found):
                mapping = found.mapping(seen, overrides)
                tables.setdefault(_layout(seen, mapping), []).append((seen, mapping))
            else:
                reader = cast(ConvertedFormat, found)
                converted.setdefault(reader.name, (reader, []))[1].append(seen.kept())
        except Unreadable as error:
            failures.append((path, BadInput(f"{path} cannot be read: {error}")))
        except BadInput as error:
            failures.append((path, error))
    if not tables and not converted and not (scored and scores_alone):
        raise _only_scores(scored) if scored else _nothing(failures, located)
    if converted and not tables and any(given != "table" for given in overrides):
        raise BadInput(
            f"--map is for tables whose columns traceview does not know; {_read_as(converted.values())}",
            hint="leave it out, also under [sources] in traceview.toml; every attribute can be filtered with attr.NAME",
        )
    relations = tuple(_relation(group) for group in tables.values())
    conversion = None
    if converted:
        from traceview.sources.convert import plan_conversion

        conversion = plan_conversion(list(converted.values()))
    paths = tuple(tabled.get(path, path) for relation in relations for path in relation.files)
    paths += conversion.files if conversion else ()
    paths += tuple(seen.path for _, seen in scored)
    identities = [_identity(path) for path in sorted(paths)]
    names = [*dict.fromkeys(relation.mapping.format for relation in relations), *converted]
    names += [name for name in dict.fromkeys(reader.name for reader, _ in scored) if name not in names]
    return OpenedSources(
        arguments=tuple(arguments),
        paths=paths,
        format=", ".join(names),
        relations=relations,
        conversion=conversion,
        identity=_hash(identities, relations, names),
        skipped=(*_skipped(failures, located), *lost, *_without(tables, tabled)),
        total_bytes=sum(identity.size for identity in identities),
        mapping_words=relations[0].mapping.from_columns if relations else {},
        not_read=relations[0].mapping.unmapped if relations else (),
        score_files=tuple(scored),
        origins=tabled,
        held=held,
    )


def _read_as(converted: Iterable[tuple[ConvertedFormat, Sequence[Probe]]]) -> str:
    reader, probes = next(iter(converted))
    more = f" (and {len(probes) - 1} more)" if len(probes) > 1 else ""
    return f"{shown(probes[0].path)}{more} is read as {reader.name}, whose fields it knows"


def _without(
    tables: Mapping[str, list[tuple[Probe, ColumnMapping]]], tabled: Mapping[Path, Path]
) -> Iterable[SkippedInput]:
    """The mapped fields that none of the tables has a value for, as far as was looked."""
    every = [one for group in tables.values() for one in group]
    for name in every[0][1].without if every else ():
        sentences = [mapping.without[name] for _, mapping in every if name in mapping.without]
        if len(sentences) == len(every):
            path = every[0][0].path
            yield SkippedInput(sentences[0], len(every), shown(tabled.get(path, path)))


def _only_scores(scored: Sequence[tuple[ScoreFormat, Probe]]) -> BadInput:
    names = ", ".join(shown(seen.path) for _, seen in scored[:3])
    more = f" and {len(scored) - 3} more" if len(scored) > 3 else ""
    kinds = ", ".join(dict.fromkeys(reader.name for reader, _ in scored))
    return BadInput(
        f"{names}{more}: scores ({kinds}) without the spans that they are about",
        hint="open them together with the spans: traceview open SPANS SCORES",
    )


def _in_place(found: InPlaceFormat | ConvertedFormat) -> TypeGuard[InPlaceFormat]:
    return hasattr(found, "mapping")


def _layout(seen: Probe, mapping: ColumnMapping) -> str:
    """Files with the same key are one relation: same columns, same types, same expressions."""
    own = [str(seen.path), seen.table] if seen.container == "duckdb" else []
    return json.dumps([mapping.format, list(seen.columns.items()), dict(mapping.expressions), own])


def _relation(group: list[tuple[Probe, ColumnMapping]]) -> Relation:
    first, mapping = group[0]
    files = tuple(seen.path for seen, _ in group)
    if first.container == "duckdb":
        view = not has_row_ids(first.path, first.table or "")
        return Relation("duckdb", files, mapping, first.table, view=view)
    return Relation("parquet", files, mapping, None, sum(seen.rows or 0 for seen, _ in group))


def _identity(path: Path) -> FileIdentity:
    try:
        return FileIdentity.of(path)
    except OSError as error:
        raise BadInput(f"{path} vanished while it was opened: {error.strerror}") from error


def _hash(identities: list[FileIdentity], relations: Sequence[Relation], names: list[str]) -> str:
    told = [
        SCHEMA_VERSION,
        names,
        [[identity.path, identity.size, identity.mtime_ns] for identity in identities],
        [
            [relation.table, dict(relation.mapping.expressions), dict(relation.mapping.shared)]
            for relation in relations
        ],
    ]
    return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _nothing(failures: list[tuple[Path, BadInput]], located: Located) -> BadInput:
    if len(failures) == 1 and not located.ignored:
        return failures[0][1]
    told = [error.message for _, error in failures[:5]]
    if len(failures) > 5:
        told.append(f"... and {len(failures) - 5} more")
    told += [f"ignored: {count} {reason}" for reason, count in located.ignored.items()]
    return BadInput(
        f"none of {len(failures)} sources can be opened:\n  " + "\n  ".join(told), hint=failures[0][1].hint
    )


def _skipped(failures: list[tuple[Path, BadInput]], located: Located) -> Iterable[SkippedInput]:
    given = {id(error): argument for argument, error in located.missing}
    for path, error in failures:
        name = given.get(id(error), str(path))
        reason = error.message.removeprefix(f"{name}: ").removeprefix(f"{name} ")
        yield SkippedInput(reason, 1, str(path))
    for reason, count in sorted(located.ignored.items()):
        yield SkippedInput(reason, count)
