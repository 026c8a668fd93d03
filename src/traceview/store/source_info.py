"""What is known of a source as a whole: counts and ranges, costs by model, what was not read and why."""

from __future__ import annotations

from msgspec import Struct, field

from traceview.model.labels import TargetKind


class Skipped(Struct, frozen=True):
    """Something of the input that was not read, why, where, and how often."""

    reason: str
    count: int
    where: str | None = None


class ModelCost(Struct, frozen=True):
    """What the calls of one model cost: recorded in the source, or computed with the price of `price_of`.

    Of `calls`, `computed` were computed and `unknown` have no known cost; `cost_usd` is None where none has.
    `price_of` is the name in the price table, None if the model has no price.
    """

    model: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    computed: int
    unknown: int
    price_of: str | None


class SourceInfo(Struct, frozen=True):
    """What `traceview info` prints. `identity` is a stable hash of the files, their mapping and the schema."""

    format: str
    files: tuple[str, ...]
    identity: str
    spans: int
    traces: int
    threads: int
    error_spans: int
    error_traces: int
    leaf_errors: int
    llm_calls: int
    spans_by_kind: dict[str, int]
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    models: tuple[str, ...]
    prompt_versions: tuple[tuple[str | None, str | None, str | None], ...]
    """Name, version, and what the version was inferred from (`text`, `file`): None if it was recorded."""
    thread_ids: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None
    skipped: tuple[Skipped, ...]
    mapping: dict[str, str] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()
    calls: int = 0
    """Model calls, embeddings too, each counted once."""
    cost_calls: int = 0
    """Those of `calls` whose cost is known."""
    model_costs: tuple[ModelCost, ...] = ()
    """By model, the one with the most calls first."""
    brought: tuple[tuple[str, str, str, int, TargetKind], ...] = ()
    """Scores that stand in the source: name, source (import or user), who gave them (human, llm, ...), how many, and
    what they are on."""
