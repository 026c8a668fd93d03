"""How many times as much as what it looks at a path of JMESPath can give back: `[@, @] | [@, @]` four times. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

MOST_GROWTH = 100
_SUMS = ("multi_select_list", "multi_select_dict")
_ONE_OF = ("or_expression", "and_expression", "comparator", "not_expression")
_OF_EACH = ("map", "sort_by", "max_by", "min_by")


def growth(node: Mapping[str, Any]) -> int:
    """A bound for a parsed path: what stands side by side adds up, what is done to each or after another multiplies.

    `join`, whose result may be as long as its two texts multiplied, is bounded where it is run.
    """
    each = [growth(one) for one in node.get("children", ()) if isinstance(one, Mapping)]
    if node["type"] in _SUMS:
        return max(1, sum(each))
    if node["type"] in _ONE_OF:
        return max(each, default=1)
    if node["type"] == "function_expression" and node["value"] not in _OF_EACH:
        # a text within a text has its quotes escaped once more
        return max(1, sum(each)) * (2 if node["value"] == "to_string" else 1)
    return prod(each)
