"""Prompts that a project keeps in files, and their history."""

from __future__ import annotations

import os
import pickle
import subprocess
import time
from pathlib import Path

import pytest

from traceview.definitions import prompt_files
from traceview.definitions.git_history import Limits, history
from traceview.definitions.prompt_files import PromptFiles
from traceview.model.errors import BadInput

FIRST = "You are a support agent. Help {name} with orders."
SECOND = "You are a support agent. Help {name} with orders and refunds."


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose prompt has two versions, in a folder below its root."""
    git(tmp_path, "init", "-q")
    folder = tmp_path / "app" / "prompts"
    folder.mkdir(parents=True)
    for text in (FIRST, SECOND):
        (folder / "support.md").write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", "x")
        (folder / "other.py").write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", "nothing of the prompt")
    return tmp_path / "app"


def test_every_commit_that_changed_a_file_is_a_version(project: Path) -> None:
    commits = git(project, "log", "--reverse", "--format=%H", "--", "prompts/support.md").split()
    files = PromptFiles.of(project)
    assert [(one.name, one.version) for one in files.versions] == [
        ("support", commit[:7]) for commit in commits
    ]
    assert [one.template for one in files.versions] == [FIRST, SECOND]
    assert not files.notices


def test_a_text_that_is_not_committed_is_told_by_its_position(project: Path) -> None:
    (project / "prompts" / "support.md").write_text(SECOND + " Be kind.")
    assert [one.version for one in PromptFiles.of(project).versions][2:] == ["3"]


def test_without_git_there_is_the_file_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.jinja").write_text(FIRST)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    files = PromptFiles.of(tmp_path)
    assert [(one.name, one.version) for one in files.versions] == [("a", "1")]
    assert not files.notices


def test_the_repository_of_a_project_that_is_not_trusted_is_not_asked(project: Path) -> None:
    assert [one.version for one in PromptFiles.of(project, trusted=False).versions] == ["1"]


def test_a_repository_runs_nothing(project: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    script = tmp_path / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "filter.x.smudge", "filter.x.clean", "diff.x.textconv",
                "gpg.program", "core.sshCommand"):  # fmt: skip
        git(project, "config", key, str(script))
    git(project, "config", "log.showSignature", "true")
    (tmp_path / ".gitattributes").write_text("*.md filter=x diff=x\n")
    assert len(PromptFiles.of(project).versions) == 2
    assert not witness.exists()


def test_a_broken_repository_is_said_and_the_files_are_read(project: Path) -> None:
    head = Path(git(project, "rev-parse", "--git-dir")) / "HEAD"
    (project.parent / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    assert head.name == "HEAD"
    assert [one.version for one in PromptFiles.of(project).versions] == ["1"]


def test_files_that_tell_nothing_are_said(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.md").write_text("{system}")
    (tmp_path / "prompts" / "b.txt").write_bytes(b"\xff" * 1_000_001)
    (tmp_path / "prompts" / "notes.pdf").write_text(FIRST)
    files = PromptFiles.of(tmp_path)
    assert files.versions == ()
    assert len(files.notices) == 2
    assert files.hash == ""


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        PromptFiles.of(tmp_path, [tmp_path / "absent.md"])


def test_a_child_process_gets_what_was_found(project: Path) -> None:
    files = PromptFiles.of(project)
    found, told = files.versions, files.hash
    (project / "prompts" / "support.md").write_text("Something else entirely, to be found by nobody.")
    copy = pickle.loads(pickle.dumps(files))
    assert (copy.versions, copy.hash) == (found, told)


def commit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")


def test_large_versions_are_counted_and_not_read(project: Path) -> None:
    commit(project / "prompts", "support.md", FIRST + " " * prompt_files.MAX_BYTES)
    commit(project / "prompts", "support.md", SECOND + " Be kind.")
    files = PromptFiles.of(project)
    assert [one.template for one in files.versions] == [FIRST, SECOND, SECOND + " Be kind."]
    path = project / "prompts" / "support.md"
    assert files.notices == (f"{path}: 1 of 4 committed versions are larger than 1 MB: not read",)


def test_of_a_long_history_the_newest_versions_are_read(project: Path) -> None:
    folder = project / "prompts"
    commit(folder, "other.md", "x" * 10)
    commit(folder, "other.md", "y" * 10)
    limits = Limits(200, 1_000, len(SECOND) + 10 + 10, time.monotonic() + 60)
    found = history(folder, ["support.md", "other.md", "absent.md"], limits)
    assert [(one.size, one.content) for one in found["support.md"]] == [
        (len(FIRST), None), (len(SECOND), SECOND.encode()),
    ]  # fmt: skip
    assert [one.content for one in found["other.md"]] == [b"x" * 10, b"y" * 10]
    assert found["absent.md"] == []


def test_git_that_does_not_answer_is_asked_once_and_said(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "prompts" / "deep").mkdir()
    (project / "prompts" / "deep" / "b.md").write_text(FIRST + " Quite another one.")
    os.mkfifo(project / "fifo")
    git(project, "config", "include.path", str(project / "fifo"))
    monkeypatch.setattr(prompt_files, "MAX_SECONDS", 0.3)
    files = PromptFiles.of(project)
    assert [(one.name, one.version) for one in files.versions] == [("b", "1"), ("support", "1")]
    assert files.notices == (
        "without the history of the prompt files in 2 of 2 folders: git did not answer in 0.3 s",
    )
