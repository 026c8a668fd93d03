"""The tools that a call was offered, out of the attributes in which writers of traces keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from traceview.sources.jsontext import decoded

TOOL_KEYS = ("tools", "llm.tools", "gen_ai.tool.definitions", "gen_ai.request.tools", "gen_ai.agent.tools")
"""The attributes that hold the tools a call was offered."""

NUMBERED_TOOL = re.compile(
    r"(?:llm\.tools|llm\.request\.functions|gen_ai\.tool\.definitions)\.(\d{1,6})\."
    r"(tool\.json_schema|name|description|parameters|input_schema)"
)
"""OpenInference's and OpenLLMetry's keys of one tool."""

_LONGEST = 1_000_000
_NAMES = ("name", "function", "tool", "tool.json_schema", "toolSpec")


def offered_tool_names(attributes: Mapping[str, Any]) -> list[str]:
    """Their names in order; empty where none are recorded."""
    for key in TOOL_KEYS:
        value = attributes.get(key)
        if isinstance(value, str) and value[:1] == "[" and len(value) < _LONGEST:
            value = decoded(value)
        if isinstance(value, list) and value:
            return [name for name in map(_name, value) if name]
    found: dict[int, str] = {}
    for key, value in attributes.items():
        match = (
            NUMBERED_TOOL.fullmatch(key)
            if "tools." in key or "functions." in key or ".definitions." in key
            else None
        )
        if match is not None and match[2] in ("name", "tool.json_schema") and (name := _name(value)):
            found.setdefault(int(match[1]), name)
    return [found[number] for number in sorted(found)]


def _name(tool: object) -> str:
    """The name in a tool's description, in any of the shapes that writers use."""
    if isinstance(tool, str):
        if tool[:1] == "{" and len(tool) < _LONGEST:
            parsed = decoded(tool)
            return _name(parsed) if isinstance(parsed, dict) else ""
        return tool
    if isinstance(tool, Mapping):
        for key in _NAMES:
            if key in tool:
                return _name(tool[key])
    return ""
