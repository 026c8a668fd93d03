"""Make the sample data again: `python sample_data/generate.py [FOLDER]`. The same script gives the same files."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from story.check import verify
from story.figures import render
from story.labels import make_labels
from story.tell import SEED, tell
from story.write import write_lines, write_parquet

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures: written by generate.py -->", "<!-- end of figures -->"


def main(folder: Path) -> None:
    """Write traces, truth, labels and the README's figures into a folder."""
    story = tell()
    verify(story)
    labels = make_labels(story, Random(f"{SEED}:labels"))
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(story.spans, folder / "traces.parquet")
    write_lines(story.truth, folder / "truth.jsonl")
    write_lines(labels, folder / "labels.jsonl")
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    before, after = readme.split(BEGIN)[0], readme.split(END)[1]
    filled = f"{before}{BEGIN}\n\n{render(story, labels)}\n\n{END}{after}"
    (folder / "README.md").write_text(filled, encoding="utf-8")
    traces = sum(len(traces) for traces in story.threads.values())
    print(
        f"{len(story.threads)} threads, {traces} traces, {len(story.spans)} spans, {len(labels)} label rows"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
