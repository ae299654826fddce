"""Checks of datasets and ontologies."""

from uuid import UUID

import pytest
from encord.constants.enums import DataType
from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceExistsError
from encord.objects import Shape
from encord.orm.dataset import (
    DataLinkDuplicatesBehavior,
    DatasetAccessSettings,
    DatasetUserRole,
    ImagesDataFetchOptions,
    LongPollingStatus,
    StorageLocation,
)
from encord.utilities.ontology_user import OntologyUserRole

from tests.integration.emulator import media_files

from .ground import ANNA, BUCKET, Ground
from .registry import check


@check("Dataset", "dataset_hash", "title", "description", "backing_folder_uuid", "storage_location")
@check("Dataset", "data_rows", "list_data_rows", "link_items", "refetch_data", "get_dataset", "set_access_settings")
def items_are_linked_and_listed(ground: Ground) -> None:
    """Items become data units once, twice or not, as is asked for; another client lists them, filtered."""
    folder, dataset = ground.folder(), ground.dataset()
    first = folder.upload_image(ground.png(), title="first", client_metadata={"n": 1})
    film = folder.upload_video(media_files.mp4(ground.file("mp4")), title="film")
    rows = dataset.link_items([first, film])
    assert [row.title for row in rows] == ["first", "film"]
    assert dataset.link_items([first]) == []
    with pytest.raises(ResourceExistsError):
        dataset.link_items([first], DataLinkDuplicatesBehavior.FAIL)
    (twice,) = dataset.link_items([first], DataLinkDuplicatesBehavior.DUPLICATE)
    dataset.refetch_data()
    assert [row.uid for row in dataset.data_rows] == [*(row.uid for row in rows), twice.uid]
    found = ground.again.get_dataset(dataset.dataset_hash, DatasetAccessSettings(fetch_client_metadata=True))
    assert (found.storage_location, found.backing_folder_uuid) == (StorageLocation.CORD_STORAGE, None)
    title = ground.name("mirrored")
    made = ground.me.create_dataset(title, StorageLocation.CORD_STORAGE, dataset_description="described")
    mirrored = ground.again.get_dataset(made.dataset_hash)
    assert (mirrored.title, mirrored.description) == (title, "described")
    assert mirrored.backing_folder_uuid == made.backing_folder_uuid is not None
    assert found.get_dataset().dataset_hash == found.dataset_hash
    assert dict(found.data_rows[0].client_metadata) == {"n": 1}
    found.set_access_settings(DatasetAccessSettings(fetch_client_metadata=False))
    assert found.data_rows[0].client_metadata is None
    assert [row.uid for row in found.list_data_rows(data_types=[DataType.VIDEO])] == [rows[1].uid]
    assert [row.uid for row in found.list_data_rows(title_like="fir%", created_after=ground.lately)] == [
        rows[0].uid,
        twice.uid,
    ]
    assert found.list_data_rows(title_eq="first", data_hashes=[rows[1].uid]) == []
    row = found.data_rows[1]
    row.refetch_data(signed_url=True, client_metadata=True)
    assert row.signed_url is not None
    assert (row.backing_item_uuid, row.frames_per_second, row.duration) == (film, 5, 2)
    pair = folder.create_image_group([ground.png(), ground.png()])
    (group,) = dataset.link_items([pair])
    group.refetch_data(images_data_fetch_options=ImagesDataFetchOptions(fetch_signed_urls=True))
    assert len(group.images_data) == 2
    row.title = "renamed"
    row.client_metadata = {"set": True}
    row.save()
    assert ground.item(film).name == "renamed"
    assert ground.item(film).client_metadata == {"set": True}


@check("Dataset", "upload_image", "upload_video", "create_image_group", "create_dicom_series", "delete_data")
def files_are_uploaded_to_a_dataset(ground: Ground) -> None:
    """Files uploaded to a dataset are data units of it for another client, and gone when deleted."""
    created = ground.me.create_dataset(ground.name("uploads"), StorageLocation.CORD_STORAGE)
    dataset = ground.me.get_dataset(created.dataset_hash)
    image = dataset.upload_image(ground.png(), title="image")
    video = dataset.upload_video(media_files.mp4(ground.file("mp4")), title="video", folder=ground.folder())
    (group,) = dataset.create_image_group([ground.png(), ground.png()], title="group", create_video=False)
    series = dataset.create_dicom_series([media_files.dicom(ground.file("dcm"))], title="series")
    rows = {row.title: row for row in ground.again.get_dataset(dataset.dataset_hash).data_rows}
    assert {title: row.uid for title, row in rows.items()} == {
        "image": image["data_hash"],
        "video": video["data_hash"],
        "group": group["data_hash"],
        "series": series["data_hash"],
    }
    assert [rows[title].data_type.name for title in ("image", "video", "group", "series")] == [
        "IMAGE",
        "VIDEO",
        "IMG_GROUP",
        "DICOM",
    ]
    dataset.delete_data([image["data_hash"], video["data_hash"]])
    assert {row.title for row in ground.again.get_dataset(dataset.dataset_hash).data_rows} == {"group", "series"}


@check("Dataset", "add_private_data_to_dataset", "add_private_data_to_dataset_start")
@check("Dataset", "add_private_data_to_dataset_get_result")
def private_data_is_registered_in_a_dataset(ground: Ground) -> None:
    """Cloud objects become data units, in the dataset's folder or in one that is named."""
    dataset, folder = ground.dataset(), ground.folder()
    files = {"images": [{"objectUrl": "s3://bucket/one.png"}], "videos": [{"objectUrl": "s3://bucket/two.mp4"}]}
    added = dataset.add_private_data_to_dataset(BUCKET, files).dataset_data_list
    assert [entry.title for entry in added] == ["one.png", "two.mp4"]
    job = dataset.add_private_data_to_dataset_start(BUCKET, {"pdfs": [{"objectUrl": "s3://b/3.pdf"}]}, folder=folder)
    result = dataset.add_private_data_to_dataset_get_result(job)
    assert (result.status, result.units_done_count) == (LongPollingStatus.DONE, 1)
    found = {row.title: row for row in ground.again.get_dataset(dataset.dataset_hash).data_rows}
    assert set(found) == {"one.png", "two.mp4", "3.pdf"}
    assert ground.item(found["3.pdf"].backing_item_uuid).parent_folder_uuid == folder.uuid


@check("Dataset", "update_data_item", "re_encode_data", "re_encode_data_status")
def the_old_ways_of_changing_data_work(ground: Ground) -> None:
    """A data unit is renamed and another client sees it; a re-encoding is done."""
    dataset = ground.dataset(1)
    data_hash = dataset.data_rows[0].uid
    assert dataset.update_data_item(data_hash, "renamed")
    assert ground.again.get_dataset(dataset.dataset_hash).data_rows[0].title == "renamed"
    status = dataset.re_encode_data_status(dataset.re_encode_data([data_hash]))
    assert (status.status, [done.data_hash for done in status.result]) == ("DONE", [data_hash])


@check("Dataset", "add_users", "list_users", "remove_users", "add_group", "list_groups", "remove_group")
def a_dataset_is_shared(ground: Ground) -> None:
    """Somebody sees a dataset while they, or their group, have access, and not before or after."""
    dataset = ground.dataset(1)
    with pytest.raises(AuthorisationError):
        ground.anna.get_dataset(dataset.dataset_hash)
    dataset.add_users([ANNA], DatasetUserRole.USER)
    again = ground.again.get_dataset(dataset.dataset_hash)
    assert (ANNA, DatasetUserRole.USER) in {(user.user_email, user.user_role) for user in again.list_users()}
    assert ground.anna.get_dataset(dataset.dataset_hash).title == dataset.title
    (same,) = dataset.add_users([ANNA], DatasetUserRole.ADMIN)
    assert same.user_role == DatasetUserRole.USER  # a role that somebody has stays, the SDK says
    with pytest.raises(AuthorisationError):
        ground.anna.get_dataset(dataset.dataset_hash).remove_users([ANNA])
    dataset.remove_users([ANNA])
    with pytest.raises(AuthorisationError):
        ground.anna.get_dataset(dataset.dataset_hash)
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    dataset.add_group(group.group_hash, DatasetUserRole.ADMIN)
    assert [(g.group_hash, g.user_role) for g in again.list_groups()] == [(group.group_hash, DatasetUserRole.ADMIN)]
    assert ground.anna.get_dataset(dataset.dataset_hash).title == dataset.title
    dataset.remove_group(group.group_hash)
    with pytest.raises(AuthorisationError):
        ground.anna.get_dataset(dataset.dataset_hash)


@check("Ontology", "ontology_hash", "title", "description", "created_at", "last_edited_at", "structure")
@check("Ontology", "save", "refetch_data")
def an_ontology_is_changed(ground: Ground) -> None:
    """Title, description and structure are changed and saved; another client, and one that fetches anew, read them."""
    made = ground.ontology()
    stale = ground.again.get_ontology(made.ontology_hash)
    renamed = ground.name("renamed")
    made.title, made.description = renamed, "described anew"
    made.structure.add_object("Lane", Shape.POLYLINE)
    made.save()
    found = ground.again.get_ontology(made.ontology_hash)
    assert (found.title, found.description, found.user_role) == (renamed, "described anew", OntologyUserRole.ADMIN)
    assert [thing.name for thing in found.structure.objects] == ["Car", "Lane"]
    assert str(found.last_edited_at) > str(found.created_at) > "20"
    stale.refetch_data()
    assert len(stale.structure.objects) == 2
    with pytest.raises(AuthorisationError):
        ground.anna.get_ontology(made.ontology_hash)


@check("Ontology", "add_group", "list_groups", "remove_group", "user_role")
def an_ontology_is_shared_with_a_group(ground: Ground) -> None:
    """Somebody reads an ontology while their group has access; as a user they may not change it."""
    made = ground.ontology()
    group = ground.me.create_group(ground.name("group"))
    group.add_users([ANNA])
    made.add_group(group.group_hash, OntologyUserRole.USER)
    again = ground.again.get_ontology(made.ontology_hash)
    assert [g.group_hash for g in again.list_groups()] == [group.group_hash]
    theirs = ground.anna.get_ontology(made.ontology_hash)
    assert theirs.user_role == OntologyUserRole.USER
    with pytest.raises(AuthorisationError):
        theirs.save()
    made.remove_group([group.group_hash])
    with pytest.raises(AuthorisationError):
        ground.anna.get_ontology(made.ontology_hash)
    with pytest.raises(InvalidArgumentsError):
        made.remove_group(UUID(str(group.group_hash)))
