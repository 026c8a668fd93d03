"""Files of scores into a store: kept as lines beside the parts, each score once."""

from __future__ import annotations

import hashlib

from traceview.ingest.directory import StoreDirectory
from traceview.sources.base import Probe, ReadReport, ScoreFormat
from traceview.sources.parts import no_space
from traceview.sources.store_scores import lines_of


class ScoreWriter:
    """Writes the scores of files into a store. Memory: about 60 bytes a score of the store."""

    def __init__(self, store: StoreDirectory) -> None:
        self._store = store
        self._known: set[bytes] = set()
        for path in store.score_files():
            with path.open("rb") as stream:
                self._known.update(_digest(line) for line in stream)

    def add(self, reader: ScoreFormat, probe: Probe, report: ReadReport) -> tuple[int, int]:
        """Write what is new of one file; how many scores that were, and how many were there already.

        Raises BadInput if the disk is full.
        """
        new: list[bytes] = []
        already = 0
        for batch in reader.read_scores(probe, report):
            for line in lines_of(batch):
                digest = _digest(line)
                if digest in self._known:
                    already += 1
                else:
                    self._known.add(digest)
                    new.append(line)
        if new:
            try:
                self._store.publish(lambda path: path.write_bytes(b"".join(new)), "scores")
            except OSError as error:
                raise no_space(self._store.path, error, store=True) from error
        return len(new), already


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=8).digest()
