"""Bytes of a file whatever it was compressed with, or written in UTF-16; its first bytes tell it, not its name."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from traceview.sources.gzip_stream import GzipStream

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Compression = Literal["gzip", "zstd", "UTF-16"] | None

HEAD_BYTES = 256 * 1024
"""How much of a file is looked at to find out what it is."""

_PIECE_BYTES = 32 * 1024
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def compression_of(start: bytes) -> Compression:
    """The compression whose magic bytes a file starts with; UTF-16 (of PowerShell, Excel) counts as one."""
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(_UTF_16):
        return "UTF-16"
    return "zstd" if start.startswith(_ZSTD) else None


def open_bytes(path: Path, compression: Compression) -> IO[bytes]:
    """The decompressed bytes of a file, buffered. Raises OSError; reading a torn stream raises EOFError or OSError."""
    if compression == "gzip":
        return GzipStream(path)
    if compression == "zstd":
        import pyarrow as pa

        return io.BufferedReader(
            _Pieces(pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd")), 1 << 20
        )
    if compression == "UTF-16":
        return io.BufferedReader(_Utf8(path), 1 << 20)
    # lines of hundreds of kilobytes are common
    return path.open("rb", buffering=1 << 20)


class _Utf8(io.RawIOBase):
    """A text in UTF-16 as UTF-8; what is no character is replaced."""

    def __init__(self, path: Path) -> None:
        self._text = path.open(encoding="utf-16", errors="replace", newline="")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as view:
            self._left = self._left or self._text.read(_PIECE_BYTES).encode("utf-8", "replace")
            piece, self._left = self._left[: len(view)], self._left[len(view) :]
            view[: len(piece)] = piece
            return len(piece)

    def close(self) -> None:
        self._text.close()
        super().close()


class _Pieces(io.RawIOBase):
    """A stream read in small pieces: of one that is torn, what comes before the piece that fails is had."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as view:
            piece = self._stream.read(min(len(view), _PIECE_BYTES))
            view[: len(piece)] = piece
            return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


def read_head(path: Path, compression: Compression, size: int) -> bytes:
    """Up to `size` decompressed bytes; of a torn stream what can be had. Raises OSError if the file cannot be read."""
    if compression is None:
        with path.open("rb") as plain:
            return plain.read(size)
    pieces: list[bytes] = []
    have = 0
    try:
        with open_bytes(path, compression) as stream:
            while have < size and (piece := stream.read(min(16384, size - have))):
                pieces.append(piece)
                have += len(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    except OSError:
        if not pieces and compression != "zstd":
            raise
    return b"".join(pieces)
