"""Each kind of storage with each kind of item: built, valid against the SDK's models, registered, there."""

import json
from pathlib import Path
from typing import Any

import pytest
from encord.orm.storage import DataUploadItems, StorageItemType
from encord.storage import StorageItem

from benchmark_qa.commands.register.check import registered_entries
from tests.integration.registration.conftest import INTEGRATION, Site

BASES = {
    "s3": "https://pictures.s3.eu-west-2.amazonaws.com/data",
    "gcs": "https://storage.googleapis.com/pictures/data",
    "azure": "https://acme.blob.core.windows.net/pictures/data",
    "otc": "https://pictures.obs.eu-de.otc.t-systems.com/data",
    "s3-multi-region": "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/data",
}

AUDIO = {
    "duration": 2.5,
    "file_size": 441_044,
    "mime_type": "audio/wav",
    "sample_rate": 44_100,
    "bit_depth": 16,
    "codec": "pcm_s16le",
    "num_channels": 2,
}
VIDEO = {
    "fps": 25,
    "duration": 12,
    "width": 1920,
    "height": 1080,
    "file_size": 9_000_000,
    "mime_type": "video/mp4",
}


def row(url: str, **fields: Any) -> dict[str, Any]:
    return {"url": url, **fields}


MANIFESTS: dict[str, list[dict[str, Any]]] = {
    "video": [row("a film.mp4", kind="video", **VIDEO)],
    "image": [row("street.png", title="Street", metadata={"city": "Kyoto", "hour": 12})],
    "image_group": [
        row(f"views/{side}.png", kind="image_group", group="views", metadata={"of": "a house"})
        for side in ("left", "front", "right")
    ],
    "image_sequence": [row(f"walk/frame {n}.png", kind="image_sequence", group="walk") for n in (10, 9, 1, 2, 11)],
    "dicom_series": [row(f"ct/{n}.dcm", group="ct of the chest") for n in range(1, 5)],
    "nifti": [row("brain.nii.gz")],
    "audio": [row("said.wav", **AUDIO), row("unsaid.mp3")],
    "text": [row("note.txt")],
    "html": [row("page.html")],
    "pdf": [row("paper.pdf", file_size=12_000, num_pages=7)],
}
MANIFESTS["mixed"] = [line for rows in list(MANIFESTS.values()) for line in rows]
MANIFESTS["data_groups"] = [
    row("pair/left.png", data_group="pair"),
    row("pair/right.mp4", data_group="pair"),
]

# (type, title, frames, client metadata) of what each manifest registers.
Told = tuple[StorageItemType, str, int | None, dict[str, Any]]
EXPECTED: dict[str, list[Told]] = {
    "video": [(StorageItemType.VIDEO, "a film.mp4", 300, {})],
    "image": [(StorageItemType.IMAGE, "Street", None, {"city": "Kyoto", "hour": 12})],
    "image_group": [(StorageItemType.IMAGE_GROUP, "views", 3, {"of": "a house"})],
    "image_sequence": [(StorageItemType.IMAGE_SEQUENCE, "walk", 5, {})],
    "dicom_series": [(StorageItemType.DICOM_SERIES, "ct of the chest", 4, {})],
    "nifti": [(StorageItemType.NIFTI, "brain.nii.gz", 64, {})],
    "audio": [(StorageItemType.AUDIO, "said.wav", None, {}), (StorageItemType.AUDIO, "unsaid.mp3", None, {})],
    "text": [(StorageItemType.PLAIN_TEXT, "note.txt", None, {})],
    "html": [(StorageItemType.PLAIN_TEXT, "page.html", None, {})],
    "pdf": [(StorageItemType.PDF, "paper.pdf", 7, {})],
}
EXPECTED["mixed"] = [told for items in list(EXPECTED.values()) for told in items]
EXPECTED["data_groups"] = [
    (StorageItemType.IMAGE, "left.png", None, {}),
    (StorageItemType.VIDEO, "right.mp4", 100, {}),
    (StorageItemType.GROUP, "pair", None, {}),
]


def told(item: StorageItem) -> Told:
    return item.item_type, item.name, item.frame_count, item.client_metadata or {}


def sdk_payload(directory: Path) -> DataUploadItems:
    """The directory's files as one payload of the SDK, read back from what was written."""
    payload: dict[str, Any] = {}
    for path in sorted(directory.glob("registration-*.json")):
        for entry in registered_entries(path.open(encoding="utf-8")):
            payload.setdefault({"pdfs": "pdf"}.get(entry.key, entry.key), []).append(entry.model)
    return DataUploadItems.model_validate(payload)


@pytest.mark.parametrize("manifest", MANIFESTS)
@pytest.mark.parametrize("storage", BASES)
def test_a_manifest_becomes_items_with_type_title_frames_and_metadata(
    site: Site, tmp_path: Path, storage: str, manifest: str
) -> None:
    source = tmp_path / "manifest.jsonl"
    source.write_text("\n".join(map(json.dumps, MANIFESTS[manifest])))
    title = f"{storage} {manifest}"

    def run(*arguments: Any) -> None:
        done = site.run(*arguments)
        assert done.exit_code == 0, done.output

    base = ("--base-url", BASES[storage])
    run("register", "build", source, "--out", tmp_path / "out", "--storage", storage, *base)
    run("register", "check", tmp_path / "out")
    payload = sdk_payload(tmp_path / "out")
    assert DataUploadItems.model_validate(payload.model_dump(by_alias=True)) == payload

    run("register", "run", tmp_path / "out", "--folder", title, "--create-folder", "--integration", INTEGRATION)

    found = list(site.folder(title).list_items())
    assert sorted(map(told, found), key=str) == sorted(EXPECTED[manifest], key=str)
    locations = {item.storage_location.value for item in found if item.item_type != StorageItemType.GROUP}
    emulated = {"s3": "s3", "s3-multi-region": "s3", "gcs": "gcp", "azure": "azure", "otc": "openTelekom"}
    assert locations == {emulated[storage]}
    if manifest == "image_sequence":
        frames = [item.name for item in found[0].get_child_items()]
        assert frames == [f"frame {n}.png" for n in (1, 2, 9, 10, 11)]
    if manifest == "audio":
        said = next(item for item in found if item.name == "said.wav")
        assert (said.audio_sample_rate, said.audio_codec, said.duration) == (44_100, "pcm_s16le", 2.5)


def test_the_organisations_schema_is_printed_as_the_build_takes_it(site: Site, tmp_path: Path) -> None:
    schema = site.client.metadata_schema()
    schema.add_scalar("hour", data_type="number")
    schema.add_enum("weather", values=["sun", "rain"])
    schema.save()
    printed = site.run("register", "schema")
    assert json.loads(printed.stdout) == {"hour": "number", "weather": {"ty": "enum", "values": ["rain", "sun"]}}

    (tmp_path / "schema.json").write_text(printed.stdout)
    (tmp_path / "rows.csv").write_text(
        "url,metadata.hour,metadata.weather\ns3://bucket/a.png,7,sun\ns3://bucket/b.png,8,fog\n"
    )
    options = ("--out", tmp_path / "out", "--storage", "s3", "--schema", tmp_path / "schema.json")
    refused = site.run("register", "build", tmp_path / "rows.csv", *options)
    assert "line 3: metadata 'weather': 'fog' is none of rain, sun" in refused.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--folder", "nowhere", "--integration", INTEGRATION), "there is no folder 'nowhere'"),
        (("--folder", "known", "--integration", "The"), "there is no cloud integration 'The', but there are"),
    ],
)
def test_a_folder_or_an_integration_that_is_not_there_is_named(
    site: Site, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    site.client.create_storage_folder("known")
    path = tmp_path / "registration.json"
    path.write_text('{"images": [{"objectUrl": "s3://b/a.png"}]}')
    done = site.run("register", "run", path, *options)
    assert done.exit_code == 3
    assert reason in done.stderr
