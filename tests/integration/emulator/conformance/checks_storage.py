"""Checks of storage: folders, items, uploads, jobs."""

import json
from uuid import UUID

import pytest
import requests
from encord.exceptions import AuthorisationError, EncordException, InvalidArgumentsError
from encord.http.bundle import Bundle
from encord.orm.dataset import LongPollingStatus, StorageLocation
from encord.orm.storage import (
    CloudSyncedFolderParams,
    CustomerProvidedVideoMetadata,
    DataGroupGrid,
    DataUploadImage,
    DataUploadItems,
    DataUploadVideo,
    FoldersSortBy,
    SidecarMatcherSuffix,
    StorageFolderType,
    StorageItemType,
    StorageUserRole,
    TimeSeriesLineChannelViewSettings,
    TimeSeriesViewSettings,
)
from encord.storage import StorageFolder

from tests.integration.emulator import media_files

from .ground import ANNA, BUCKET, LIMITED_BUCKET, Ground
from .registry import check


@check(
    "StorageFolder",
    "uuid",
    "name",
    "description",
    "client_metadata",
    "parent",
    "parent_uuid",
    "path_to_root",
    "folder_type",
    "is_cloud_synced",
    "integration_hash",
    "remote_url",
    "create_subfolder",
    "update",
    "refetch_data",
    "move_to_folder",
    "delete",
)
def folders_nest_change_move_and_go(ground: Ground) -> None:
    """Folders are nested, renamed (also in a bundle), moved and deleted; another client sees each step."""
    top, other = ground.folder(), ground.folder()
    inner = top.create_subfolder("inner", "described", {"a": [1, None]})
    deepest = inner.create_subfolder("deepest")
    found = ground.again.get_storage_folder(deepest.uuid)
    assert [element.uuid for element in found.path_to_root] == [inner.uuid, top.uuid]
    assert found.parent is not None
    assert (found.parent.description, found.parent.client_metadata) == ("described", {"a": [1, None]})
    assert (found.folder_type, found.is_cloud_synced) == (StorageFolderType.GENERIC, False)
    assert (found.integration_hash, found.remote_url) == (None, None)
    inner.update(name="renamed", client_metadata={"b": 2})
    with Bundle() as bundle:
        top.update(description="first", bundle=bundle)
        other.update(description="second", bundle=bundle)
    inner_again = ground.again.get_storage_folder(inner.uuid)
    assert (inner_again.name, inner_again.client_metadata) == ("renamed", {"b": 2})
    assert ground.again.get_storage_folder(other.uuid).description == "second"
    inner.move_to_folder(other)
    found.refetch_data()
    assert [element.uuid for element in found.path_to_root] == [inner.uuid, other.uuid]
    assert inner.parent_uuid == other.uuid
    with pytest.raises(InvalidArgumentsError):
        other.move_to_folder(deepest)
    with pytest.raises(InvalidArgumentsError):
        inner.delete()
    deepest.delete()
    inner.delete()
    assert list(ground.again.get_storage_folder(other.uuid).list_subfolders()) == []


@check("StorageFolder", "list_subfolders", "find_subfolders", "list_items", "find_items", "get_summary")
def what_lies_in_a_folder_is_listed_and_counted(ground: Ground) -> None:
    """Items and folders are listed sorted and paged, found below, and counted; metadata also comes from signed URLs."""
    top = ground.folder()
    inner = top.create_subfolder("b inner")
    inner.create_subfolder("a deepest")
    names = [f"image {n}" for n in range(5)]
    for name in names:
        top.upload_image(ground.png(), title=name, client_metadata={"name": name})
    below = inner.upload_image(ground.png(), title="below")
    folder = ground.again.get_storage_folder(top.uuid)
    assert [item.name for item in folder.list_items(page_size=2)] == names
    newest_first = folder.list_items(order=FoldersSortBy.CREATED_AT, desc=True, page_size=2)
    assert [item.name for item in newest_first] == names[::-1]
    resolved = folder.list_items(page_size=2, resolve_client_metadata_locally=True)
    assert [item.client_metadata for item in resolved] == [{"name": name} for name in names]
    assert [item.client_metadata for item in folder.list_items(search="image 3", include_client_metadata=False)] == [{}]
    assert [f.name for f in folder.list_subfolders()] == ["b inner"]
    assert [f.name for f in folder.find_subfolders()] == ["a deepest", "b inner"]
    (found,) = folder.find_items(search="below", get_signed_urls=True)
    assert found.uuid == below
    assert list(folder.list_items(item_types=[StorageItemType.AUDIO])) == []
    summary = folder.get_summary()
    assert (summary.files, summary.images, summary.folders) == (6, 6, 2)
    assert summary.total_size > 0


@check("StorageFolder", "move_items_to_folder", "delete_storage_items")
def items_are_moved_and_deleted_several_at_a_time(ground: Ground) -> None:
    """Items are moved and deleted in one call each; out of a mirrored folder only when that is allowed."""
    source, target = ground.folder(), ground.folder()
    uuids = [ground.image(source) for _ in range(3)]
    source.move_items_to_folder(target, uuids[:2])
    assert {item.uuid for item in ground.again.get_storage_folder(target.uuid).list_items()} == set(uuids[:2])
    target.delete_storage_items(uuids[:1])
    assert {item.uuid for item in ground.again.get_storage_folder(target.uuid).list_items()} == {uuids[1]}
    mirrored = ground.me.create_dataset(ground.name("mirrored"), StorageLocation.CORD_STORAGE)
    folder = ground.me.get_storage_folder(mirrored.backing_folder_uuid)
    linked = folder.upload_image(ground.png())
    assert [r.backing_item_uuid for r in ground.again.get_dataset(mirrored.dataset_hash).data_rows] == [linked]
    with pytest.raises(InvalidArgumentsError):
        folder.move_items_to_folder(target, [linked])
    folder.move_items_to_folder(target, [linked], allow_mirror_dataset_changes=True)
    assert ground.again.get_dataset(mirrored.dataset_hash).data_rows == []


@check("StorageFolder", "add_group", "list_groups", "remove_group")
def a_folder_is_shared_with_a_group(ground: Ground) -> None:
    """Somebody sees a folder, and an image below it, while their group has access, and not before or after."""
    folder = ground.folder()
    uuid = ground.image(folder.create_subfolder("inner"))
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    with pytest.raises(AuthorisationError):
        ground.anna.get_storage_item(uuid)
    folder.add_group(group.group_hash, StorageUserRole.USER)
    ((known, role),) = [(g.group_hash, g.user_role) for g in ground.again.get_storage_folder(folder.uuid).list_groups()]
    assert (known, role) == (group.group_hash, StorageUserRole.USER)
    assert ground.anna.get_storage_item(uuid).uuid == uuid
    folder.remove_group(group.group_hash)
    with pytest.raises(AuthorisationError):
        ground.anna.get_storage_item(uuid)


@check(
    "StorageFolder",
    "upload_image",
    "upload_video",
    "upload_audio",
    "upload_text",
    "upload_pdf",
    "upload_nifti",
    "upload_time_series",
    "upload_scene_file",
)
@check(
    "StorageItem",
    "uuid",
    "name",
    "item_type",
    "mime_type",
    "width",
    "height",
    "fps",
    "frame_count",
    "duration",
    "file_size",
    "audio_sample_rate",
    "audio_bit_depth",
    "audio_codec",
    "audio_num_channels",
    "get_signed_url",
    "url",
    "integration_hash",
    "storage_location",
    "timeseries_settings",
)
def files_of_every_kind_are_uploaded_read_and_served(ground: Ground) -> None:
    """Files are uploaded; another client reads what was found in their headers, and fetches the very same bytes."""
    folder = ground.folder()
    settings = TimeSeriesViewSettings(channels={"speed": TimeSeriesLineChannelViewSettings(label="km/h")})
    files = {
        "image": ground.png(),
        "video": media_files.mp4(ground.file("mp4")),
        "audio": media_files.wav(ground.file("wav")),
        "text": media_files.text(ground.file("txt")),
        "html": media_files.text(ground.file("html"), "<p>Hallo</p>"),
        "pdf": media_files.pdf(ground.file("pdf")),
        "nifti": media_files.nifti(ground.file("nii")),
        "series": media_files.csv(ground.file("csv")),
        "scene": media_files.pcd(ground.file("pcd")),
    }
    uuids = {
        "image": folder.upload_image(files["image"]),
        "video": folder.upload_video(files["video"]),
        "audio": folder.upload_audio(files["audio"]),
        "text": folder.upload_text(files["text"]),
        "html": folder.upload_text(files["html"]),
        "pdf": folder.upload_pdf(files["pdf"]),
        "nifti": folder.upload_nifti(files["nifti"]),
        "series": folder.upload_time_series(files["series"], settings=settings),
        "scene": folder.upload_scene_file(files["scene"]),
    }
    items = {kind: ground.item(uuid) for kind, uuid in uuids.items()}
    image, video, audio = items["image"], items["video"], items["audio"]
    assert (image.mime_type, image.width, image.height) == ("image/png", 64, 48)
    assert (video.width, video.height, video.frame_count, video.fps, video.duration) == (64, 48, 10, 5, 2)
    assert (audio.audio_sample_rate, audio.audio_bit_depth, audio.audio_num_channels) == (8000, 16, 2)
    assert (audio.audio_codec, audio.duration) == ("pcm_s16le", 2)
    assert (items["text"].mime_type, items["html"].mime_type) == ("text/plain", "text/html")
    assert (items["pdf"].frame_count, items["nifti"].frame_count, items["nifti"].width) == (2, 4, 8)
    assert items["series"].timeseries_settings == settings
    assert items["scene"].item_type == StorageItemType.SCENE
    for kind, item in items.items():
        assert item.uuid == uuids[kind]
        assert item.name == files[kind].name
        assert (item.url, item.integration_hash, item.storage_location.value) == (None, None, "encord")
        if kind != "scene":
            assert requests.get(item.get_signed_url(), timeout=5).content == files[kind].read_bytes()
            assert item.file_size == files[kind].stat().st_size


@check("StorageFolder", "create_image_group", "create_image_sequence", "create_dicom_series")
@check("StorageItem", "get_child_items", "dicom_instance_uid", "dicom_study_uid", "dicom_series_uid")
def groups_of_files_are_uploaded(ground: Ground) -> None:
    """Image groups, sequences and DICOM series are made of files; their child items are the files, in order."""
    folder = ground.folder()
    frames = [media_files.png(ground.file("png"), shade) for shade in (10, 20, 30)]
    slices = [media_files.dicom(ground.file("dcm"), number) for number in (1, 2)]
    group = ground.item(folder.create_image_group(frames, title="group"))
    sequence = ground.item(folder.create_image_sequence(frames, title="sequence"))
    series = ground.item(folder.create_dicom_series(slices, title="series"))
    assert [g.item_type.value for g in (group, sequence, series)] == ["imageGroup", "imageSequence", "dicomSeries"]
    for made, files in ((group, frames), (sequence, frames), (series, slices)):
        children = list(made.get_child_items(get_signed_urls=True))
        assert [child.name for child in children] == [file.name for file in files]
        for child, file in zip(children, files, strict=True):
            assert requests.get(child.get_signed_url(), timeout=5).content == file.read_bytes()
    assert (sequence.frame_count, sequence.width) == (3, 64)
    assert (series.dicom_study_uid, series.dicom_series_uid) == ("1.2.9", "1.2.8")
    assert [child.dicom_instance_uid for child in series.get_child_items()] == ["1.2.3.1", "1.2.3.2"]
    assert {item.uuid for item in folder.list_items()} == {group.uuid, sequence.uuid, series.uuid}


@check("StorageFolder", "create_data_group", "create_data_groups")
@check("StorageItem", "get_summary")
def items_are_put_into_data_groups(ground: Ground) -> None:
    """Data groups are made of items; their children, their layout and what an item is part of are read back."""
    folder = ground.folder()
    image, video = ground.image(folder), folder.upload_video(media_files.mp4(ground.file("mp4")))
    carousel = folder.create_data_group([image, video])
    (grid,) = folder.create_data_groups([DataGroupGrid(layout_contents=[video, image], name="grid")])
    assert [child.uuid for child in ground.item(carousel).get_child_items()] == [image, video]
    summary = ground.item(grid).get_summary()
    assert summary.data_group is not None
    assert [child.uuid for child in summary.data_group.layout_contents.values()] == [video, image]
    part = ground.item(image).get_summary()
    assert part.frame_in_groups == 2
    assert {group.uuid for group in part.accessible_group_items} == {carousel, grid}
    with pytest.raises(InvalidArgumentsError):
        folder.create_data_group([carousel])


@check("StorageFolder", "upload_scene")
def a_scene_of_streams_is_uploaded(ground: Ground) -> None:
    """A scene is built of a point cloud and a posed camera's image; the SDK's scene reader reads its streams back."""
    from encord.beta.scene import (
        CompositePose,
        Position,
        QuaternionRotation,
        SceneBuilder,
        SceneReader,
        SimpleIntrinsics,
    )

    scene = SceneBuilder()
    ego = scene.add_for_stream("ego")
    pose = CompositePose(QuaternionRotation(qx=0, qy=0, qz=0, qw=1), Position(1, 2, 3))
    ego.add_pose(pose, timestamp=0)
    scene.add_pcd_stream("lidar", frame_of_reference=ego).add_pcd(uri="s3://bucket/0.pcd", timestamp=0)
    intrinsics = SimpleIntrinsics(fx=1, fy=1, ox=0, oy=0)
    images = scene.add_image_stream("front", width=64, height=48, intrinsics=intrinsics, timestamp=0)
    images.add_image(uri="s3://bucket/0.png", timestamp=0)
    uuid = ground.folder().upload_scene(scene, "a scene", BUCKET)
    read = SceneReader(ground.item(uuid)).read()
    assert [event.url for event in read.get_stream("lidar", kind="point_cloud").events] == ["s3://bucket/0.pcd"]
    assert [event.url for event in read.get_stream("front", kind="image").events] == ["s3://bucket/0.png"]
    (where,) = read.get_stream("ego", kind="frame_of_reference").events
    assert where.position == (1, 2, 3)


@check("StorageFolder", "add_private_data_to_folder_start", "add_private_data_to_folder_get_result")
def private_data_is_registered_in_both_forms(ground: Ground) -> None:
    """Cloud objects are registered with the SDK's models and with a customer's JSON; faults are named per object."""
    folder = ground.folder()
    film = CustomerProvidedVideoMetadata(
        fps=25, duration=4, width=1920, height=1080, file_size=9, mime_type="video/mp4"
    )
    items = DataUploadItems(
        images=[DataUploadImage(object_url="s3://bucket/a%20b.png", client_metadata={"n": 1})],
        videos=[DataUploadVideo(object_url="s3://bucket/film.mp4", title="film", video_metadata=film)],
    )
    result = _register(folder, BUCKET, items)
    assert (result.status, [item.name for item in result.items_with_names]) == (
        LongPollingStatus.DONE,
        ["film", "a b.png"],
    )
    video = ground.item(result.items_with_names[0].item_uuid)
    assert (video.frame_count, video.width, video.url, video.storage_location.value) == (
        100,
        1920,
        "s3://bucket/film.mp4",
        "s3",
    )
    assert video.integration_hash == UUID(BUCKET)
    customers = ground.file("json")
    customers.write_text(
        json.dumps(
            {
                "image_groups": [{"title": "pair", "objectUrl_0": "gs://b/0.png", "objectUrl_1": "gs://b/1.png"}],
                "audio": [{"objectUrl": "gs://b/sound.wav"}],
                "pdfs": [{"objectUrl": "gs://b/paper.pdf"}],
                "text": [{"objectUrl": "gs://b/words.txt"}],
                "nifti": [{"objectUrl": "gs://b/brain.nii"}],
                "dicom_series": [{"title": "scan", "objectUrl_0": "gs://b/0.dcm"}],
                "images": [{"objectUrl": "s3://bucket/a%20b.png", "clientMetadata": {"n": 2}}],
                "skip_duplicate_urls": True,
                "upsert_metadata": True,
            }
        )
    )
    more = _register(folder, BUCKET, customers)
    assert more.file_name == customers.name
    names = {item.name for item in more.items_with_names}
    assert names == {"pair", "sound.wav", "paper.pdf", "words.txt", "brain.nii", "scan"}
    assert ground.item(result.items_with_names[1].item_uuid).client_metadata == {"n": 2}
    wrong = {"images": [{"objectUrl": "s3://limited/there.png"}, {"objectUrl": "s3://limited/missing.png"}]}
    failed = _register(folder, LIMITED_BUCKET, wrong)
    assert (failed.status, failed.units_error_count, failed.items_with_names) == (LongPollingStatus.ERROR, 1, [])
    assert failed.unit_errors[0].object_urls == ["s3://limited/missing.png"]
    partly = _register(folder, LIMITED_BUCKET, wrong, ignore_errors=True)
    assert (partly.status, partly.units_done_count, partly.units_error_count) == (LongPollingStatus.DONE, 1, 1)
    with pytest.raises(InvalidArgumentsError):
        folder.add_private_data_to_folder_start(BUCKET, {"holograms": []})


def _register(folder: StorageFolder, bucket: str, files: object, *, ignore_errors: bool = False):  # type: ignore[no-untyped-def]
    job = folder.add_private_data_to_folder_start(bucket, files, ignore_errors)  # type: ignore[arg-type]
    return folder.add_private_data_to_folder_get_result(job, timeout_seconds=20)


@check("StorageFolder", "add_data_to_folder_job_cancel")
def a_pending_upload_job_is_cancelled(ground: Ground) -> None:
    """A job that is still pending is cancelled: its result says so, and nothing was registered."""
    folder = ground.folder()
    ground.site.control("PATCH", "switches", {"upload_job_seconds": 3600})
    try:
        job = folder.add_private_data_to_folder_start(BUCKET, {"images": [{"objectUrl": "s3://bucket/x.png"}]})
        assert folder.add_private_data_to_folder_get_result(job, timeout_seconds=0).status == LongPollingStatus.PENDING
        assert folder.add_data_to_folder_job_cancel(job).units_cancelled_count == 1
        assert folder.add_private_data_to_folder_get_result(job).status == LongPollingStatus.CANCELLED
    finally:
        ground.site.control("PATCH", "switches", {"upload_job_seconds": 0})
    assert list(folder.list_items()) == []


@check("StorageFolder", "re_encode_videos", "get_re_encoding_status")
def videos_are_re_encoded(ground: Ground) -> None:
    """A job is started and found done; what is no video is refused."""
    folder = ground.folder()
    video = folder.upload_video(media_files.mp4(ground.file("mp4")))
    job = folder.re_encode_videos([video], "again", force_full_reencoding=False)
    assert folder.get_re_encoding_status(job).status.value == "done"
    with pytest.raises(InvalidArgumentsError):
        folder.re_encode_videos([ground.image(folder)], "again", force_full_reencoding=True)


@check(
    "StorageFolder",
    "sync_private_data_with_cloud_synced_folder_start",
    "sync_private_data_with_cloud_synced_folder_get_result",
)
def a_folder_follows_its_bucket(ground: Ground) -> None:
    """A folder synced with a bucket holds what lies there below its URL; syncing again adds nothing."""
    params = CloudSyncedFolderParams(integration_uuid=UUID(LIMITED_BUCKET), remote_url="s3://limited/")
    folder = ground.me.create_storage_folder(ground.name("synced"), cloud_synced_folder_params=params)
    assert (folder.is_cloud_synced, folder.remote_url) == (True, "s3://limited/")
    for _ in range(2):
        job = folder.sync_private_data_with_cloud_synced_folder_start()
        assert (
            folder.sync_private_data_with_cloud_synced_folder_get_result(job, timeout_seconds=20).status.value == "done"
        )
        assert [item.url for item in ground.again.get_storage_folder(folder.uuid).list_items()] == [
            "s3://limited/there.png"
        ]
    with pytest.raises(InvalidArgumentsError):
        ground.folder().sync_private_data_with_cloud_synced_folder_start()


@check("StorageFolder", "get_folder_config", "enable_metadata_ingestion")
def a_folder_keeps_its_configuration(ground: Ground) -> None:
    """Metadata ingestion is switched on and read back by another client."""
    folder = ground.folder()
    assert folder.get_folder_config().metadata_ingestion is None
    folder.enable_metadata_ingestion(SidecarMatcherSuffix(suffix=".meta.json"), paused=True)
    found = ground.again.get_storage_folder(folder.uuid).get_folder_config().metadata_ingestion
    assert found is not None
    assert (found.matcher.suffix, found.paused) == (".meta.json", True)


@check(
    "StorageItem",
    "update",
    "refetch_data",
    "move_to_folder",
    "parent_folder",
    "parent_folder_uuid",
    "client_metadata",
    "description",
    "created_at",
    "last_edited_at",
    "backed_data_units_count",
    "delete",
)
def an_item_changes_moves_and_goes(ground: Ground) -> None:
    """An item is renamed (also in a bundle), moved, linked and deleted; another client sees each step."""
    target = ground.folder()
    item, second = (ground.me.get_storage_item(ground.image()) for _ in range(2))
    item.update(name="renamed", description="described", client_metadata={"a": {"b": None}})
    with Bundle() as bundle:
        item.update(client_metadata={"bundled": 1}, bundle=bundle)
        second.update(client_metadata={"bundled": 2}, bundle=bundle)
    found = ground.item(item.uuid)
    assert (found.name, found.description, found.client_metadata) == ("renamed", "described", {"bundled": 1})
    assert found.last_edited_at > found.created_at
    second.refetch_data()
    assert second.client_metadata == {"bundled": 2}
    item.move_to_folder(target)
    assert item.parent_folder_uuid == target.uuid
    assert ground.item(item.uuid).parent_folder().name == target.name
    dataset = ground.dataset()
    dataset.link_items([item.uuid])
    assert ground.item(item.uuid).backed_data_units_count == 1
    item.delete()
    assert ground.again.get_dataset(dataset.dataset_hash).data_rows == []
    assert list(ground.again.get_storage_folder(target.uuid).list_items()) == []
    with pytest.raises(EncordException):
        ground.again.get_storage_item(item.uuid)
