"""Arrow's memory, kept by a process once it is free: the next part needs as much, and fresh pages cost time."""

from __future__ import annotations

import os


def keep_freed_memory() -> None:
    """Have Arrow give no memory back while this process lives; to be called before pyarrow is imported.

    For processes that end with their work: they stay at the most that they needed at a time. Source of the name: the
    options of mimalloc, Arrow's allocator.
    """
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "-1")
