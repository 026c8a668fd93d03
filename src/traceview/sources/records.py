"""Records of a file, whatever holds them: JSON lines, an array, pages of an API, CSV or Parquet; and what they share.

A record is a dict with the writer's own keys. `completed` makes a canonical row of what a reader found in one.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from traceview.model.messages import Document
from traceview.sources.attributes import finish
from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.bytes import open_bytes
from traceview.sources.dialects.base import Fields, as_float
from traceview.sources.documents import documents_of_output
from traceview.sources.epochs import in_nanoseconds
from traceview.sources.jsontext import as_text, cleaned, decoded, dumps
from traceview.sources.messages import canonical
from traceview.sources.otlp.documents import documents

Record = dict[str, Any]

BATCH = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_FRACTION = re.compile(r"\.\d{6}(\d{1,3})")
_FIELD_LIMIT = 1 << 31
_PAGES = ("data", "rows", "events", "traces", "observations", "runs", "spans", "items", "results")
"""Keys under which an API's page or a tool's download holds its records."""


def records(
    probe: Probe, report: ReadReport, pages: tuple[str, ...] = _PAGES
) -> Iterator[tuple[str, Record]]:
    """Every record with its place (file:line); what is none is reported.

    `pages` are the keys under which an object that is no record itself holds a list of them.
    """
    if probe.container == "parquet":
        yield from _of_parquet(probe, report)
    elif probe.container == "csv":
        yield from _of_csv(probe, report)
    else:
        for line, _, value in documents(probe, report, pages=pages):
            yield from _objects(value, f"{probe.path.name}:{line}", pages, report)


def _objects(
    value: Any, where: str, pages: tuple[str, ...], report: ReadReport
) -> Iterator[tuple[str, Record]]:
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, where, pages, report)
    elif not isinstance(value, dict):
        report.skip("not a JSON object", where)
    else:
        page = None
        if not value.keys().isdisjoint(pages):
            page = next((key for key in pages if isinstance(value.get(key), list)), None)
        if page is not None and not {"id", "span_id", "name", "info", "trace"} & value.keys():
            yield from _objects(value[page], where, pages, report)
        else:
            yield where, value


def _of_csv(probe: Probe, report: ReadReport) -> Iterator[tuple[str, Record]]:
    """The lines of a CSV text under its heading; a row with another number of cells is torn or foreign."""
    csv.field_size_limit(_FIELD_LIMIT)
    name = probe.path.name
    with open_bytes(probe.path, probe.compression) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
        head = probe.head[:4096].decode("utf-8", "replace").splitlines()
        delimiter = max(",;\t", key=(head[0] if head else "").count)
        reader = csv.reader(text, delimiter=delimiter)
        heading: list[str] | None = None
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, EOFError, OSError, zlib.error, gzip.BadGzipFile) as error:
                report.skip(f"the table breaks off: {error}", f"{name}:{reader.line_num + 1}")
                return
            if heading is None:
                heading = [cell.strip() for cell in cells]
            elif len(cells) == len(heading):
                yield f"{name}:{reader.line_num}", dict(zip(heading, cells, strict=True))
            elif cells:
                reason = f"a row of {len(cells)} cells under a heading of {len(heading)}"
                report.skip(reason, f"{name}:{reader.line_num}")


def _of_parquet(probe: Probe, report: ReadReport) -> Iterator[tuple[str, Record]]:
    """The rows of a Parquet file; times as nanoseconds, since Python's datetimes would lose them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(probe.path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                times = {
                    field.name: batch.column(field.name)
                    .cast(pa.timestamp("ns", field.type.tz))
                    .cast(pa.int64())
                    for field in batch.schema
                    if pa.types.is_timestamp(field.type)
                }
                found = batch.drop_columns(list(times)).to_pylist(maps_as_pydicts="lossy")
                lists = {name: values.to_pylist() for name, values in times.items()}
                for index, record in enumerate(found):
                    number += 1
                    for name, values in lists.items():
                        record[name] = values[index]
                    # JSON has no NaN, and what was read from JSON has none
                    yield f"{probe.path.name}:{number}", cleaned(record)
    except (pa.ArrowException, OSError) as error:
        report.skip(
            f"could not be read to its end: {str(error).splitlines()[0]}", f"{probe.path.name}:{number}"
        )


def nanoseconds(value: Any) -> int | None:
    """UTC nanoseconds of an ISO text (naive is UTC; `T` or a space), a datetime, or a whole number since the epoch.

    None for what is no time or lies outside 1970 to 2262.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        found = in_nanoseconds(value)
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        found = _since_epoch(moment)
        # what lies below a microsecond, which a datetime does not keep
        point = value.find(".") + 7
        if point > 6 and value[point : point + 1].isdecimal():
            finer = _FRACTION.search(value)
            found += int(finer[1].ljust(3, "0")) if finer is not None else 0
    elif isinstance(value, datetime):
        found = _since_epoch(value)
    else:
        return None
    return found if 0 < found < 1 << 63 else None


def _since_epoch(moment: datetime) -> int:
    since: timedelta = moment - (_EPOCH if moment.tzinfo is not None else _NAIVE_EPOCH)
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def of_seconds(value: Any) -> int | None:
    """UTC nanoseconds of a number of seconds since the epoch; None for what is none."""
    number = as_float(value)
    if number is None or not 0 < number < 9.2e9:
        return None
    # the nearest microsecond: a double has no finer digits of such a number
    return round(number * 1e6) * 1000


def text_and_messages(fields: Fields, received: Any, sent: Any) -> None:
    """Fill input and output verbatim, and for model calls their messages, from values that may be JSON text."""
    received, sent = decoded(received), decoded(sent)
    fields["input"] = as_text(received) if not _is_empty(received) else None
    fields["output"] = as_text(sent) if not _is_empty(sent) else None
    if fields.get("kind") == "llm":
        fields["input_messages"] = canonical(received, "user")
        fields["output_messages"] = canonical(sent, "assistant")
    elif fields.get("kind") == "tool":
        fields["tool_args"] = fields["input"]
        fields["tool_result"] = fields["output"]
    elif fields.get("kind") in ("retriever", "reranker"):
        fields["documents"] = [_plain(one) for one in documents_of_output(sent)]


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _plain(document: Document) -> dict[str, Any]:
    return {"id": document.id, "score": document.score, "text": document.text, "metadata": document.metadata}


def completed(fields: Fields, attributes: Mapping[str, Any]) -> CanonicalRow:
    """The canonical row: texts for people, cached tokens counted in, JSON columns as text, attributes verbatim."""
    metadata = fields.get("metadata")
    if isinstance(metadata, dict):
        fields["metadata"] = dumps(metadata) if metadata else None
    if isinstance(fields.get("events"), list):
        fields["events"] = dumps(fields["events"]) if fields["events"] else None
    row: CanonicalRow = dict(fields)
    row.setdefault("name", "")
    row.setdefault("kind", "unknown")
    row.setdefault("status", "unset")
    finish(row)
    row["attributes"] = dumps({key: value for key, value in attributes.items() if value is not None})
    return row


def batches(rows: Iterable[CanonicalRow | None], report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Rows in batches, counted; None is a record that gave none."""
    batch: list[CanonicalRow] = []
    for row in rows:
        if row is None:
            continue
        batch.append(row)
        report.spans += 1
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def texts(value: Any) -> list[str] | None:
    """A list of texts (tags) from a list or the JSON text of one; None for none."""
    value = decoded(value)
    if isinstance(value, str) and value:
        return [value]
    if not isinstance(value, list):
        return None
    return [as_text(one) or "" for one in value if one is not None] or None


def mapping_of(value: Any) -> dict[str, Any]:
    """An object, or the JSON text of one; anything else is an empty one."""
    if value.__class__ is not dict:
        value = decoded(value)
    return value if isinstance(value, dict) else {}
