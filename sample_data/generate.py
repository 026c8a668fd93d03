"""Make the sample data again: `python sample_data/generate.py [FOLDER]`. The same script gives the same files."""

from __future__ import annotations

import sys
from pathlib import Path

from story.tell import tell
from story.write import write_lines, write_parquet

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Write the traces and their truth into a folder."""
    story = tell()
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(story.spans, folder / "traces.parquet")
    write_lines(story.truth, folder / "truth.jsonl")
    size = (folder / "traces.parquet").stat().st_size / 1e6
    traces = sum(len(traces) for traces in story.threads.values())
    print(f"{len(story.threads)} threads, {traces} traces, {len(story.spans)} spans, {size:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
