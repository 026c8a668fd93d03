"""Where labels are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from traceview.files.dirs import data_dir
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import location
from traceview.store.labels.left_behind import count_left_behind
from traceview.store.labels.location import NoLabelPlace, label_location, label_name, network_type
from traceview.store.labels.store import LabelStore

PHOENIX = Path(__file__).parents[1] / "fixtures" / "phoenix"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("week.parquet", "week.labels.db"),
        ("week.jsonl.gz", "week.labels.db"),
        ("week.json.zst", "week.labels.db"),
        ("week.PARQUET", "week.labels.db"),
        ("week.2026-11.parquet", "week.2026-11.labels.db"),
        ("traces.duckdb", "traces.labels.db"),
        ("store", "store.labels.db"),
        ("v1.2", "v1.2.labels.db"),
        (".parquet", ".parquet.labels.db"),
        ("json", "json.labels.db"),
        ("a b é.csv", "a b é.labels.db"),
    ],
)
def test_name(source: str, name: str) -> None:
    assert label_name(Path(source)) == name


def test_beside_the_source_is_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "week.parquet").touch()
    (tmp_path / "store").mkdir()
    found = label_location([str(tmp_path / "week.parquet")])
    assert found.path == tmp_path / "week.labels.db" and found.base is None
    assert found.sentence == f"labels: {found.path}"
    assert label_location([str(tmp_path / "store")]).path == tmp_path / "store.labels.db"
    monkeypatch.chdir(tmp_path / "store")
    for spelled in (".", "../store", "../store/", f"{tmp_path}/store/../store"):
        assert label_location([spelled]).path == tmp_path / "store.labels.db"
    monkeypatch.chdir(tmp_path)
    assert label_location(["week.parquet"]).path == tmp_path / "week.labels.db"


@pytest.mark.parametrize("scores", ["annotations.parquet", "annotations.csv"])
def test_files_of_scores_are_no_second_source(tmp_path: Path, scores: str) -> None:
    for name in ("spans.parquet", scores):
        shutil.copyfile(PHOENIX / name, tmp_path / name)
    spans, scored = str(tmp_path / "spans.parquet"), str(tmp_path / scores)
    for sources in ([spans, scored], [scored, spans]):
        assert label_location(sources).path == tmp_path / "spans.labels.db"
    shutil.copyfile(PHOENIX / "spans.parquet", tmp_path / "more.parquet")
    for sources in (
        [spans, scored, str(tmp_path / "more.parquet")],
        [scored, scored],
        [spans, "gone.parquet"],
    ):
        with pytest.raises(NoLabelPlace, match="several sources"):
            label_location(sources)


def test_a_link_has_its_labels_beside_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.parquet").touch()
    (tmp_path / "link.parquet").symlink_to(tmp_path / "real" / "a.parquet")
    assert label_location([str(tmp_path / "link.parquet")]).path == tmp_path / "link.labels.db"


def test_a_shared_stem_is_said(tmp_path: Path) -> None:
    for name in (
        "week.parquet",
        "week.jsonl",
        "week.labels.db",
        "week.labels.db-wal",
        "other.parquet",
        "week.md",
    ):
        (tmp_path / name).touch()
    (tmp_path / "week").mkdir()
    found = label_location([str(tmp_path / "week.parquet")])
    assert found.sentence.endswith("(shared with week, week.jsonl)")
    assert "(shared" not in label_location([str(tmp_path / "other.parquet")]).sentence


def test_the_option_wins_over_the_project_over_the_place(tmp_path: Path) -> None:
    source, option, project = str(tmp_path / "a.parquet"), tmp_path / "o.db", tmp_path / "p.db"
    found = label_location([source, "-"], labels=option, project_labels=project)
    assert found.path == option and "--labels" in found.sentence
    found = label_location([source, source], project_labels=project)
    assert found.path == project and "traceview.toml" in found.sentence


@pytest.mark.parametrize(
    "sources", [["a.parquet", "b.parquet"], ["-"], ["week-*.parquet"], ["x[12].json"], ["/"], []]
)
def test_without_one_place_one_must_be_named(sources: list[str]) -> None:
    with pytest.raises(BadInput, match="--labels PATH") as refused:
        label_location(sources)
    assert refused.value.exit_code == 2


def test_a_file_whose_name_has_a_star_is_no_glob(tmp_path: Path) -> None:
    (tmp_path / "a*.parquet").touch()
    assert label_location([str(tmp_path / "a*.parquet")]).path == tmp_path / "a*.labels.db"


def test_a_named_place_must_be_a_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    for bad, word in ((tmp_path, "is a directory"), (tmp_path / "no" / "l.db", "does not exist")):
        with pytest.raises(BadInput, match=word):
            label_location(["a"], labels=bad)


def read_only(folder: Path) -> Callable[[Path, int], bool]:
    return lambda path, mode: not Path(path).is_relative_to(folder)


def test_a_read_only_place_moves_labels_to_the_user_keyed_by_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location.os, "access", read_only(tmp_path / "shared"))
    paths = set()
    for folder in ("shared/x", "shared/y"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.parquet").touch()
        found = label_location([str(tmp_path / folder / "a.parquet")])
        assert found.path.is_relative_to(data_dir()) and found.path.name.startswith("a-")
        assert found.base is None and "is read-only" in found.sentence and str(found.path) in found.sentence
        paths.add(found.path)
    assert len(paths) == 2


def test_labels_in_a_read_only_place_are_shown_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(value: bool) -> LabelRow:
        return LabelRow("", Target("trace", "t"), "verdict", value, "human", "ann", "")

    (tmp_path / "a.parquet").touch()
    there = LabelStore.open(tmp_path / "a.labels.db")
    there.append_now([row(True)])
    there.close()
    before = (tmp_path / "a.labels.db").read_bytes()
    monkeypatch.setattr(location.os, "access", read_only(tmp_path))
    found = label_location([str(tmp_path / "a.parquet")])
    assert found.base == tmp_path / "a.labels.db" and "shown too and not changed" in found.sentence
    store = LabelStore.open(found.path, base=found.base)
    assert [kept.value for kept in store.current()] == [True]
    store.append_now([row(False)])
    assert [kept.value for kept in store.current()] == [False]
    store.close()
    assert (tmp_path / "a.labels.db").read_bytes() == before


def test_rows_of_a_read_only_time_are_not_left_behind_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").touch()
    row = LabelRow("", Target("trace", "t"), "verdict", True, "human", "ann", "")
    with monkeypatch.context() as locked:
        locked.setattr(location.os, "access", read_only(tmp_path))
        aside = label_location([source])
        assert "is read-only" in aside.aside and aside.earlier is None
        store = LabelStore.open(aside.path)
        store.append_now([row])
        store.close()
    found = label_location([source])
    assert not found.aside and found.earlier == aside.path
    store = LabelStore.open(found.path)
    assert count_left_behind(store, aside.path) == 1
    store.close()
    shutil.copyfile(aside.path, found.path)
    store = LabelStore.open(found.path)
    assert count_left_behind(store, aside.path) == 0
    store.append_now([row])
    aside.path.write_text("no database")
    assert count_left_behind(store, aside.path) == 0
    store.close()


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /data rw - nfs4 server:/data rw
31 30 8:2 / /data/local rw - xfs /dev/sdb rw
32 22 0:41 / /with\\040space rw - fuse.sshfs me@host: rw
33 22 0:42 / /share rw - cifs //host/share rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/home/me", None),
        ("/data", "nfs4"),
        ("/data/week", "nfs4"),
        ("/database", None),
        ("/data/local/x", None),
        ("/with space/x", "fuse.sshfs"),
        ("/share", "cifs"),
    ],
)
def test_network_file_systems(folder: str, found: str | None) -> None:
    assert network_type(MOUNTS, Path(folder)) == found


def test_a_network_place_moves_labels_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").touch()
    monkeypatch.setattr(location, "_network", lambda folder: "nfs4")
    found = label_location([str(tmp_path / "a.parquet")])
    assert found.path.is_relative_to(data_dir()) and "network file system (nfs4)" in found.sentence
    named = label_location(["a"], labels=tmp_path / "l.db")
    assert named.path == tmp_path / "l.db" and "one machine at a time" in named.sentence


def test_beside_the_source_the_file_name_is_enough(tmp_path: Path) -> None:
    source = tmp_path / "week.parquet"
    source.write_bytes(b"x")
    assert label_location([str(source)]).short == "labels: week.labels.db"
    assert label_location([str(source)], labels=tmp_path / "mine.db").short == ""
