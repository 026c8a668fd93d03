"""What a path finds in an object, never more than can be looked at."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MOST_FOUND = 50_000_000
"""Characters of what a path finds, each value that is no text counted as some."""
_OF_A_VALUE = 8


class TooMuch(Exception):
    """A path finds more than MOST_FOUND."""


def found(path: str, looked_at: Any) -> Any:
    """What a path finds; None where it finds nothing or does not fit what is there. Raises TooMuch."""
    from jmespath.exceptions import JMESPathError

    expression, options = _compiled(path)
    try:
        value = expression.search(looked_at, options)
    except (JMESPathError, ValueError, TypeError, RecursionError):
        return None
    if size_of(value) > MOST_FOUND:
        raise TooMuch
    return value


def size_of(value: Any, most: int = MOST_FOUND) -> int:
    """About how many characters a value has as JSON; counting ends beyond `most`."""
    size, open_ = 0, [value]
    while open_ and size <= most:
        one = open_.pop()
        size += len(one) if isinstance(one, str) else _OF_A_VALUE
        if isinstance(one, dict):
            size += sum(map(len, one))
            open_ += one.values()
        elif isinstance(one, list | tuple):
            open_ += one
    return size


@lru_cache(maxsize=256)
def _compiled(path: str) -> tuple[Any, Any]:
    import jmespath

    return jmespath.compile(path), _options()


@lru_cache(maxsize=1)
def _options() -> Any:
    from jmespath import Options, functions

    class Functions(functions.Functions):
        """Those of JMESPath; a text that is joined is no longer than what may be found."""

        @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
        def _func_join(self, separator: str, array: list[str]) -> str:
            if len(separator) * len(array) + sum(map(len, array)) > MOST_FOUND:
                raise TooMuch
            return separator.join(array)

    return Options(custom_functions=Functions())
