"""What the emulator reads of a file's headers is what the libraries that wrote the file say."""

import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emulator.media.facts import UnreadableMediaError
from emulator.media.probe import probe
from emulator.media.sequence import film
from emulator.world import DataType
from tests.integration.emulator import media_files


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (64, 48), (801, 3)])
def test_pictures_have_the_size_they_were_written_with(ending: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / f"picture.{ending}"
    Image.effect_noise(size, 80).convert("RGB").save(path)
    facts = probe("image", path.name, path.read_bytes())
    assert (facts.width, facts.height) == size
    assert facts.mime_type == Image.MIME[Image.open(path).format or ""]


def test_lossless_and_transparent_webp_pictures_are_read_too(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (33, 17), (1, 2, 3, 128))
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"lossless": False})):
        path = tmp_path / f"{name}.webp"
        picture.save(path, **options)
        facts = probe("image", path.name, path.read_bytes())
        assert (facts.width, facts.height) == (33, 17)


def test_a_picture_with_a_preview_inside_has_its_own_size(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    exif = Image.Exif()
    exif[0x010E] = "a long description " * 50
    Image.new("RGB", (120, 90)).save(path, exif=exif)
    facts = probe("image", path.name, path.read_bytes())
    assert (facts.width, facts.height) == (120, 90)


@pytest.mark.parametrize(("frames", "fps"), [(1, 1), (10, 5), (50, 25), (31, 29.97)])
def test_films_have_as_many_frames_as_opencv_counts(frames: int, fps: float, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (64, 48))
    for shade in range(frames):
        writer.write(np.full((48, 64, 3), shade % 255, np.uint8))
    writer.release()
    film = cv2.VideoCapture(str(path))
    facts = probe("video", path.name, path.read_bytes())
    assert facts.frames == film.get(cv2.CAP_PROP_FRAME_COUNT)
    assert facts.fps == pytest.approx(film.get(cv2.CAP_PROP_FPS), rel=1e-3)
    assert (facts.width, facts.height) == (64, 48)
    assert facts.duration == pytest.approx(frames / fps, rel=0.02)


def test_a_compressed_volume_is_read_like_a_plain_one(tmp_path: Path) -> None:
    plain = media_files.nifti(tmp_path / "brain.nii").read_bytes()
    facts = probe("nifti", "brain.nii", plain)
    assert (facts.width, facts.height, facts.frames) == (8, 6, 4)
    assert probe("nifti", "brain.nii.gz", gzip.compress(plain)) == facts


def test_a_slice_tells_its_size_and_its_identifiers(tmp_path: Path) -> None:
    facts = probe("dicom_file", "slice.dcm", media_files.dicom(tmp_path / "slice.dcm", instance=7).read_bytes())
    assert (facts.width, facts.height, facts.frames) == (16, 12, 1)
    identifiers = (facts.dicom_instance_uid, facts.dicom_study_uid, facts.dicom_series_uid)
    assert identifiers == ("1.2.3.7", "1.2.9", "1.2.8")


KINDS: tuple[DataType, ...] = ("image", "video", "audio", "pdf", "dicom_file", "nifti", "plain_text", "time_series")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_something_else_is_refused(kind: DataType) -> None:
    noise = bytes(np.random.default_rng(7).integers(128, 256, 5000, dtype=np.uint8))
    for content in (b"", noise):
        with pytest.raises(UnreadableMediaError):
            probe(kind, "noise", content)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "dicom_file", "nifti"])
def test_a_file_cut_short_anywhere_is_read_or_refused_but_never_fails(kind: DataType, tmp_path: Path) -> None:
    make = {
        "image": lambda: media_files.png(tmp_path / "f.png"),
        "video": lambda: media_files.mp4(tmp_path / "f.mp4"),
        "audio": lambda: media_files.wav(tmp_path / "f.wav"),
        "dicom_file": lambda: media_files.dicom(tmp_path / "f.dcm"),
        "nifti": lambda: media_files.nifti(tmp_path / "f.nii"),
    }[kind]
    whole = make().read_bytes()
    refused = 0
    for length in range(0, min(len(whole), 4000), 7):
        try:
            probe(kind, "f", whole[:length])
        except UnreadableMediaError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_the_film_of_an_image_sequence_is_its_frames(ending: str, tmp_path: Path) -> None:
    shades = range(0, 250, 40)
    frames = [cv2.imencode(ending, np.full((48, 64, 3), shade, np.uint8))[1].tobytes() for shade in shades]
    mime_type = {".png": "image/png", ".jpg": "image/jpeg"}[ending]
    made = film(frames, mime_type, (64, 48), 5)
    assert made is not None
    facts = probe("video", "film.mov", made)
    assert (facts.width, facts.height, facts.frames, facts.fps) == (64, 48, len(frames), 5)
    path = tmp_path / "film.mov"
    path.write_bytes(made)
    reader = cv2.VideoCapture(str(path))
    seen = [float(reader.read()[1].mean()) for _ in frames]
    assert seen == pytest.approx(list(shades), abs=2)
    assert not reader.read()[0]


def test_frames_of_other_types_have_no_film() -> None:
    assert film([b"GIF89a"], "image/gif", (1, 1), 1) is None
