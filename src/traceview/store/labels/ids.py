"""UUIDs of version 7 (RFC 9562): they sort by time, and within one process strictly upwards."""

from __future__ import annotations

import os
import secrets
import threading
import time

_TAIL_BITS = 74
_STEP_BYTES = 4

_lock = threading.Lock()
_last_ms = 0
_last_tail = 0


def uuid7() -> str:
    """A new id. Within one millisecond, or when the clock runs backwards, the random tail counts upwards."""
    global _last_ms, _last_tail
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last_ms:
            _last_ms = now
            _last_tail = secrets.randbits(_TAIL_BITS - 1)
        else:
            _last_tail += 1 + int.from_bytes(os.urandom(_STEP_BYTES), "big")
            if _last_tail >> _TAIL_BITS:
                _last_ms += 1
                _last_tail = secrets.randbits(_TAIL_BITS - 1)
        ms, tail = _last_ms, _last_tail
    number = (ms & (1 << 48) - 1) << 80 | 7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
