"""The user's config.toml, and who the annotator is."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.definitions import user
from traceview.definitions.user import load_user_config, remember_annotator, remember_theme, resolve_annotator
from traceview.files.dirs import config_dir
from traceview.model.errors import BadInput


def write(text: str) -> Path:
    path = config_dir() / "config.toml"
    path.write_text(text)
    return path


def test_the_order_of_who_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user, "_git_email", lambda folder: "git@example.com")
    monkeypatch.setattr(user, "_system_user", lambda: "root")
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", "env")
    write('annotator = "conf"\n')
    assert resolve_annotator(" opt ") == user.AnnotatorName("opt", "option")
    assert resolve_annotator() == user.AnnotatorName("env", "environment")
    monkeypatch.setenv("TRACEVIEW_ANNOTATOR", " ")
    assert resolve_annotator() == user.AnnotatorName("conf", "config")
    write("")
    assert resolve_annotator() == user.AnnotatorName("git@example.com", "git")
    monkeypatch.setattr(user, "_git_email", lambda folder: None)
    assert resolve_annotator() == user.AnnotatorName("root", "system", needs_asking=True)
    monkeypatch.setattr(user, "_system_user", lambda: "ann")
    assert resolve_annotator() == user.AnnotatorName("ann", "system")


def test_gits_email_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert user._git_email(tmp_path) is None
    (tmp_path / "gitconfig").write_text("[user]\n\temail = me@example.com\n")
    assert user._git_email(tmp_path) == "me@example.com"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert user._git_email(tmp_path) is None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[0m", "x" * 201])
def test_a_name_is_printable(name: str) -> None:
    with pytest.raises(BadInput, match="not a name"):
        resolve_annotator(name)


def test_a_missing_config_is_empty_and_a_whole_one_is_read() -> None:
    assert load_user_config() == user.UserConfig()
    path = write('annotator = "ann"\ntheme = "mono"\n[keys]\nundo = "U"\nnext = ["j", "down"]\n')
    config = load_user_config()
    assert (config.annotator, config.theme, config.path) == ("ann", "mono", path)
    assert config.keys == {"undo": "U", "next": ["j", "down"]}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("anotator = 'x'", 1, "did you mean annotator"),
        ("theme = 1", 1, "expected a text"),
        ("annotator = ''", 1, "not a name"),
        ("[keys]\nundo = 1", 2, "expected a key"),
        ("theme = 'drak'", 1, "did you mean dark"),
        ("\n[display]\nasci = true", 3, "did you mean ascii"),
        ("[display]\nascii = 'yes'", 2, "expected true or false"),
        ("[keys", 1, "not valid TOML"),
    ],
)
def test_errors_name_file_and_line(text: str, line: int, words: str) -> None:
    path = write(text)
    with pytest.raises(BadInput) as refused:
        load_user_config()
    assert str(refused.value).startswith(f"{path}:{line}") and words in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# mine\n[keys]\nundo = 'U'\n",
        "# a\nannotator = 'old' # me\ntheme = 'light'\n",
    ],
)
def test_the_answer_is_remembered_and_comments_kept(text: str) -> None:
    path = write(text)
    remember_annotator("new")
    assert load_user_config().annotator == "new"
    remember_theme("high-contrast")
    config = load_user_config()
    assert (config.annotator, config.theme) == ("new", "high-contrast")
    assert all(comment in path.read_text() for comment in ("# mine", "# a", "# me") if comment in text)
