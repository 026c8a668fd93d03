"""What input and output are, where a writer has one of each whatever the kind of a span."""

from __future__ import annotations

from traceview.sources.dialects.base import Fields
from traceview.sources.messages import canonical


def spoken(name: str, fields: Fields) -> None:
    """Give a model call its messages, a tool span called `name` what went in and came out of it."""
    if fields.get("kind") == "llm":
        fields["input_messages"] = canonical(fields.get("input"), "user")
        fields["output_messages"] = canonical(fields.get("output"), "assistant")
    elif fields.get("kind") == "tool":
        fields["tool_name"] = name
        fields["tool_args"] = fields.get("input")
        fields["tool_result"] = fields.get("output")
