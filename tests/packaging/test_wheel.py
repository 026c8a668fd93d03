"""The wheel: built, installed into a fresh environment, and used as a person would."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from benchmarks.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ("traces.parquet", "traceview.toml", "labels.jsonl", "truth.jsonl", "README.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout. Builds with hatchling of this environment if it is there, else in isolation."""
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(directory), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (built,) = directory.glob("*.whl")
    return built


def test_the_wheel_carries_the_sample_data_and_nothing_that_made_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("traceview/sample_data/")}
    judges = {f"judges/{path.name}" for path in (ROOT / "sample_data" / "judges").glob("*.toml")}
    assert "judges/links.toml" in judges
    assert names == {f"traceview/sample_data/{name}" for name in (*SAMPLE, *judges)}


def test_an_installed_traceview_runs_its_demo(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=120)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)],
        check=True,
        timeout=120,
    )
    # The dependencies of this environment, after the fresh one's own packages: the network is not needed.
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run(
        [python, "-I", "-c", "import traceview; print(traceview.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(home))
    command = str(home / "bin" / "traceview")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert version.stdout.startswith("traceview")
    with Terminal([command, "demo"], cwd=str(tmp_path)) as terminal:
        terminal.wait_for("1,800 of 1,800", 60)
