"""The filter language: text to a typed syntax tree and back, completions, errors with a column."""

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
