"""Folders of this machine: what is taken, and what is left out, counted and named."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark_qa.commands.register.build import build
from benchmark_qa.commands.register.directory import OutputDirectory
from benchmark_qa.commands.register.errors import ManifestRefused
from benchmark_qa.commands.register.kinds import RegisteredKind, has_ending, kind_by_content
from benchmark_qa.commands.register.listing import LocalFolders, kind_of, listed_rows
from benchmark_qa.commands.register.rows import ManifestRules
from benchmark_qa.commands.register.uploading import LeftOut

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


@dataclass(frozen=True)
class Built:
    """What was made of a folder."""

    entries: dict[str, list[dict[str, Any]]]
    left_out: list[str]

    @property
    def series(self) -> dict[str, list[str]]:
        """Files of each DICOM series by its title."""
        series = self.entries.get("dicom_series", [])
        return {each["title"]: [each[f"objectUrl_{n}"] for n in range(len(each) - 1)] for each in series}


def built_of(folder: Path, **rules: Any) -> Built:
    left_out, out = LeftOut(), folder.with_name(f"{folder.name}-out")
    out.mkdir(exist_ok=True)
    files = OutputDirectory(out)
    rows = listed_rows(LocalFolders(left_out), str(folder), "url", left_out)
    build(rows, ManifestRules(location=None, **rules), files, left_out=left_out)
    files.commit()
    entries = json.loads((out / "registration-0001.json").read_bytes())
    return Built(entries, list(left_out.lines()))


def test_endings_that_nobody_knows_are_counted_and_files_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.psd", "c.blend", "d.PSD", "README", ".DS_Store"):
        (tmp_path / name).write_bytes(bytes(200))
    found = built_of(tmp_path)
    assert [entry["objectUrl"] for entry in found.entries["images"]] == ["a.png"]
    (told,) = found.left_out
    assert told.startswith("left out: 5, the kind is not known (.psd 2, ")
    assert all(part in told for part in (".blend 1", "no ending 1", ".DS_Store 1", "'d.PSD'", "'README'"))


def test_of_many_names_the_first_are_told_and_the_rest_counted() -> None:
    left_out = LeftOut()
    for number in range(25):
        left_out.add("the kind is not known", f"{number}.psd")
    (told,) = left_out.lines()
    assert told.startswith("left out: 25, the kind is not known (.psd 25): '0.psd', '1.psd'")
    assert told.endswith(" and 15 more")


def test_links_are_not_followed_wherever_they_lead(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private.png").write_bytes(PNG)
    (tmp_path / "photos" / "a.png").write_bytes(PNG)
    (tmp_path / "photos" / "b.png").symlink_to(tmp_path / "elsewhere" / "private.png")
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "d.png").symlink_to("nowhere")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere")
    found = built_of(tmp_path / "photos")
    assert [entry["objectUrl"] for entry in found.entries["images"]] == ["a.png"]
    assert found.left_out == ["left out: 4, a link, which is not followed: 'more', 'b.png', 'c.png', 'd.png'"]


def test_what_macos_writes_beside_the_files_is_left_out(tmp_path: Path) -> None:
    for name in ("a/b.png", "__MACOSX/a/._b.png", "__MACOSX/a/b.png", "a/._b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    found = built_of(tmp_path)
    assert [entry["objectUrl"] for entry in found.entries["images"]] == ["a/b.png"]
    assert len(found.left_out) == 1
    assert found.left_out[0].startswith("left out: 3, written by macOS")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    os.mkfifo(tmp_path / "b.png")
    assert built_of(tmp_path).left_out == ["left out: 1, no regular file: 'b.png'"]


def test_a_folder_of_which_nothing_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.psd").touch()
    with pytest.raises(ManifestRefused):
        built_of(tmp_path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (bytes(128) + b"DICM", RegisteredKind.DICOM_SERIES),
        (PNG, RegisteredKind.IMAGE),
        (b"\xff\xd8\xff\xe0", RegisteredKind.IMAGE),
        (b"II*\0", RegisteredKind.IMAGE),
        (b"RIFF\0\0\0\0WEBP", RegisteredKind.IMAGE),
        (b"RIFF\0\0\0\0WAVE", RegisteredKind.AUDIO),
        (b"RIFF\0\0\0\0AVI ", RegisteredKind.VIDEO),
        (b"\0\0\0\x18ftypheic", RegisteredKind.IMAGE),
        (b"\0\0\0\x18ftypavif", RegisteredKind.IMAGE),
        (b"\0\0\0\x18ftypM4A ", RegisteredKind.AUDIO),
        (b"\0\0\0\x18ftypisom", RegisteredKind.VIDEO),
        (b"fLaC", RegisteredKind.AUDIO),
        (b"ID3\x04", RegisteredKind.AUDIO),
        (b"\xff\xfb\x90\0", RegisteredKind.AUDIO),
        (bytes(344) + b"n+1\0", RegisteredKind.NIFTI),
        (b"%PDF-1.7", RegisteredKind.PDF),
        (b"8BPS", None),
        (b"", None),
    ],
)
def test_kinds_by_content(head: bytes, kind: RegisteredKind | None, tmp_path: Path) -> None:
    assert kind_by_content(head) is kind
    (tmp_path / "IM1").write_bytes(head)
    assert kind_of("IM1", tmp_path / "IM1") is kind


def test_a_raw_picture_that_begins_like_tiff_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.nef").write_bytes(b"II*\0" + bytes(16))
    assert kind_of("a.nef", tmp_path / "a.nef") is None


@pytest.mark.parametrize(
    ("name", "has"), [("a.psd", True), ("a", False), ("1.2.840.1", False), (".profile", False), ("a.", False)]
)
def test_a_part_of_a_uid_is_no_ending(name: str, has: bool) -> None:
    assert has_ending(f"folder.x/{name}") is has


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.tiff", "a.avif", "a.jfif"])
def test_pictures_of_phones_are_pictures(name: str) -> None:
    assert kind_of(name, None) is RegisteredKind.IMAGE


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.wav"])
def test_sounds_are_sounds(name: str) -> None:
    assert kind_of(name, None) is RegisteredKind.AUDIO
