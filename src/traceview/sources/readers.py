"""The readers of files that are converted: those that belong together know each other, and none raises."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from traceview.model.errors import BadInput
from traceview.sources.base import CanonicalRow, CompanionFormat, ConvertedFormat, Probe, ReadReport


def together(work: Sequence[tuple[ConvertedFormat, Probe]], report: ReadReport) -> dict[str, ConvertedFormat]:
    """The reader of each format by its name; one whose files complete each other has looked at all of them."""
    readers = {reader.name: reader for reader, _ in work}
    for name, reader in readers.items():
        if isinstance(reader, CompanionFormat):
            probes = [probe for other, probe in work if other.name == name]
            readers[name] = reader.together(probes, report)
    return readers


def guarded(reader: ConvertedFormat, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """The batches of a reader; a file that breaks off costs only its rest."""
    where = str(probe.path)
    try:
        yield from reader.read(probe, report)
    except (EOFError, zlib.error) as error:
        report.skip(f"the compressed stream breaks off ({error})", where)
    except OSError as error:
        report.skip(f"could not be read to its end: {error.strerror or error}", where)
    except BadInput as error:
        report.skip(error.message, where)


def read_alone(work: Sequence[tuple[ConvertedFormat, Probe]]) -> frozenset[Path]:
    """The files that no other one completes."""
    by_reader: dict[str, tuple[ConvertedFormat, list[Probe]]] = {}
    for reader, probe in work:
        by_reader.setdefault(reader.name, (reader, []))[1].append(probe)
    return frozenset(
        group[0].path
        for reader, probes in by_reader.values()
        for group in (
            reader.related(probes) if isinstance(reader, CompanionFormat) else [[one] for one in probes]
        )
        if len(group) == 1
    )
