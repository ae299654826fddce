"""Storage where it is easy to get wrong: pages that change, limits, pending jobs, access, what the wire says."""

import json
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from encord import EncordUserClient
from encord.exceptions import AuthorisationError, EncordException, InvalidArgumentsError, ResourceNotFoundError
from encord.http.utils import CloudUploadSettings
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import DataUploadImage, DataUploadItems, StorageItemType
from encord.orm.storage import StorageItem as StorageItemModel
from encord.storage import StorageFolder

from . import media_files
from .conftest import ANNOTATORS, KEYS, OPERATOR, PROJECT, VIEWER, Site, Start, make_world
from .raw import RawClient

BUCKET = "cc000000-0000-4000-8000-000000000000"

# Everything without a default in the SDK's model of an item.
ITEM_KEYS = {
    field.alias for field in StorageItemModel.model_fields.values() if field.is_required() and field.alias is not None
}


@pytest.fixture
def site(start: Start) -> Site:
    return start({**make_world(), "integrations": [{"uuid": BUCKET, "title": "Bucket"}]})


@pytest.fixture
def raw(site: Site) -> RawClient:
    return RawClient(site.url, KEYS[OPERATOR].private)


@pytest.fixture
def folder(site: Site) -> StorageFolder:
    return site.client().create_storage_folder("Folder")


def register(folder: StorageFolder, files: Any, **options: Any) -> Any:
    job = folder.add_private_data_to_folder_start(BUCKET, files, **options)
    return folder.add_private_data_to_folder_get_result(job, timeout_seconds=20)


def images(*urls: str) -> dict[str, Any]:
    return {"images": [{"objectUrl": url} for url in urls]}


def test_whoever_deletes_what_they_list_misses_nothing(folder: StorageFolder) -> None:
    register(folder, images(*(f"s3://b/{n:03d}.png" for n in range(250))))
    seen = []
    for item in folder.list_items(page_size=50):
        seen.append(item.name)
        item.delete()
    assert seen == [f"{n:03d}.png" for n in range(250)]
    assert list(folder.list_items()) == []


def test_every_key_of_an_item_is_there_and_metadata_is_text(folder: StorageFolder, raw: RawClient) -> None:
    """Trap 14."""
    uuid = register(folder, images("s3://b/a.png")).items_with_names[0].item_uuid
    item = raw.v2("GET", f"storage/items/{uuid}", query="?signUrl=False").json()
    assert item.keys() >= ITEM_KEYS
    assert (item["clientMetadata"], item["signedUrl"]) == ("{}", None)
    patched = raw.v2("PATCH", f"storage/folders/{folder.uuid}/items/{uuid}", {"clientMetadata": {"a": None}}).json()
    assert json.loads(patched["clientMetadata"]) == {"a": None}


def test_a_folder_is_created_with_metadata_as_text_and_changed_with_an_object(raw: RawClient) -> None:
    """Trap 12."""
    made = raw.v2("POST", "storage/folders", {"name": "f", "clientMetadata": '{"a": 1}'}).json()
    assert made["clientMetadata"] == '{"a": 1}'
    changed = raw.v2("PATCH", f"storage/folders/{made['uuid']}", {"clientMetadata": {"b": 2}}).json()
    assert json.loads(changed["clientMetadata"]) == {"b": 2}
    assert raw.v2("POST", "storage/folders", {"name": "f", "clientMetadata": "[1]"}).status_code == 400


def test_the_list_of_integrations_says_result(raw: RawClient) -> None:
    """Trap 13."""
    assert raw.v2("GET", "cloud-integrations").json() == {"result": [{"integrationUuid": BUCKET, "title": "Bucket"}]}


def test_what_a_file_is_counts_and_not_what_its_upload_calls_it(
    site: Site, folder: StorageFolder, tmp_path: Path
) -> None:
    """Trap 28."""
    # The SDK sends frames of image groups as application/dicom.
    group = site.client().get_storage_item(folder.create_image_group([media_files.png(tmp_path / "frame.png")]))
    (frame,) = group.get_child_items()
    assert (frame.mime_type, frame.width) == ("image/png", 64)


def test_a_file_that_is_something_else_fails_its_upload_and_nothing_is_there(
    folder: StorageFolder, tmp_path: Path
) -> None:
    wrong = media_files.text(tmp_path / "really-text.png")
    with pytest.raises(EncordException, match="not a PNG"):
        folder.upload_image(wrong)
    assert list(folder.list_items()) == []


def test_an_upload_without_bytes_fails(folder: StorageFolder) -> None:
    (place,) = folder._get_upload_signed_urls(StorageItemType.IMAGE, 1)
    lost = DataUploadImage(object_url=place.object_key, placeholder_item_uuid=place.item_uuid, title="lost")
    job = folder._add_data_to_folder_start(None, DataUploadItems(images=[lost]))
    result = folder.add_private_data_to_folder_get_result(job)
    assert (result.status, result.errors) == (LongPollingStatus.ERROR, ["No file was uploaded for lost"])


@pytest.mark.parametrize("title", ["Vid_sets/rec 1.png", "50%25 off.png", "a?b=c#d.png"])
def test_a_title_may_be_any_text_and_its_bytes_are_served(
    site: Site, folder: StorageFolder, tmp_path: Path, title: str
) -> None:
    picture = media_files.png(tmp_path / "a.png")
    item = site.client().get_storage_item(folder.upload_image(picture, title=title), sign_url=True)
    assert item.name == title
    assert requests.get(item.get_signed_url(), timeout=5).content == picture.read_bytes()


def test_a_signed_url_opens_only_what_it_was_signed_for(site: Site, folder: StorageFolder, tmp_path: Path) -> None:
    uuids = [folder.upload_image(media_files.png(tmp_path / f"{n}.png", 50 * n)) for n in (1, 2)]
    first, second = (site.client().get_storage_item(uuid, sign_url=True).get_signed_url() for uuid in uuids)
    assert first is not None
    assert second is not None
    mixed = second.partition("?")[0] + "?" + first.partition("?")[2]
    answers = [requests.get(url, timeout=5).status_code for url in (first, second, mixed, first.partition("?")[0])]
    assert answers == [200, 200, 403, 403]


def test_a_pending_job_holds_its_callers_until_the_clock_says_it_is_done(site: Site, folder: StorageFolder) -> None:
    """Trap 29."""
    site.control("PATCH", "switches", {"upload_job_seconds": 30})
    job = folder.add_private_data_to_folder_start(BUCKET, images("s3://b/a.png"))
    pending = folder.add_private_data_to_folder_get_result(job, timeout_seconds=0)
    assert (pending.status, pending.units_pending_count) == (LongPollingStatus.PENDING, 1)
    site.control("DELETE", "requests")
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(folder.add_private_data_to_folder_get_result(job)))
    waiting.start()
    time.sleep(0.3)
    site.control("POST", "clock", {"advance_seconds": 31})
    waiting.join(10)
    assert [result.status for result in results] == [LongPollingStatus.DONE]
    operation = "GET storage/folders/{folder}/data-upload-jobs/{job}"
    (count,) = [c["count"] for c in site.control("GET", "requests")["counts"] if c["operation"] == operation]
    assert count == 1


def test_a_job_that_nobody_asks_about_is_done_too(site: Site, folder: StorageFolder) -> None:
    site.control("PATCH", "switches", {"upload_job_seconds": 30})
    folder.add_private_data_to_folder_start(BUCKET, images("s3://b/a.png"))
    assert list(folder.list_items()) == []
    site.control("POST", "clock", {"advance_seconds": 31})
    assert [item.name for item in folder.list_items()] == ["a.png"]


def test_a_file_that_breaks_the_rules_is_refused_as_a_whole(folder: StorageFolder) -> None:
    with pytest.raises(InvalidArgumentsError, match="objecturl is missing"):
        folder.add_private_data_to_folder_start(BUCKET, {"images": [{"objectUrl": "s3://b/a.png"}, {"title": "none"}]})
    assert list(folder.list_items()) == []


def test_names_and_urls_have_their_longest_length(folder: StorageFolder) -> None:
    prefix = "s3://b/"
    fits = {"objectUrl": prefix + "u" * (16 * 1024 - len(prefix)), "title": "n" * 300}
    long_url = {"objectUrl": prefix + "u" * (16 * 1024), "title": "short"}
    long_name = {"objectUrl": "s3://b/b.png", "title": "n" * 301}
    result = register(folder, {"images": [fits, long_url, long_name]}, ignore_errors=True)
    assert (result.units_done_count, result.units_error_count) == (1, 2)
    assert sorted(error.split(" can be")[0] for error in result.errors) == ["A URL", "A name"]


def test_duplicates_are_skipped_only_where_they_lie_and_only_when_that_is_said(
    site: Site, folder: StorageFolder
) -> None:
    once = {**images("s3://b/a.png", "s3://b/a.png", "s3://b/b.png"), "skip_duplicate_urls": True}
    assert register(folder, once).units_done_count == 2
    assert register(folder, once).units_done_count == 0
    assert register(folder, images("s3://b/a.png")).units_done_count == 1
    other = site.client().create_storage_folder("Other")
    assert register(other, once).units_done_count == 2
    next(iter(other.list_items(search="a.png"))).delete()
    assert register(other, once).units_done_count == 1


def test_metadata_given_with_a_file_is_not_checked_against_it(site: Site, folder: StorageFolder) -> None:
    said = {"mimeType": "video/webm", "fps": 10, "duration": 3, "width": 7, "height": 5, "fileSize": 12}
    films = {"videos": [{"objectUrl": "s3://b/f.webm", "videoMetadata": said}, {"objectUrl": "s3://b/g.mp4"}]}
    told, stand_in = (site.client().get_storage_item(i.item_uuid) for i in register(folder, films).items_with_names)
    assert (told.mime_type, told.frame_count, told.width, told.file_size) == ("video/webm", 30, 7, 12)
    assert (stand_in.frame_count, stand_in.fps, stand_in.width) == (100, 25, 640)


def test_who_works_on_a_data_unit_reads_its_item_but_changes_nothing(site: Site) -> None:
    (row, *_) = site.project(ANNOTATORS[0]).list_label_rows_v2()
    annotator = site.client(ANNOTATORS[0])
    item = annotator.get_storage_item(row.backing_item_uuid, sign_url=True)
    assert requests.get(item.get_signed_url(), timeout=5).content.startswith(b"\x89PNG")
    for forbidden in (lambda: item.update(name="mine"), item.delete, item.parent_folder):
        with pytest.raises(AuthorisationError):
            forbidden()
    assert site.client().get_storage_item(item.uuid).name == item.name
    with pytest.raises(ResourceNotFoundError):
        annotator.get_storage_item(UUID(int=3))


def test_a_user_of_a_folder_may_look_and_not_touch(site: Site, folder: StorageFolder) -> None:
    group = site.client().create_group("Lookers")
    group.add_users([VIEWER])
    folder.add_group(group.group_hash, "user")  # type: ignore[arg-type]
    theirs = site.client(VIEWER).get_storage_folder(folder.uuid)
    assert list(theirs.list_items()) == []
    for forbidden in (
        lambda: theirs.update(name="mine"),
        lambda: theirs.create_subfolder("mine"),
        lambda: theirs.add_private_data_to_folder_start(BUCKET, images("s3://b/a.png")),
        theirs.delete,
    ):
        with pytest.raises(AuthorisationError):
            forbidden()


def test_frames_that_other_items_use_stay_when_their_group_goes(folder: StorageFolder, tmp_path: Path) -> None:
    files = [media_files.png(tmp_path / f"{n}.png") for n in range(2)]
    kept = folder.create_image_group(files)
    folder.delete_storage_items([kept], remove_unused_frames=False)
    frames = [item.uuid for item in folder.list_items()]
    assert len(frames) == 2
    group = DataUploadItems.from_dict(
        {"imageGroupsFromItems": [{"imageItems": [str(uuid) for uuid in frames], "createVideo": False, "title": "two"}]}
    )
    uuid = register(folder, group).items_with_names[0].item_uuid
    folder.delete_storage_items([uuid])
    assert [item.uuid for item in folder.list_items()] == frames


def test_an_upload_is_tried_again_when_the_cloud_fails_once(site: Site, folder: StorageFolder, tmp_path: Path) -> None:
    site.control("POST", "faults", {"operation": "PUT uploads/{upload}", "kind": "status", "status": 503, "times": 1})
    uuid = folder.upload_image(
        media_files.png(tmp_path / "a.png"),
        cloud_upload_settings=CloudUploadSettings(max_retries=2, backoff_factor=0.01),
    )
    assert site.client().get_storage_item(uuid).width == 64


def test_a_dumped_world_holds_all_of_this_again(site: Site, start: Start, tmp_path: Path) -> None:
    client = site.client()
    outer = client.create_storage_folder("Outer", client_metadata={"a": 1})
    inner = outer.create_subfolder("Inner")
    picture = inner.upload_image(media_files.png(tmp_path / "p.png"), client_metadata={"n": 1})
    frames = inner.create_image_group([media_files.png(tmp_path / f"{n}.png") for n in range(2)], title="frames")
    series = inner.create_dicom_series([media_files.dicom(tmp_path / "s.dcm")], title="series")
    several = outer.create_data_group([picture, series])
    cloud = register(outer, images("s3://b/cloud.png")).items_with_names[0].item_uuid
    group = client.create_group("Group")
    group.add_users([VIEWER])
    outer.add_group(group.group_hash, "user")  # type: ignore[arg-type]
    tag = client.create_organisation_tag("Tag")
    site.project().add_organisation_tag(tag)
    again = start(site.control("GET", "world"))

    def everything(of: EncordUserClient) -> list[Any]:
        uuids = [picture, frames, series, several, cloud]
        items = [of.get_storage_item(uuid) for uuid in uuids]
        return [
            [(i.uuid, i.name, i.item_type, i.client_metadata, i.url, i.width, i.dicom_series_uid) for i in items],
            [[child.uuid for child in item.get_child_items()] for item in items],
            [folder.uuid for folder in of.get_storage_folder(inner.uuid).path_to_root],
            [item.uuid for item in of.get_storage_folder(inner.uuid).list_items()],
            [g.group_hash for g in of.get_storage_folder(outer.uuid).list_groups()],
            of.get_project(PROJECT).get_organisation_tags(),
            [user.user_email for user in of.get_group(group.group_hash).list_users()],
        ]

    assert everything(again.client()) == everything(client)
    assert again.client(VIEWER).get_storage_folder(inner.uuid).name == "Inner"
    link = again.client().get_storage_item(picture, sign_url=True).get_signed_url()
    assert requests.get(link, timeout=5).content == (tmp_path / "p.png").read_bytes()
    assert again.control("GET", "world") == site.control("GET", "world")
