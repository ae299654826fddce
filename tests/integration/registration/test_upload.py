"""Local files of every kind: uploaded by the command line, and read back through their signed URLs."""

from pathlib import Path

import requests
from encord.orm.storage import StorageItemType
from encord.storage import StorageItem

from tests.integration.emulator import media_files
from tests.integration.registration.conftest import Site


def fetched(item: StorageItem) -> bytes:
    url = item.get_signed_url()
    assert url is not None
    response = requests.get(url, timeout=10)
    assert response.ok
    return response.content


def test_files_of_every_kind_come_back_byte_for_byte(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "data"
    for folder in ("views", "ct", "walk"):
        (root / folder).mkdir(parents=True)
    singles = {
        "street one.png": (StorageItemType.IMAGE, media_files.png),
        "film.mp4": (StorageItemType.VIDEO, media_files.mp4),
        "said.wav": (StorageItemType.AUDIO, media_files.wav),
        "paper.pdf": (StorageItemType.PDF, media_files.pdf),
        "note.txt": (StorageItemType.PLAIN_TEXT, media_files.text),
        "page.html": (StorageItemType.PLAIN_TEXT, media_files.text),
        "brain.nii": (StorageItemType.NIFTI, media_files.nifti),
    }
    for name, (_, make) in singles.items():
        make(root / name)
    for n in (1, 2, 10):
        media_files.png(root / "views" / f"{n}.png", shade=n)
        media_files.png(root / "walk" / f"{n}.png", shade=100 + n)
        media_files.dicom(root / "ct" / f"{n}.dcm", instance=n)
    manifest = root / "manifest.csv"
    rows = [f"{name},,," for name in singles]
    rows += [f"views/{n}.png,image_group,views,12" for n in (10, 1, 2)]
    rows += [f"walk/{n}.png,image_sequence,walk," for n in (10, 1, 2)]
    rows += [f"ct/{n}.dcm,,ct," for n in (10, 1, 2)]
    manifest.write_text("url,kind,group,metadata.hour\n" + "\n".join(rows))

    done = site.run("upload", manifest, "--folder", "uploads", "--create-folder")
    assert done.exit_code == 0, done.stderr
    assert "10 items are in 'uploads'" in done.stdout

    found = {item.name: item for item in site.folder("uploads").list_items()}
    assert found.keys() == singles.keys() | {"views", "walk", "ct"}
    for name, (kind, _) in singles.items():
        assert found[name].item_type == kind
        assert fetched(found[name]) == (root / name).read_bytes()
    assert found["film.mp4"].frame_count == media_files.FRAMES
    assert found["page.html"].mime_type == "text/html"
    assert found["views"].client_metadata == {"hour": "12"}
    groups = {
        "views": StorageItemType.IMAGE_GROUP,
        "walk": StorageItemType.IMAGE_SEQUENCE,
        "ct": StorageItemType.DICOM_SERIES,
    }
    for name, kind in groups.items():
        parts = list(found[name].get_child_items())
        assert (found[name].item_type, found[name].frame_count) == (kind, 3)
        ending = "dcm" if name == "ct" else "png"
        assert [part.name for part in parts] == [f"{n}.{ending}" for n in (1, 2, 10)]
        for part in parts:
            assert fetched(part) == (root / name / part.name).read_bytes()


def test_files_that_are_not_there_or_not_what_they_are_called_are_told_with_line_and_reason(
    site: Site, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url\nthere.png\ngone.png\n")
    media_files.png(tmp_path / "there.png")
    refused = site.run("upload", manifest, "--folder", "faulty", "--create-folder")
    assert (refused.exit_code, refused.stderr) == (2, f"{manifest} line 3: there is no file 'gone.png'\n")

    media_files.text(tmp_path / "gone.png")
    done = site.run("upload", manifest, "--folder", "faulty", "--create-folder")
    assert done.exit_code == 4
    assert "gone.png: gone.png: not a PNG, JPEG, WebP, AVIF, BMP, TIFF or GIF image" in done.stderr
    assert [item.name for item in site.folder("faulty").list_items()] == ["there.png"]
