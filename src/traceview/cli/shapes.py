"""Figures of a source as the documented JSON of the command line."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from traceview.store.row_json import prompt_version
from traceview.store.source_info import SourceInfo


def info_json(info: SourceInfo) -> dict[str, Any]:
    """Source figures as `info --json` prints them."""
    from traceview.text.human import rfc3339

    return {
        "format": info.format,
        "files": list(info.files),
        "spans": info.spans,
        "traces": info.traces,
        "threads": info.threads,
        "error_spans": info.error_spans,
        "error_traces": info.error_traces,
        "leaf_errors": info.leaf_errors,
        "llm_calls": info.llm_calls,
        "spans_by_kind": info.spans_by_kind,
        "input_tokens": info.input_tokens,
        "output_tokens": info.output_tokens,
        "cost_usd": info.cost_usd,
        "cost_known_calls": info.cost_calls,
        "calls": info.calls,
        "models": list(info.models),
        "model_costs": [asdict(one) for one in info.model_costs],
        "prompt_versions": [prompt_version(pair) for pair in info.prompt_versions],
        "scores": [
            {"name": name, "source": source, "by": by, "count": count, "target": target}
            for name, source, by, count, target in info.brought
        ],
        "thread_ids": list(info.thread_ids),
        "start_time": rfc3339(info.start_ns),
        "end_time": rfc3339(info.end_ns),
        "skipped": [
            {"reason": entry.reason, "count": entry.count, "where": entry.where} for entry in info.skipped
        ],
        "mapping": info.mapping,
        "not_read": list(info.not_read),
    }
