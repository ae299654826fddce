"""Checks of the user client: ways in, organisation, lists, schema."""

from datetime import datetime
from uuid import UUID

import pytest
from encord import EncordUserClient
from encord.exceptions import AuthorisationError, ResourceNotFoundError
from encord.metadata_schema import MetadataSchemaScalarType
from encord.orm.client_metadata_schema import ClientMetadataSchemaTypes
from encord.orm.dataset import StorageLocation
from encord.orm.storage import StorageItemType

from tests.integration.emulator.conftest import KEYS, OPERATOR

from .ground import BUCKET, Ground
from .registry import absent, check

absent(
    "imports a CVAT export: another vendor's format, outside the emulated part of the platform",
    "EncordUserClient.create_project_from_cvat",
    "EncordUserClient.create_project_from_cvat_start",
    "EncordUserClient.create_project_from_cvat_get_result",
)
absent(
    "rewrites DICOM files in the customer's bucket: the emulator has no bucket",
    "EncordUserClient.deidentify_dicom_files",
    "EncordUserClient.deidentify_dicom_files_start",
    "EncordUserClient.deidentify_dicom_files_get_result",
)
absent("model training and inference: outside the emulated part of the platform", "EncordUserClient.ml_models")


@check(
    "EncordUserClient",
    "create_with_ssh_private_key",
    "create_with_bearer_token",
    "get_bearer_token",
    "user_config",
    "querier",
)
def a_bearer_token_sees_what_its_owner_sees(ground: Ground) -> None:
    """A token is asked for with a signed request; a client of that token lists the same projects."""
    project = ground.project()
    signed = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=ground.site.url)
    assert signed.user_config.domain == ground.site.url
    assert signed.querier.resource_id is None
    bearer = EncordUserClient.create_with_bearer_token(signed.get_bearer_token(), domain=ground.site.url)
    assert bearer.get_project(project.project_hash).title == project.title
    with pytest.raises(AuthorisationError):
        ground.anna.get_project(project.project_hash)


@check("EncordUserClient", "create_project", "get_project", "list_projects", "get_projects", "get_project_client")
def projects_are_created_and_listed(ground: Ground) -> None:
    """A project is created; another client gets it, lists it by title, by description and by date, and counts it."""
    ontology, dataset = ground.ontology(), ground.dataset(1)
    title = ground.name("listed")
    project_hash = ground.me.create_project(title, [dataset.dataset_hash], "its description", ontology.ontology_hash)
    client = ground.again
    found = client.get_project(project_hash)
    assert (found.title, found.description, found.ontology_hash) == (title, "its description", ontology.ontology_hash)
    assert [p.project_hash for p in client.list_projects(title_eq=title)] == [project_hash]
    assert [p.project_hash for p in client.list_projects(title_like=f"{title[:-1]}_", desc_eq="nothing")] == []
    assert [p.project_hash for p in client.list_projects(title_eq=title, created_before=ground.lately)] == []
    (old,) = client.get_projects(title_eq=title, created_after=ground.lately)
    assert old["project"]["project_hash"] == project_hash
    assert client.get_project_client(project_hash).get_project()["title"] == title


@check(
    "EncordUserClient", "create_dataset", "create_private_dataset", "get_dataset", "get_datasets", "get_dataset_client"
)
def datasets_are_created_and_listed(ground: Ground) -> None:
    """Datasets with and without a folder are created; another client gets them and lists them by title."""
    title = ground.name("listed dataset")
    mirrored = ground.me.create_dataset(title, StorageLocation.CORD_STORAGE, "its description")
    private = ground.me.create_private_dataset(ground.name("private"), StorageLocation.AWS)
    client = ground.again
    found = client.get_dataset(mirrored.dataset_hash)
    assert (found.title, found.description) == (title, "its description")
    assert found.backing_folder_uuid == mirrored.backing_folder_uuid is not None
    (listed,) = client.get_datasets(title_eq=title, created_after=ground.lately)
    assert listed["dataset"].dataset_hash == mirrored.dataset_hash
    assert client.get_datasets(title_like="nothing like it%") == []
    assert client.get_dataset_client(private.dataset_hash).get_dataset().title == private.title


@check("EncordUserClient", "create_ontology", "get_ontology", "get_ontologies")
def ontologies_are_created_and_listed(ground: Ground) -> None:
    """An ontology is created; another client gets it with its structure and lists it by title."""
    made = ground.ontology()
    found = ground.again.get_ontology(made.ontology_hash)
    assert found.structure.to_dict() == made.structure.to_dict()
    (listed,) = ground.again.get_ontologies(title_eq=made.title, edited_after=ground.lately)
    assert listed["ontology"].ontology_hash == made.ontology_hash
    assert ground.again.get_ontologies(title_eq=made.title, created_before=ground.lately) == []


@check(
    "EncordUserClient", "create_storage_folder", "get_storage_folder", "list_storage_folders", "find_storage_folders"
)
def folders_are_created_and_found(ground: Ground) -> None:
    """Folders are created at the top and inside; only the outer one is listed at the top, both are found by search."""
    word = ground.name("search word")
    outer = ground.me.create_storage_folder(f"outer {word}", "described", {"a": 1})
    inner = ground.me.create_storage_folder(f"inner {word}", parent_folder=outer)
    client = ground.again
    assert client.get_storage_folder(outer.uuid).client_metadata == {"a": 1}
    assert [f.uuid for f in client.list_storage_folders(search=word)] == [outer.uuid]
    assert [f.uuid for f in client.find_storage_folders(search=word, desc=True)] == [outer.uuid, inner.uuid]
    assert list(client.find_storage_folders(search=word, dataset_synced=True)) == []
    assert list(ground.anna.find_storage_folders(search=word)) == []


@check("EncordUserClient", "get_storage_item", "get_storage_items", "find_storage_items")
def items_are_fetched_and_found(ground: Ground) -> None:
    """Uploaded items are fetched one by one, several at a time in the order asked for, and found by name and type."""
    folder, word = ground.folder(), ground.name("needle")
    uuids = [folder.upload_image(ground.png(), title=f"{word} {n}") for n in range(3)]
    client = ground.again
    assert client.get_storage_item(uuids[1]).name == f"{word} 1"
    mixed = [uuids[2], uuids[0], uuids[1]]
    assert [item.uuid for item in client.get_storage_items(mixed, sign_url=True)] == mixed
    images = client.find_storage_items(search=word, item_types=[StorageItemType.IMAGE], is_in_dataset=False)
    assert {item.uuid for item in images} == set(uuids)
    assert list(client.find_storage_items(search=word, item_types=[StorageItemType.VIDEO])) == []
    with pytest.raises(ResourceNotFoundError):
        client.get_storage_item(UUID(int=1))
    with pytest.raises(AuthorisationError):
        ground.anna.get_storage_item(uuids[0])


@check("EncordUserClient", "get_cloud_integrations")
@check("Project", "get_cloud_integrations")
@check("Dataset", "get_cloud_integrations")
def cloud_integrations_are_listed(ground: Ground) -> None:
    """The integrations of the world file are listed, filtered by title, and seen from projects and datasets too."""
    assert BUCKET in {integration.id for integration in ground.me.get_cloud_integrations()}
    (one,) = ground.me.get_cloud_integrations(filter_integration_titles=["Open bucket"])
    assert one.id == BUCKET
    assert ground.me.get_cloud_integrations(filter_integration_uuids=[BUCKET])[0].title == "Open bucket"
    assert BUCKET in {integration.id for integration in ground.dataset().get_cloud_integrations()}
    assert BUCKET in {integration.id for integration in ground.project().get_cloud_integrations()}


@check("EncordUserClient", "create_organisation_tag", "list_organisation_tags", "list_project_tags")
@check("EncordUserClient", "delete_organisation_tag")
def organisation_tags_come_and_go(ground: Ground) -> None:
    """A tag is created, listed by another client, and gone when deleted by its name."""
    tag = ground.me.create_organisation_tag(ground.name("tag"), "described")
    assert tag in ground.again.list_organisation_tags()
    assert tag in ground.again.list_project_tags()
    ground.me.delete_organisation_tag(tag_name=tag.name)
    assert tag not in ground.again.list_organisation_tags()


@check("EncordUserClient", "add_organisation_user", "list_organisation_users", "remove_organisation_user")
def members_come_and_go(ground: Ground) -> None:
    """Somebody is invited, listed with their role by another client, and gone when removed; others may not invite."""
    email = f"{ground.name('new')}@example.com".replace(" ", "-")
    ground.me.add_organisation_user(email, role_mnemonic_name="TASKER", member_type="external")
    (member,) = [user for user in ground.again.list_organisation_users() if user.email == email]
    assert (member.role_mnemonic_name, member.member_type) == ("TASKER", "external")
    ground.me.remove_organisation_user(email)
    assert email not in {user.email for user in ground.again.list_organisation_users()}
    with pytest.raises(AuthorisationError):
        ground.anna.add_organisation_user(email, role_mnemonic_name="ADMIN", member_type="internal")


@check("EncordUserClient", "create_group", "get_group", "list_groups", "delete_group")
@check(
    "Group",
    "group_hash",
    "name",
    "description",
    "created_at",
    "update_group",
    "add_users",
    "list_users",
    "remove_users",
)
def groups_of_people_come_and_go(ground: Ground) -> None:
    """A group is created, renamed, filled and emptied; every step is read back by another client."""
    from .ground import ANNA, OTTO

    group = ground.me.create_group(ground.name("group"), "described")
    assert isinstance(group.created_at, datetime)
    renamed = ground.name("renamed")
    group.update_group(name=renamed)
    again = ground.again.get_group(group.group_hash)
    assert (again.name, again.description) == (renamed, "described")
    assert [user.user_email for user in group.add_users([ANNA, OTTO])] == [ANNA, OTTO]
    assert [user.user_email for user in again.list_users()] == [ANNA, OTTO]
    group.remove_users([ANNA])
    assert [user.user_email for user in again.list_users()] == [OTTO]
    assert group.group_hash in {known.group_hash for known in ground.again.list_groups()}
    ground.me.delete_group(group.group_hash)
    assert group.group_hash not in {known.group_hash for known in ground.again.list_groups()}


@check("EncordUserClient", "get_client_metadata_schema", "set_client_metadata_schema_from_dict", "metadata_schema")
@check(
    "MetadataSchema",
    "add_embedding",
    "add_enum",
    "add_enum_options",
    "add_geospatial",
    "add_scalar",
    "set_scalar",
    "delete_key",
    "restore_key",
    "get_embedding_size",
    "get_enum_options",
    "get_key_type",
    "has_key",
    "is_key_deleted",
    "keys",
    "save",
)
def the_metadata_schema_is_kept(ground: Ground) -> None:
    """Keys of every type are added, changed, deleted and restored, saved, and read back by another client."""
    ground.me.set_client_metadata_schema_from_dict({"old": ClientMetadataSchemaTypes.NUMBER, "words": "long_string"})
    assert ground.again.get_client_metadata_schema() == {"old": "number", "words": "long_string"}
    schema = ground.me.metadata_schema()
    stem = ground.name("k").replace(" ", "_")
    schema.add_scalar(f"{stem}_s", data_type=MetadataSchemaScalarType.TEXT)
    schema.set_scalar("old", data_type=MetadataSchemaScalarType.VARCHAR)
    schema.add_enum(f"{stem}_e", values=["a"])
    schema.add_enum_options(f"{stem}_e", values=["b"])
    schema.add_embedding(f"{stem}_v", size=8)
    schema.add_geospatial(f"{stem}_g")
    schema.delete_key(f"{stem}_g")
    schema.save()
    found = ground.again.metadata_schema()
    assert {f"{stem}_s", f"{stem}_e", f"{stem}_v", "old"} <= set(found.keys())
    assert found.get_key_type(f"{stem}_s") == "text"
    assert found.get_key_type("old") == "varchar"
    assert list(found.get_enum_options(f"{stem}_e")) == ["a", "b"]
    assert found.get_embedding_size(f"{stem}_v") == 8
    assert found.is_key_deleted(f"{stem}_g")
    assert (found.has_key(f"{stem}_x"), found.has_key(f"{stem}_s")) == (False, True)
    found.restore_key(f"{stem}_g")
    found.save()
    assert not ground.again.metadata_schema().is_key_deleted(f"{stem}_g")
