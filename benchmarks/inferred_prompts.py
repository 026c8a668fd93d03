"""Measures the prompt versions that are inferred: against planted ones, and what finding them costs an index.

Usage: python -m benchmarks.inferred_prompts [--spans 1000000] [--keep FILE.parquet]

The first table plants versions whose values vary from call to call. Pairs of calls count: precision is the share of
pairs told the same version that have the same planted one, recall the share of pairs of one planted version that are
told the same. The second builds the index of a generated file of agent traces without and with prompt versions, beside
one bare read of the column that holds the messages, in processor seconds of all threads.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from traceview.sources.open import open_sources
from traceview.store.duck.build import Builder, Infer
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.inferring.forms import Span
from traceview.store.inferring.infer import Where, infer

FIRST = (
    "Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "June", "Kim", "Liv", "Max", "Noa", "Ole",
    "Pia", "Quinn", "Rui", "Sam", "Tess",
)  # fmt: skip
LAST = (
    "Adams", "Brandt", "Costa", "Diaz", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito", "Jones", "Kowalski", "Lund",
    "Meyer", "Novak",
)  # fmt: skip
CITIES = ("Berlin", "Paris", "Oslo", "Lima", "Kyoto", "Cairo", "Austin", "Porto", "Quito", "Turin")
WORDS = [
    f"{a}{b}"
    for a in ("ship", "pay", "refund", "order", "track", "plan")
    for b in ("", "s", "ing", "er", "ed")
]
RULES = [
    "Answer in short sentences.", "Never promise a refund.", "Cite the articles that you used.",
    "Ask back if the question is unclear.", "Do not speak of competitors.", "Use the customer's language.",
    "Escalate when a person is upset.", "Do not give legal advice.", "Offer the self-service page first.",
    "Close every answer with a friendly word.",
]  # fmt: skip

Plant = Callable[[random.Random, int, int], str]


ROLES = ("support agent of a shop", "planner of journeys by train", "teacher who marks essays")


def name(rng: random.Random) -> str:
    """A person, with one to three words."""
    return " ".join([rng.choice(FIRST), *rng.sample(LAST, rng.randint(0, 2))])


def rules(version: int, seed: int) -> list[str]:
    """Rules that each version edits a little: one is added, another worded anew."""
    rng = random.Random(seed)
    chosen = [f"{rule[:-1]}, {ROLES[seed].split()[0]}." for rule in rng.sample(RULES, 5)]
    for number in range(version):
        chosen[number % 5] = chosen[number % 5].rstrip(".") + rng.choice(
            [", always.", ", if you can.", " at all times."]
        )
        if number % 2:
            chosen.append(rng.choice([rule for rule in RULES if rule not in chosen]))
    return [f"- {rule}" for rule in chosen]


def sentence(rng: random.Random) -> str:
    """Something that a document says."""
    return " ".join(rng.choices(WORDS, k=rng.randint(6, 14))).capitalize() + "."


def plain(rng: random.Random, version: int, prompt: int) -> str:
    """The same text for every call."""
    return "\n".join([f"You are the {ROLES[prompt]}.", "Rules:", *rules(version, prompt)])


def dated(rng: random.Random, version: int, prompt: int) -> str:
    """A date, a time, an id and labels."""
    day = f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    head = f"Today is {day} {rng.randint(0, 23)}:{rng.randint(10, 59)}."
    labels = [f"Customer: {name(rng)}", f"Plan: {rng.choice(('gold', 'free', 'basic plus'))}"]
    return "\n".join([f"You are the {ROLES[prompt]}.", head, *labels, *rules(version, prompt)])


def inline(rng: random.Random, version: int, prompt: int) -> str:
    """Names and places in the middle of sentences, in one paragraph."""
    said = (
        f"You are the {ROLES[prompt]}. You talk to {name(rng)}, who lives in {rng.choice(CITIES)} and likes "
    )
    return said + f"{rng.choice(WORDS)}. " + " ".join(rule[2:] for rule in rules(version, prompt))


def documents(rng: random.Random, version: int, prompt: int) -> str:
    """Injected documents without any mark around them."""
    found = [sentence(rng) for _ in range(rng.randint(1, 6))]
    head = [f"You are the {ROLES[prompt]}.", "Answer from this context:"]
    return "\n".join([*head, *found, "Keep to these rules:", *rules(version, prompt)])


def profile(rng: random.Random, version: int, prompt: int) -> str:
    """A JSON profile and tagged documents."""
    data = {"name": name(rng), "city": rng.choice(CITIES), "orders": [rng.randint(1, 9999) for _ in range(3)]}
    found = "\n".join(f"<document>{sentence(rng)}</document>" for _ in range(rng.randint(1, 4)))
    head = [
        f"You are the {ROLES[prompt]}.",
        f"Profile: {json.dumps(data)}",
        f"<context>\n{found}\n</context>",
    ]
    return "\n".join([*head, *rules(version, prompt)])


def everything(rng: random.Random, version: int, prompt: int) -> str:
    """All of it together."""
    return "\n".join(
        [dated(rng, version, prompt), inline(rng, version, prompt), documents(rng, version, prompt)]
    )


def own(rng: random.Random, version: int, prompt: int) -> str:
    """A text of its own for every call: nothing should be told."""
    return " ".join(sentence(rng) for _ in range(4))


SCENARIOS: tuple[Plant, ...] = (plain, dated, inline, documents, profile, everything, own)


def planted(plant: Plant, calls: int, prompts: int, versions: int, seed: int) -> list[tuple[str, int]]:
    """The system prompt of each call in the order of time, and the number of its version."""
    rng = random.Random(seed)
    found = []
    for at in range(calls):
        prompt, version = rng.randrange(prompts), versions * at // calls
        found.append((plant(rng, version, prompt), prompt * versions + version))
    return found


def told(calls: Sequence[tuple[str, int]]) -> tuple[list[str | None], float]:
    """The version that each call is told, and how many seconds that took."""
    texts: dict[int, str] = {}
    keys: dict[str, int] = {}
    uses: dict[Where, Span] = {}
    wheres = []
    for at, (text, _) in enumerate(calls):
        key = keys.setdefault(text, len(keys))
        texts[key] = text
        where, use = Where(None, "chat", None, key), Span(1, 1, at, at)
        uses[where] = uses[where] | use if where in uses else use
        wheres.append(where)
    began = time.perf_counter()
    found = infer(texts, uses)
    seconds = time.perf_counter() - began
    versions = (found.assigned[where] for where in wheres)
    return [None if one is None else f"{one.name}@{one.version}" for one in versions], seconds


def pairs(counts: Counter[object]) -> int:
    """How many pairs lie in one group."""
    return sum(count * (count - 1) // 2 for count in counts.values())


def quality() -> Iterator[str]:
    """The first table, a line each."""
    yield f"{'values':12} {'calls':>6} {'texts':>6} {'planted':>8} {'told':>5} {'precision':>9} {'recall':>7} {'ms':>6}"
    for plant in SCENARIOS:
        for calls in (60, 1200):
            found = planted(plant, calls, prompts=3, versions=4, seed=11)
            versions, seconds = told(found)
            truth: Counter[object] = Counter(version for _, version in found)
            given: Counter[object] = Counter(one for one in versions if one is not None)
            both: Counter[object] = Counter(
                (one, version) for one, (_, version) in zip(versions, found, strict=True) if one is not None
            )
            precision = pairs(both) / pairs(given) if pairs(given) else None
            recall = pairs(both) / pairs(truth)
            yield (
                f"{plant.__name__:12} {calls:6,} {len({text for text, _ in found}):6,} {len(truth):8} {len(given):5} "
                f"{'–' if precision is None else f'{precision:.3f}':>9} {recall:7.3f} {seconds * 1000:6.0f}"
            )


COLUMNS = (
    "trace_id", "span_id", "parent_id", "name", "kind", "start_time", "end_time", "input_messages", "input_text",
)  # fmt: skip


def write(path: Path, spans: int, plant: Plant) -> None:
    """A file of agent traces, four spans each, two of them model calls with a system prompt of about 3 KB."""
    rng = random.Random(3)
    writer: pq.ParquetWriter | None = None
    filler = "\n".join(sentence(rng) for _ in range(30))
    question = json.dumps({"role": "user", "parts": [{"type": "text", "content": sentence(rng) * 20}]})
    for start in range(0, spans, 40_000):
        rows: dict[str, list[object]] = {key: [] for key in COLUMNS}
        for number in range(start, min(spans, start + 40_000)):
            call = number % 4 in (1, 2)
            at = 1_760_000_000_000_000_000 + number * 50_000_000
            text = f"{plant(rng, 4 * number // spans, number % 3)}\n{filler}" if call else ""
            system = json.dumps({"role": "system", "parts": [{"type": "text", "content": text}]})
            values = (
                f"{number // 4:032x}", f"{number:016x}", f"{number - number % 4:016x}" if number % 4 else None,
                "chat" if call else "step", "llm" if call else "agent" if number % 4 == 0 else "tool", at,
                at + 40_000_000, f"[{system},{question}]" if call else None, "Where is my order?",
            )  # fmt: skip
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
        table = pa.table(rows)
        for key in ("start_time", "end_time"):
            column = table.column(key).cast(pa.timestamp("ns"))
            table = table.set_column(table.schema.get_field_index(key), key, column)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table, row_group_size=8_192)
    if writer is not None:
        writer.close()


def built(path: Path, infer_what: Infer, aside: Path) -> tuple[float, str]:
    """Processor seconds that an index in a file takes, and how many versions it tells for how many calls."""
    database = Database("300MB", aside / "spill")
    try:
        for name in ("built", "work"):
            database.execute(f"ATTACH '{aside / f'{infer_what}{name}'}' AS {name}")
        reader = Reader(database, open_sources([str(path)]).relations)
        began = time.process_time()
        Builder(database, "built", "work").build(
            reader, [select for _, select in reader.spans()], infer=infer_what
        )
        seconds = time.process_time() - began
        versions, calls = database.fetch(
            "SELECT (SELECT count(*) FROM built.prompt_versions), count(*) FROM built.spans WHERE prompt_version <> ''"
        )[0]
        return seconds, f"{versions} versions for {calls:,} calls"
    finally:
        database.close()


def cost(spans: int, keep: Path | None) -> Iterator[str]:
    """The second table, a line each."""
    yield f"{spans:,} spans, half of them calls with a system prompt of about 3 KB; processor seconds"
    for plant in (plain, dated, inline):
        with tempfile.TemporaryDirectory() as folder:
            path = keep or Path(folder) / "spans.parquet"
            write(path, spans, plant)
            database = Database("300MB")
            began = time.process_time()
            database.fetch(f"SELECT sum(strlen(input_messages)) FROM '{path}' WHERE kind = 'llm'")
            floor = time.process_time() - began
            database.close()
            without, _ = built(path, None, Path(folder))
            with_versions, found = built(path, "versions", Path(folder))
            more = with_versions - without
            yield (
                f"{plant.__name__:8} bare read of the messages {floor:5.1f} s   index without {without:5.1f} s   with "
                f"{with_versions:5.1f} s   versions take {more:5.1f} s ({more / with_versions:.0%})   {found}"
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spans", type=int, default=1_000_000, help="0 leaves the second table out")
    parser.add_argument("--keep", type=Path, help="where the generated file stays")
    options = parser.parse_args(arguments)
    for line in quality():
        print(line)
    if options.spans:
        print()
        for line in cost(options.spans, options.keep):
            print(line, flush=True)


if __name__ == "__main__":
    main()
