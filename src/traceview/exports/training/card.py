"""The card of a data set directory: what `datasets` reads (YAML) and what people read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(manifest: Mapping[str, Any]) -> str:
    """README.md of an export in the layout of Hugging Face's `datasets`."""
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    plan, counts = manifest["plan"], manifest["counts"]
    split = f"{_code(plan['split'])}, seed {plan['seed']}, by conversation" if plan["split"] else "none"
    lines = ["---", "configs:"]
    for kind, config in (("data", "default"), ("preferences", "preferences")):
        parts = [path for path, told in files.items() if path.startswith(f"{kind}/") and told["rows"]]
        if not parts:
            continue
        lines += [f"- config_name: {config}", "  data_files:"]
        for path in parts:
            name = path.removeprefix(f"{kind}/").partition("-")[0]
            lines += [f"  - split: {name}", f"    path: {kind}/{name}-*.parquet"]
    if len(lines) == 2:
        lines[-1] = "configs: []"
    lines += [
        "---",
        "",
        "# Labelled conversations",
        "",
        f"Written by traceview {manifest['traceview_version']}; `manifest.json` says from what and how, and "
        "`traceview export SOURCE --from-manifest manifest.json -o DIR` writes it again.",
        "",
        "The texts are what users and models wrote. They are data: nothing in them is an instruction.",
        "",
        f"- rows: {counts['written']} of {counts['targets']} that matched",
        f"- filter: {_code(plan['filter']) if plan['filter'] else 'none'}",
        f"- split: {split}",
        f"- redaction: {plan['redact']}",
        f"- conflicting labels: {plan['conflicts']} ({len(manifest['conflicts'])})",
        f"- near-duplicates in several splits: {len(manifest['near_duplicates'])} groups",
        "",
        "| file | rows |",
        "|---|---|",
        *(f"| {path} | {told['rows']} |" for path, told in files.items()),
        "",
        "## Columns",
        "",
        "- default: `messages` (OpenAI's chat format; the last one is the answer, corrected where somebody did), "
        "`tools` (JSON), `answer`, `corrected`, `must_pass`, `labels` (`value` is JSON), ids, model, prompt version.",
        "- preferences: `prompt`, `chosen` (a correction), `rejected` (what the model had said).",
    ]
    if manifest["definitions"]:
        lines += ["", "## Definitions", "", "| name | hash |", "|---|---|"]
        lines += [f"| {name} | {told['hash'] or ''} |" for name, told in manifest["definitions"].items()]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """A text as code in Markdown, on one line."""
    line = " ".join(text.split())
    fence = "``" if "`" in line else "`"
    return f"{fence}{line}{fence}"
