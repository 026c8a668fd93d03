"""A gzip file to its very end: of a torn one everything that can be had, and only then what is wrong.

The standard library's reader decompresses blocks ahead of what is asked for, and loses all of the block in which a file
is torn, or has something else behind it.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

_MAGIC = b"\x1f\x8b"
_READ_BYTES = 1 << 14
"""Compressed bytes at a time: small, since what is left of them is copied for every member of a file."""
_BUFFER_BYTES = 1 << 17


class GzipStream(io.BufferedReader):
    """The decompressed bytes of a file. Reading behind the last of them raises EOFError, BadGzipFile or zlib.error.

    `fileobj` is the compressed file. Raises OSError if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._members = _Members(path)
        self.fileobj = self._members.file
        super().__init__(self._members, _BUFFER_BYTES)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of every stream."""
        return self._told(super().read(size), size)

    def read1(self, size: int = -1, /) -> bytes:
        """As of every stream."""
        return self._told(super().read1(size), size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """As of every stream."""
        return self._told(super().readline(size), size)

    def _told(self, found: bytes, size: int | None) -> bytes:
        if not found and size != 0 and self._members.problem is not None:
            raise self._members.problem
        return found


class _Members(io.RawIOBase):
    """The members of a gzip file one after the other; a `problem` is the end."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.problem: Exception | None = None
        self._held = b""
        self._member: Any = None
        self._ended = False

    def readable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()

    def readinto(self, buffer: Any, /) -> int:
        """Decompressed bytes into a buffer; 0 at the end, and where something is wrong."""
        try:
            while not self._ended and self.problem is None:
                found = self._some(len(buffer))
                if found:
                    buffer[: len(found)] = found
                    return len(found)
        except (zlib.error, OSError) as error:
            self.problem = error
        return 0

    def _some(self, most: int) -> bytes:
        """Up to so many bytes; none where a member or the file ends. Raises zlib.error, OSError."""
        if not self._held:
            self._held = self.file.read(_READ_BYTES)
        if self._member is None:
            # between members there may be padding
            while self._held and not self._held.strip(b"\0"):
                self._held = self.file.read(_READ_BYTES)
            self._held = self._held.lstrip(b"\0")
            if not self._held:
                self._ended = True
                return b""
            if len(self._held) < len(_MAGIC):
                self._held += self.file.read(_READ_BYTES)
            if not self._held.startswith(_MAGIC):
                raise gzip.BadGzipFile(f"Not a gzipped file ({self._held[:2]!r})")
            self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif not self._held:
            self.problem = EOFError("Compressed file ended before the end-of-stream marker was reached")
            return b""
        found: bytes = self._member.decompress(self._held, most)
        if self._member.eof:
            self._held, self._member = self._member.unused_data, None
        else:
            self._held = self._member.unconsumed_tail
        return found
