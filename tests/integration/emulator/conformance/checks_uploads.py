"""Checks of what comes into storage: uploads, registered cloud data, groups, scenes, jobs."""

import json
from uuid import UUID

import pytest
import requests
from encord.beta.scene import CompositePose, Position, QuaternionRotation, SceneBuilder, SceneReader, SimpleIntrinsics
from encord.exceptions import InvalidArgumentsError
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import (
    CloudSyncedFolderParams,
    CustomerProvidedVideoMetadata,
    DataGroupGrid,
    DataUploadImage,
    DataUploadItems,
    DataUploadVideo,
    StorageItemType,
    TimeSeriesLineChannelViewSettings,
    TimeSeriesViewSettings,
    UploadLongPollingState,
)
from encord.storage import StorageFolder
from encord.utilities.storage.cloud_data_migration import update_storage_item_cloud_info

from tests.integration.emulator import media_files

from .ground import BUCKET, LIMITED_BUCKET, Ground
from .registry import check


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
    assert (sequence.frame_count, sequence.width, sequence.mime_type) == (3, 64, "video/quicktime")
    compressed = ground.file("mov")
    compressed.write_bytes(requests.get(sequence.get_signed_url(), timeout=5).content)
    assert [round(shade) for shade in media_files.shades(compressed)] == [10, 20, 30]
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
    scene = SceneBuilder()
    ego = scene.add_for_stream("ego")
    pose = CompositePose(QuaternionRotation(qx=0, qy=0, qz=0, qw=1), Position(1, 2, 3))
    ego.add_pose(pose, timestamp=0)
    scene.add_pcd_stream("lidar", frame_of_reference=ego).add_pcd(uri="s3://bucket/0.pcd", timestamp=0)
    intrinsics = SimpleIntrinsics(fx=1, fy=1, ox=0, oy=0)
    images = scene.add_image_stream("front", width=64, height=48, intrinsics=intrinsics, timestamp=0)
    folder, picture = ground.folder(), ground.png()
    (place,) = folder._get_upload_signed_urls(StorageItemType.IMAGE, 1)
    assert requests.put(place.signed_url, data=picture.read_bytes(), timeout=5).ok, "not taken"
    images.add_image(uri=place.object_key, timestamp=0)
    uuid = folder.upload_scene(scene, "a scene", BUCKET)
    read = SceneReader(ground.item(uuid)).read()
    assert [event.url for event in read.get_stream("lidar", kind="point_cloud").events] == ["s3://bucket/0.pcd"]
    (seen,) = read.get_stream("front", kind="image").events
    assert seen.url == place.object_key
    assert requests.get(seen.signed_url, timeout=5).content == picture.read_bytes()
    (where,) = read.get_stream("ego", kind="frame_of_reference").events
    assert where.position == (1, 2, 3)


@check("StorageItem", "url")
def an_item_follows_its_object(ground: Ground) -> None:
    """The SDK's tool for moved objects gives an item another URL; another client reads it."""
    folder = ground.folder()
    (made,) = _register(
        folder, BUCKET, DataUploadItems(images=[DataUploadImage(object_url="s3://before/a.png")])
    ).items_with_names
    update_storage_item_cloud_info(
        ground.me, made.item_uuid, new_url="s3://after/a.png", new_cloud_integration=UUID(BUCKET)
    )
    assert ground.item(made.item_uuid).url == "s3://after/a.png"


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


def _register(
    folder: StorageFolder, bucket: str, files: object, *, ignore_errors: bool = False
) -> UploadLongPollingState:
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
@check("StorageFolder", "is_cloud_synced", "integration_hash", "remote_url")
@check("StorageItem", "url", "integration_hash")
def a_folder_follows_its_bucket(ground: Ground) -> None:
    """A folder synced with a bucket holds what lies there below its URL; syncing again adds nothing."""
    params = CloudSyncedFolderParams(integration_uuid=UUID(LIMITED_BUCKET), remote_url="s3://limited/")
    folder = ground.me.create_storage_folder(ground.name("synced"), cloud_synced_folder_params=params)
    assert (folder.is_cloud_synced, folder.remote_url) == (True, "s3://limited/")
    assert str(folder.integration_hash) == LIMITED_BUCKET
    for _ in range(2):
        job = folder.sync_private_data_with_cloud_synced_folder_start()
        assert (
            folder.sync_private_data_with_cloud_synced_folder_get_result(job, timeout_seconds=20).status.value == "done"
        )
        (item,) = ground.again.get_storage_folder(folder.uuid).list_items()
        assert (item.url, str(item.integration_hash)) == ("s3://limited/there.png", LIMITED_BUCKET)
    with pytest.raises(InvalidArgumentsError):
        ground.folder().sync_private_data_with_cloud_synced_folder_start()
