"""The folder and the rows on disk: whole or not at all, whatever happens to the process or to the file."""

import multiprocessing
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmark_qa.commands.export.folder import NotAnExport, OutputFolder, checked_folder
from benchmark_qa.commands.export.manifest import manifest_bytes
from benchmark_qa.commands.export.snapshots import ExportUnderWay, RowsNotKept, RowsRead

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def publish(path: Path, names: list[str]) -> None:
    folder = OutputFolder(path)
    for name in names:
        with folder.open(name) as out:
            out.write(name.encode())
    folder.publish(manifest_bytes({"files": folder.sums}))


def files(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


def test_what_is_no_longer_exported_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    publish(tmp_path, ["a/1.txt", "a/2.txt"])
    (tmp_path / "a" / "mine.txt").write_text("mine")
    publish(tmp_path, ["a/2.txt", "b/3.txt"])
    assert files(tmp_path) == {"a/2.txt", "b/3.txt", "a/mine.txt", "manifest.json"}


def test_after_an_error_the_earlier_export_is_still_whole(tmp_path: Path) -> None:
    publish(tmp_path, ["a.txt"])
    folder = OutputFolder(tmp_path)
    with pytest.raises(TypeError), folder.open("a.txt") as out:
        out.write("text instead of bytes")
    folder.discard()
    assert files(tmp_path) == {"a.txt", "manifest.json"}
    assert (tmp_path / "a.txt").read_text() == "a.txt"


def test_files_of_a_publication_that_was_cut_short_are_known_to_the_next(tmp_path: Path) -> None:
    publish(tmp_path, ["old.txt", "both.txt"])
    folder = OutputFolder(tmp_path)
    for name in ("new.txt", "both.txt"):
        with folder.open(name) as out:
            out.write(b"2")
    (tmp_path / ".partial" / "both.txt").unlink()  # moving it will fail: as if killed after new.txt
    with pytest.raises(FileNotFoundError):
        folder.publish(manifest_bytes({"files": folder.sums}))
    assert not (tmp_path / "manifest.json").exists()
    publish(tmp_path, ["third.txt"])
    assert files(tmp_path) == {"third.txt", "manifest.json"}


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
def test_a_manifest_that_was_tampered_with_deletes_nothing_outside(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    target = str(outside) if name.startswith("/") else name
    (folder / "manifest.json").write_bytes(manifest_bytes({"files": {target: "0"}}))
    publish(folder, ["a.txt"])
    assert outside.exists()


@pytest.mark.parametrize("content", ['{"files": ["mine.txt"]}', '{"manifest_version": 3, "name": "mine"}', "text"])
def test_a_folder_with_the_manifest_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(NotAnExport, match="not an export's"):
        checked_folder(tmp_path)


def test_a_folder_is_known_by_one_name_and_may_be_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "out", ["a.txt"])
    (tmp_path / "link").symlink_to(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    names = {checked_folder(path) for path in (Path(), tmp_path / "link", tmp_path / "out" / ".." / "out")}
    assert names == {(tmp_path / "out").resolve()}


def test_a_file_and_the_root_are_no_folders_to_export_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", Path("/")):
        with pytest.raises(NotAnExport):
            checked_folder(path)


def test_what_readers_derived_from_the_last_export_goes_with_it(tmp_path: Path) -> None:
    publish(tmp_path, ["labels/train/1.txt"])
    (tmp_path / "labels" / "train.cache").write_text("of the last one")
    folder = OutputFolder(tmp_path)
    folder.outdate("labels/train.cache")
    with folder.open("labels/train/1.txt") as out:
        out.write(b"2")
    folder.publish(manifest_bytes({"files": folder.sums}))
    assert files(tmp_path) == {"labels/train/1.txt", "manifest.json"}


def test_rows_that_cannot_be_kept_are_not_blamed_on_another_export(tmp_path: Path) -> None:
    (tmp_path / "out.rows").mkdir()
    with pytest.raises(RowsNotKept, match=r"out\.rows cannot be written"):
        RowsRead(tmp_path / "out.rows", "one")


def test_a_row_is_current_until_it_is_edited_or_the_ontology_changes(tmp_path: Path) -> None:
    path = tmp_path / "out.rows"
    with closing(RowsRead(path, "one")) as rows:
        rows.keep({"label": {"data_hash": "d"}}, {"label": NOON})
        assert rows.current({"label": NOON, "other": NOON}) == {"label"}
        assert rows.current({"label": NOON + timedelta(seconds=1)}) == set()
        assert rows.row("label")["data_hash"] == "d"
    with closing(RowsRead(path, "two")) as rows:
        assert rows.current({"label": NOON}) == set()


def test_a_row_edited_in_this_very_second_is_read_again(tmp_path: Path) -> None:
    this_second = datetime.now(UTC).replace(microsecond=0)
    with closing(RowsRead(tmp_path / "out.rows", "one")) as rows:
        rows.keep({"label": {}}, {"label": this_second})
        assert rows.current({"label": this_second}) == set()


def test_a_damaged_file_of_rows_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.rows"
    path.write_bytes(b"not a database at all, and long enough to be read as one" * 20)
    with closing(RowsRead(path, "one")) as rows:
        assert rows.current({"label": NOON}) == set()


def _hold(path: Path, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with closing(RowsRead(path, "one")):
        held.set()
        done.wait(30)


def test_two_exports_into_one_folder_do_not_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "out.rows", held, done))
    process.start()
    try:
        assert held.wait(30)
        with pytest.raises(ExportUnderWay, match="another export"):
            RowsRead(tmp_path / "out.rows", "one")
    finally:
        done.set()
        process.join(30)
