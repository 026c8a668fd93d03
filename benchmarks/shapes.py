"""Writes traces of unusual shapes as Parquet files in the canonical schema: few of something, very many of another.

Usage: python -m benchmarks.shapes FOLDER [SHAPE ...]

Every shape is one file `SHAPE.parquet`; `scores` also has labels beside it. Shapes are described in `SHAPES`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import tree

BASE_NS = 1_793_000_000_000_000_000
WORDS = "the refund policy of the shop says that goods can be given back within thirty days "

CALLS = """
COPY (
    SELECT 'bench' AS source, 'trace-' || t AS trace_id, 'span-' || t || '-' || s AS span_id,
        CASE WHEN s > 0 THEN 'span-' || t || '-0' END AS parent_id,
        {thread} AS thread_id,
        CASE s WHEN 0 THEN 'support agent' WHEN 1 THEN 'chat' ELSE 'search_' || (t % 20) END AS name,
        CASE s WHEN 0 THEN 'agent' WHEN 1 THEN 'llm' ELSE 'tool' END AS kind,
        make_timestamp_ns({base} + t::BIGINT * {step} + s * 1000000) AS start_time,
        make_timestamp_ns({base} + t::BIGINT * {step}
            + (CASE s WHEN 0 THEN 900 + hash(t) % 9000 ELSE 800 END)::BIGINT * 1000000) AS end_time,
        CASE WHEN t % 50 = 7 THEN 'error' ELSE 'ok' END AS status,
        CASE WHEN t % 50 = 7 THEN 'Timeout' END AS error_type,
        CASE WHEN s = 1 THEN 'model-' || (t % 3) END AS model,
        'support' AS prompt_name, {version} AS prompt_version,
        CASE WHEN s = 1 THEN 200 + hash(t) % 900 END AS input_tokens,
        CASE WHEN s = 1 THEN 20 + hash(t) % 90 END AS output_tokens,
        CASE WHEN s = 1 THEN 0.0001 * (hash(t) % 97) END AS cost_usd,
        'u_' || (t % 5000) AS user_id,
        CASE WHEN s = 2 THEN 'search_' || (t % 20) END AS tool_name,
        'question ' || t || ': ' || repeat('{words}', {repeats}) AS input_text,
        'answer ' || t || ': ' || repeat('{words}', {repeats}) AS output_text,
        {scores} AS scores
    FROM (SELECT unnest(range({traces})) AS t), (SELECT unnest(range({spans})) AS s)
    ORDER BY t, s
) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 30720, COMPRESSION zstd)
"""
"""Traces `t` of spans `s`: the agent, a model call, a tool."""


def calls(
    path: Path,
    traces: int,
    *,
    spans: int = 3,
    thread: str = "'thread-' || (t // 3)",
    version: str = "'v' || (t % 3)",
    scores: str = "NULL::VARCHAR",
    step_ms: int = 60_000,
    repeats: int = 1,
) -> None:
    """Write traces of an agent, a model call and a tool; `thread`, `version` and `scores` are SQL over `t` and `s`."""
    import duckdb

    duckdb.connect().execute(
        CALLS.format(
            path=path,
            traces=traces,
            spans=spans,
            thread=thread,
            version=version,
            scores=scores,
            base=BASE_NS,
            step=step_ms * 1_000_000,
            words=WORDS,
            repeats=repeats,
        )
    )


def spans_of_a_trace(path: Path, count: int = 50_000) -> None:
    """One trace of so many spans."""
    tree.write(path, count)


def turns_of_a_thread(path: Path, turns: int = 2_000) -> None:
    """A thread of so many turns, each a trace of three spans with a few hundred words, among a hundred short ones."""
    calls(
        path,
        turns + 300,
        thread=f"CASE WHEN t < {turns} THEN 'the long one' ELSE 'thread-' || (t // 3) END",
        repeats=12,
    )


def line_of_text(path: Path, megabytes: float) -> None:
    """Three traces of one span; the output of the middle one is one line of words of so many megabytes."""
    import duckdb

    repeats = int(megabytes * 1e6 / (len(WORDS) + 6))
    duckdb.connect().execute(
        f"""
        COPY (
            SELECT 'bench' AS source, 'trace-' || t AS trace_id, 'span-' || t AS span_id, NULL::VARCHAR AS parent_id,
                'chat' AS name, 'llm' AS kind, make_timestamp_ns({BASE_NS} + t::BIGINT * 1000000000) AS start_time,
                make_timestamp_ns({BASE_NS} + t::BIGINT * 1000000000 + 500000000) AS end_time, 'ok' AS status,
                'thread-0' AS thread_id, 'question' AS input_text,
                'answer ' || t || ': ' || array_to_string(list_transform(
                    range(CASE WHEN t = 1 THEN {repeats} ELSE 1 END), lambda i: i || ' {WORDS}'), '') AS output_text
            FROM range(3) numbers(t)
        ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
        """
    )


def many_threads(path: Path, threads: int = 100_000) -> None:
    """So many threads, of two traces each."""
    calls(path, 2 * threads, spans=2, thread=f"'thread-' || (t % {threads})")


def many_versions(path: Path, versions: int = 5_000) -> None:
    """So many versions of a prompt, with twenty traces each, one after the other."""
    calls(path, 20 * versions, spans=2, version="'v' || (t // 20)", step_ms=10_000)


def many_scores(path: Path, names: int = 200) -> None:
    """20,000 traces; each brings the scores of five names out of so many, and people gave as many of others."""
    score = (
        '{{"name": "measure_\' || lpad(((t * 5 + {0}) % {1})::VARCHAR, 3, \'0\') || \'", "source": "code", '
        '"target": "trace", "author": "bench", "value": \' || ((hash(t + {0}) % 100) / 100.0) || \'}}'
    )
    brought = ", ".join(score.format(number, names) for number in range(5))
    calls(path, 20_000, spans=2, scores=f"CASE WHEN s = 0 THEN '[{brought}]' END")
    _label(path, names)


def _label(path: Path, names: int) -> None:
    """Labels of people beside the file, and definitions of half of their names."""
    from traceview.model.labels import LabelRow, Target
    from traceview.store.labels.store import LabelStore

    labels = path.with_suffix("").with_suffix(".labels.db")
    for one in labels.parent.glob(f"{labels.name}*"):
        one.unlink()
    definitions = [
        f'[feedback.check_{number:03d}]\ntype = "boolean"\nscope = "trace"\n'
        f'pass_means = "Check {number} holds."\nfail_means = "It does not."\n'
        for number in range(names // 2)
    ]
    (path.parent / "traceview.toml").write_text("\n".join(definitions), encoding="utf-8")
    store = LabelStore.open(labels)
    try:
        rows = [
            LabelRow(
                id="",
                target=Target("trace", f"trace-{trace}", f"trace-{trace}"),
                name=f"check_{(trace * 5 + number) % names:03d}",
                value=bool((trace + number) % 3),
                source="human",
                annotator="bench@example.com",
                created_at="2026-10-27T00:00:00.000000Z",
            )
            for trace in range(0, 20_000, 10)
            for number in range(5)
        ]
        store.append_now(rows)
    finally:
        store.close()


SHAPES: dict[str, Callable[[Path], None]] = {
    "spans_50k": spans_of_a_trace,
    "turns_2k": turns_of_a_thread,
    "line_50mb": lambda path: line_of_text(path, 50),
    "line_100mb": lambda path: line_of_text(path, 100),
    "threads_100k": many_threads,
    "versions_5k": many_versions,
    "scores_200": many_scores,
}


def write(folder: Path, shape: str) -> Path:
    """Write a shape into a folder of its own, unless it is there; its path."""
    path = folder / shape / f"{shape}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        SHAPES[shape](path)
    return path


def main() -> None:
    """Write the shapes that are asked for, else all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    options = parser.parse_args()
    for shape in options.shapes or SHAPES:
        path = write(options.folder, shape)
        print(f"{path}  {path.stat().st_size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
