"""Reads ranges of large files in a process of its own: `python -m traceview.sources.range_worker`.

A task comes on standard input and its answer goes to standard output. The end of the input, also that of a process
that was killed, ends this one.
"""

from __future__ import annotations

import os
import signal
import sys

from traceview.sources.base import ConvertedFormat, Probe, ReadReport
from traceview.sources.freed_memory import keep_freed_memory
from traceview.sources.parts import table_of
from traceview.sources.range_messages import Answer, receive, send
from traceview.sources.rare_collections import rare_collections
from traceview.sources.readers import guarded


def read_range(reader: ConvertedFormat, probe: Probe) -> Answer:
    """The rows of one range."""
    import pyarrow as pa

    report = ReadReport()
    tables = []
    for rows in guarded(reader, probe, report):
        table = table_of(rows)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        tables.append(sink.getvalue())
    return Answer(tuple(tables), report)


def main() -> None:
    """Answer tasks until there are no more."""
    # Ctrl-C reaches the whole group; who waits for the answers says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # the app goes first, and whoever writes what is read
    os.nice(5)
    keep_freed_memory()
    with rare_collections:
        while True:
            try:
                reader, probe = receive(sys.stdin.buffer)
                send(sys.stdout.buffer, read_range(reader, probe))
            except (EOFError, BrokenPipeError):
                return


if __name__ == "__main__":
    main()
