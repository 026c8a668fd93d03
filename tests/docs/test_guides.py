"""The guides: every command in them runs on the sample data, and nothing that there is goes unmentioned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from traceview.cli.main import main
from traceview.tui.actions import ACTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SETS_UP = "pip install"
"""What makes an environment of its own is not run in this one."""


def blocks(page: Path) -> list[str]:
    """The shell of a page; what opens the app is marked `console` instead."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [one for one in found if SETS_UP not in one]


def commands() -> Iterator[str]:
    """Every command of the command line by its whole name."""

    def walk(name: str, command: click.Command) -> Iterator[str]:
        if name:
            yield name
        if isinstance(command, click.Group):
            context = click.Context(command)
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found is not None and not found.hidden:
                    yield from walk(f"{name} {child}".strip(), found)

    yield from walk("", main)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like the one that the guides are about: the sample data in it, and beside it as `sample_data`."""
    for place in (tmp_path, tmp_path / "sample_data"):
        place.mkdir(exist_ok=True)
        for name in ("traces.parquet", "traceview.toml", "labels.jsonl"):
            shutil.copy(ROOT / "sample_data" / name, place)
    shutil.copytree(ROOT / "sample_data" / "judges", tmp_path / "sample_data" / "judges")
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, folder: Path, user_directories: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks(page):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder,
            env={**os.environ, "PATH": path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr and "leaked" not in done.stderr


def test_every_command_and_every_action_is_in_a_guide() -> None:
    generated = {"cli.md", "keys.md"}
    guides = "\n".join(page.read_text() for page in PAGES if page.name not in generated)
    reference = (ROOT / "docs/cli.md").read_text()
    assert [name for name in commands() if f"## traceview {name}\n" not in reference] == []
    assert [name for name in commands() if not re.search(rf"\b{name}\b", guides)] == []
    keys = (ROOT / "docs/keys.md").read_text()
    assert [action.id for action in ACTIONS if f"`{action.id}`" not in keys] == []


KEY_GUIDES = (
    "reading.md", "labelling.md", "sharing.md", "datasets.md", "judges.md", "judge-runs.md", "checks.md",
    "calibration.md",
)  # fmt: skip


def test_every_key_with_a_command_of_its_own_is_in_a_guide() -> None:
    guides = "\n".join((ROOT / "docs" / name).read_text() for name in KEY_GUIDES)
    named = {key.replace("\\", "") for key in re.findall(r"`([^`\n]+)`", guides)}
    named |= {f"{digit}" for digit in range(1, 10)} | set(
        re.findall(r"\b(Enter|Esc|Space|Left|Right)\b", guides)
    )
    missing = [
        action.id for action in ACTIONS if action.group != "Moving" and not named.intersection(action.keys)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{page.name}: {target}"
