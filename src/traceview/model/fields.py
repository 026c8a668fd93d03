"""The fields of filters, columns, sorting and `--by`: one registry, as plain data.

A field has the name of the command line's JSON; short forms are aliases, the first of them is the one that
filters are printed with.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from traceview.model.outcomes import OUTCOMES
from traceview.model.schema import KINDS, STATUSES

Level = Literal["traces", "threads", "spans"]
FieldType = Literal[
    "text", "enum", "duration_ms", "count", "money", "time", "id", "list", "score", "fulltext", "structured"
]

ALL: tuple[Level, ...] = ("traces", "threads", "spans")
SPANS: tuple[Level, ...] = ("spans",)
TRACES: tuple[Level, ...] = ("traces",)
TRACES_SPANS: tuple[Level, ...] = ("traces", "spans")
TRACES_THREADS: tuple[Level, ...] = ("traces", "threads")


class Field(Struct, frozen=True):
    """One field.

    `levels` are the lists on whose rows the field stands itself; on the other lists it means any span (or any
    trace) of the row. `filter` is False for columns only lists show. `choices` are the values of an enum;
    a structured field takes `name@version` or a `.key`. `columns` are the lists that can show it and sort by it.
    """

    name: str
    type: FieldType
    levels: tuple[Level, ...]
    doc: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    filter: bool = True
    columns: tuple[Level, ...] = ()

    @property
    def printed(self) -> str:
        """The name that filters are printed with: the first short form, else the name."""
        return self.aliases[0] if self.aliases else self.name


FIELDS: tuple[Field, ...] = (
    Field("trace_id", "id", TRACES_SPANS, "trace id", ("trace",), columns=TRACES_SPANS),
    Field("span_id", "id", SPANS, "span id", ("span",), columns=SPANS),
    Field("parent_id", "id", SPANS, "span id of the parent", ("parent",), columns=SPANS),
    Field("thread_id", "id", ALL, "conversation id", ("thread",), columns=ALL),
    Field(
        "name", "text", TRACES_SPANS, "name of the span; of a trace, that of its root", columns=TRACES_SPANS
    ),
    Field("kind", "enum", SPANS, "kind of span", (), KINDS, columns=SPANS),
    Field(
        "status",
        "enum",
        TRACES_SPANS,
        "a trace's status is error when any span's is",
        (),
        STATUSES,
        columns=TRACES_SPANS,
    ),
    Field("start_time", "time", ALL, "start", ("time", "start"), columns=ALL),
    Field("end_time", "time", ALL, "end", ("end",), columns=ALL),
    Field("since", "time", ALL, "started at or after a time, or not longer ago than a duration"),
    Field("until", "time", ALL, "started before the end of a time (a day, an hour) or a duration ago"),
    Field("last", "time", ALL, "started within a duration back from the newest trace"),
    Field("duration_ms", "duration_ms", ALL, "wall time", ("latency", "duration"), columns=ALL),
    Field("ttft_ms", "duration_ms", SPANS, "time to first token", ("ttft",), columns=TRACES_SPANS),
    Field("spans", "count", TRACES_THREADS, "number of spans", columns=TRACES_THREADS),
    Field("llm_calls", "count", TRACES, "model calls, each counted once", columns=TRACES),
    Field("tool_calls", "count", TRACES, "tool spans", columns=TRACES),
    Field(
        "unsourced",
        "count",
        TRACES,
        "addresses, numbers, dates, times and ids of the answer that nothing before it holds",
        columns=TRACES,
    ),
    Field("traces", "count", ("threads",), "number of traces", columns=("threads",)),
    Field(
        "errors",
        "count",
        TRACES_THREADS,
        "spans whose own status says error, ancestors included",
        columns=TRACES_THREADS,
    ),
    Field(
        "leaf_errors", "count", TRACES_THREADS, "error spans without a failing child", columns=TRACES_THREADS
    ),
    Field("error_type", "text", SPANS, "exception class or error code", columns=SPANS),
    Field("error_message", "fulltext", SPANS, "error message", ("error",), columns=SPANS),
    Field("model", "text", SPANS, "model that answered, else the one requested", columns=SPANS),
    Field("models", "list", TRACES, "models of the trace's calls", columns=TRACES),
    Field("provider", "text", SPANS, "provider of the model", columns=SPANS),
    Field("operation", "text", SPANS, "what was asked of the model or agent", columns=SPANS),
    Field("service_tier", "text", SPANS, "tier of the provider that answered", columns=SPANS),
    Field("temperature", "count", SPANS, "sampling temperature that was requested", columns=SPANS),
    Field(
        "prompt_name",
        "structured",
        SPANS,
        "prompt name, or name@version of one span",
        ("prompt",),
        columns=SPANS,
    ),
    Field("prompt_version", "text", SPANS, "prompt version", ("version",), columns=SPANS),
    Field("prompt_versions", "list", TRACES, "prompt versions of the trace, as name@version", columns=TRACES),
    Field("tokens", "count", ALL, "input and output tokens, each call counted once", columns=ALL),
    Field("input_tokens", "count", ALL, "prompt tokens including cached ones", columns=ALL),
    Field("output_tokens", "count", ALL, "completion tokens including reasoning", columns=ALL),
    Field("cache_read_tokens", "count", SPANS, "input tokens read from a cache", columns=SPANS),
    Field("cache_write_tokens", "count", SPANS, "input tokens written to a cache", columns=SPANS),
    Field("reasoning_tokens", "count", SPANS, "output tokens spent on reasoning", columns=SPANS),
    Field("cost_usd", "money", ALL, "cost in US dollars", ("cost",), columns=ALL),
    Field("uncosted", "count", TRACES_THREADS, "model calls without a known cost", columns=TRACES_THREADS),
    Field("user_id", "text", SPANS, "end user", ("user",), columns=ALL),
    Field("environment", "text", SPANS, "deployment environment", ("env",), columns=TRACES_SPANS),
    Field("service", "text", SPANS, "service that wrote the span", columns=SPANS),
    Field("release", "text", SPANS, "release or version of the application", columns=SPANS),
    Field("feature", "text", SPANS, "feature of the application", columns=SPANS),
    Field("tags", "list", SPANS, "tags", ("tag",), columns=TRACES_SPANS),
    Field("tool_name", "text", SPANS, "tool of a tool span", ("tool",), columns=SPANS),
    Field("outcome", "enum", SPANS, "status, or an answer cut off or held back", (), OUTCOMES, columns=SPANS),
    Field(
        "fallback",
        "enum",
        SPANS,
        "whether another model answered than was asked",
        (),
        ("yes", "no"),
        columns=SPANS,
    ),
    Field("finish_reason", "text", SPANS, "why the model stopped", columns=SPANS),
    Field(
        "payload_state",
        "text",
        SPANS,
        "what the recorder cut or kept only as a hash",
        ("payload",),
        columns=SPANS,
    ),
    Field("source", "text", SPANS, "importer and dialect", columns=SPANS),
    Field("duplicate_of", "id", SPANS, "span of which this one repeats the model call", columns=SPANS),
    Field("input", "fulltext", SPANS, "text of the input"),
    Field("output", "fulltext", SPANS, "text of the output"),
    Field("attr", "structured", SPANS, "an attribute: attr.KEY"),
    Field("score", "score", ALL, "a current score: score.NAME, or score.NAME.SOURCE for one source"),
    Field("label", "text", ALL, "name of a current human label, any or none"),
    Field("note", "fulltext", ALL, "text of a note, any or none"),
    Field("correction", "fulltext", ALL, "text of a correction, any or none"),
    Field("mode", "text", ALL, "failure mode, any or none"),
    Field(
        "bad",
        "text",
        ALL,
        "name of a definition with a bad value; kind, tool or name of the first bad span; any or none",
    ),
    Field("annotator", "text", ALL, "who gave a current score"),
    Field("session", "text", ALL, "annotation session that holds the row", ()),
    Field("signal", "text", ALL, "implicit signal found in the trace"),
    Field(
        "scores", "structured", ALL, "current scores by name, source and annotator", filter=False, columns=ALL
    ),
    Field("input_preview", "text", TRACES, "beginning of the input", filter=False, columns=TRACES),
    Field("output_preview", "text", TRACES, "beginning of the output", filter=False, columns=TRACES),
    Field(
        "first_input", "text", ("threads",), "first input of the thread", filter=False, columns=("threads",)
    ),
    Field(
        "last_output", "text", ("threads",), "last output of the thread", filter=False, columns=("threads",)
    ),
)

FIELD_BY_NAME: dict[str, Field] = {name: field for field in FIELDS for name in (field.name, *field.aliases)}
"""Fields by name and by every short form."""

FILTER_NAMES: tuple[str, ...] = tuple(
    name for field in FIELDS if field.filter for name in (field.name, *field.aliases)
)
"""Every name that a filter may use, short forms included."""


def fields_of(level: Level) -> tuple[Field, ...]:
    """The fields that stand on the rows of a list."""
    return tuple(field for field in FIELDS if level in field.levels)


def columns_of(level: Level) -> tuple[Field, ...]:
    """The fields that a list can show and sort by."""
    return tuple(field for field in FIELDS if level in field.columns)


def column_name(level: Level, name: str) -> str | None:
    """The canonical name of a column of a list, from any short form; None if there is none of that name.

    `attr.KEY`, `score.NAME` and `score.NAME.SOURCE` are columns with any key and name.
    """
    head, _, rest = name.partition(".")
    if head in ("attr", "score") and rest.strip() and name.isprintable():
        return name
    field = FIELD_BY_NAME.get(name)
    return field.name if field is not None and level in field.columns else None
