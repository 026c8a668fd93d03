"""The filter language: text to a typed syntax tree and back, completions, errors with a column.

Names are loaded when they are used, so that `traceview.filters.ast` alone costs no parser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceview.filters.ast import Node, all_of, any_of, walk
    from traceview.filters.completion import Completion, complete
    from traceview.filters.errors import FilterError
    from traceview.filters.parser import parse
    from traceview.filters.printer import quote_value, to_text

__all__ = [
    "Completion",
    "FilterError",
    "Node",
    "all_of",
    "any_of",
    "complete",
    "parse",
    "quote_value",
    "to_text",
    "walk",
]

_HOMES = {
    "Completion": "completion",
    "FilterError": "errors",
    "Node": "ast",
    "all_of": "ast",
    "any_of": "ast",
    "complete": "completion",
    "parse": "parser",
    "quote_value": "printer",
    "to_text": "printer",
    "walk": "ast",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
