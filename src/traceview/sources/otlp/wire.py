"""How an OTLP export request looks in protobuf's encoding, as far as is needed to recognise one.

Source: opentelemetry-proto; the Collector's file exporter puts the length of each message before it, four bytes, the
highest first, and compresses messages one by one.
"""

from __future__ import annotations

from typing import Literal

Framing = Literal["bare", "lengths"]

_ZSTD = b"\x28\xb5\x2f\xfd"
_LARGEST = 1 << 30
_RESOURCE_SPANS = b"\x0a\x12\x1a"
"""Tags of resource, scope_spans and schema_url."""
_RESOURCE = b"\x0a\x10\x1a"
"""Tags of attributes, dropped_attributes_count and entity_refs."""


def framing(head: bytes) -> Framing | None:
    """How the messages of a file lie in it, of its first bytes; None if they are no export requests of OTLP."""
    if len(head) > 4:
        size = int.from_bytes(head[:4], "big")
        body = head[4:]
        starts = body.startswith((_ZSTD, b'{"resourceSpans"', b'{"resourceLogs"'))
        if 0 < size <= _LARGEST and (starts or _is_request(body, size)):
            return "lengths"
    return "bare" if _is_request(head, None) else None


def _is_request(data: bytes, size: int | None) -> bool:
    """True if the bytes begin with resource spans whose first field fits into them."""
    if data[:1] != b"\x0a":
        return False
    outer = _varint(data, 1)
    if outer is None or (size is not None and outer[0] + outer[1] > size) or outer[0] < 2:
        return False
    length, start = outer
    end = start + length
    if start >= len(data) or data[start] not in _RESOURCE_SPANS:
        return False
    inner = _varint(data, start + 1)
    if inner is None or inner[1] + inner[0] > end:
        return False
    if data[start] != 0x0A or inner[0] == 0:
        return True
    # an attribute of the resource: a pair whose key is a text
    if inner[1] >= len(data) or data[inner[1]] not in _RESOURCE:
        return False
    pair = _varint(data, inner[1] + 1)
    if data[inner[1]] != 0x0A or pair is None:
        return pair is not None
    key = _varint(data, pair[1] + 1) if data[pair[1] : pair[1] + 1] == b"\x0a" else None
    return key is not None and key[0] <= pair[0] and data[key[1] : key[1] + min(key[0], 64)].isascii()


def _varint(data: bytes, position: int) -> tuple[int, int] | None:
    """A number in seven bits a byte, and where what follows begins; None if it does not end within five bytes."""
    number = 0
    for index in range(5):
        if position + index >= len(data):
            return None
        byte = data[position + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, position + index + 1
    return None
