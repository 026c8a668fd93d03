"""Arrow's arrays without pandas, which pyarrow imports for the first of them: half a second of a process."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Missing(MetaPathFinder):
    """Says that pandas is not installed."""

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ImportError(fullname)


@lru_cache(maxsize=1)
def spare_pandas() -> None:
    """To be called before the first array is made; pandas can be imported afterwards, and `to_pandas` works.

    Where pandas is installed pyarrow imports it, once, to find out whether what an array is made of comes from there.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    missing = _Missing()
    sys.meta_path.insert(0, missing)
    try:
        pa.array((), pa.null())
    finally:
        sys.meta_path.remove(missing)
