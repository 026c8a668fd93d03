"""Links of a span to spans that are not its parent, as its writer stored them."""

from __future__ import annotations

import json
from typing import Any

Link = dict[str, Any]


def links_in(stored: Any) -> list[Link]:
    """The links of a span's canonical column, JSON of {trace_id, span_id, attributes}; what is none is left out."""
    try:
        found = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return []
    listed = found if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, dict) and (one.get("trace_id") or one.get("span_id"))]


def kind_of(link: Link) -> str:
    """What a link says that it is: `follows from`, else `link`."""
    attributes = link.get("attributes")
    told = attributes.get("reference") if isinstance(attributes, dict) else None
    return str(told).replace("_", " ").lower() if told else "link"
