"""Files as phones, microphones and scanners write them: uploaded, or refused with a reason."""

from __future__ import annotations

import csv
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import soundfile
from PIL import Image
from pillow_heif import register_heif_opener

from tests.integration.registration.conftest import Site
from tests.unit.commands.register.dicom_files import write_slice

RATE = 8_000
TONE = np.sin(np.linspace(0, 440, RATE)).astype(np.float32)
SOUNDS = {"a.mp3": "MP3", "b.flac": "FLAC", "c.ogg": "OGG", "d.wav": "WAV"}
HEIC = ("k.heic", "IMG_0001")
PICTURES = ("e.tiff", "f.avif", "g.webp", "h.bmp", "i.gif", "no ending")


def test_every_usual_format_is_taken_and_the_rest_is_named(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, form in SOUNDS.items():
        soundfile.write(folder / name, TONE, RATE, format=form, subtype="FLOAT" if form == "WAV" else None)
    for name in PICTURES:
        Image.effect_noise((32, 24), 50).convert("RGB").save(folder / name, None if "." in name else "PNG")
    register_heif_opener()
    for name in HEIC:
        Image.effect_noise((32, 24), 50).convert("RGB").save(folder / name, "HEIF")
    (folder / "j.psd").write_bytes(b"8BPS" + bytes(60))
    done = site.run("upload", folder, "--folder", "Odd", "--create-folder")
    assert done.exit_code == 0, done.output
    assert sorted(item.name for item in site.folder("Odd").list_items()) == sorted([*SOUNDS, *PICTURES, *HEIC])
    assert "left out: 1, the kind is not known (.psd 1): 'j.psd'" in done.stderr


def test_what_the_platform_does_not_take_is_told_with_its_reason(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.tiff").write_bytes(b"II*\0 and nothing more")
    done = site.run("upload", folder, "--folder", "Broken", "--create-folder")
    assert (done.exit_code, "a.tiff: " in done.stderr) == (4, True)


@pytest.mark.parametrize("how", [(), ("--kind", "dicom_series")])
def test_series_of_one_folder_are_uploaded_each_with_its_slices(
    site: Site, tmp_path: Path, how: tuple[str, ...]
) -> None:
    folder = tmp_path / "scans"
    for n in range(3):
        write_slice(folder / "all" / f"IM{n}", "1.2.3.1", n, z=-float(n))
    for n in range(2):
        write_slice(folder / "all" / f"mr{n}.dcm", "1.2.3.2", n)
    done = site.run("upload", folder, "--folder", "Scans", "--create-folder", *how)
    assert done.exit_code == 0, done.output
    slices = {item.name: [child.name for child in item.get_child_items()] for item in site.folder("Scans").list_items()
              if item.item_type == "dicomSeries"}  # fmt: skip
    assert slices == {"all 1.2.3.1": ["IM2", "IM1", "IM0"], "all 1.2.3.2": ["mr0.dcm", "mr1.dcm"]}


PILLOWS = Path(os.environ.get("PILLOW_IMAGES", "/nowhere"))


def is_dicom(path: Path) -> bool:
    with warnings.catch_warnings(action="ignore"):
        try:
            return bool(pydicom.dcmread(path, stop_before_pixels=True))
        except Exception:  # some of them are broken on purpose, in every way there is
            return False


def is_picture(path: Path) -> bool:
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(path) as picture:
                return bool(picture.size)
        except Exception:  # see above
            return False


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    ("files", "opens", "least"),
    [
        (Path(pydicom.__file__).parent / "data" / "test_files", is_dicom, 80),
        pytest.param(
            PILLOWS, is_picture, 600,
            marks=pytest.mark.skipif(not PILLOWS.is_dir(), reason="PILLOW_IMAGES names no pictures of Pillow's sdist"),
        ),
    ],
    ids=["pydicom", "Pillow"],
)  # fmt: skip
def test_every_file_of_a_librarys_own_tests_is_uploaded_or_refused_with_a_reason(
    site: Site, tmp_path: Path, files: Path, opens: Callable[[Path], bool], least: int
) -> None:
    """What the library itself can open is an item (or a slice of one), or it stands with a reason in a list."""
    folder = tmp_path / "files"
    shutil.copytree(files, folder, symlinks=True)
    title = f"All of {files.name} {least}"
    lists = {name: tmp_path / f"{name}.csv" for name in ("left-out", "errors")}
    options = [word for name, path in lists.items() for word in (f"--{name}", path)]
    done = site.run("upload", folder, "--folder", title, "--create-folder", "--title", "{path}", *options)
    assert done.exit_code in (0, 4), done.output + done.stderr
    uploaded = set()
    for item in site.folder(title).list_items():
        uploaded.add(item.name)
        if item.item_type in ("dicomSeries", "imageGroup", "imageSequence"):
            uploaded |= {child.name for child in item.get_child_items()}
    said = {
        Path(row["file"]).name
        for path in lists.values()
        if path.exists()
        for row in csv.DictReader(path.open())
        if row["reason"]
    }
    names = {name.rpartition("/")[2] for name in uploaded}
    opened = [path for path in sorted(folder.rglob("*")) if path.is_file() and opens(path)]
    silent = [path.relative_to(folder).as_posix() for path in opened if path.name not in names | said]
    assert silent == []
    assert len(opened) >= least
    assert len(uploaded) >= least / 2
