"""Who may see and change what lies in storage."""

from typing import TYPE_CHECKING

from emulator.errors import AuthorisationError
from emulator.organisation.models import shared_role
from emulator.storage.models import Folder, Item
from emulator.world import DatasetRole

if TYPE_CHECKING:
    from emulator.platform import Platform


def folder_role(platform: "Platform", folder: Folder, email: str) -> DatasetRole | None:
    """The role of somebody in a folder: in itself, in a folder around it, or in the dataset it mirrors."""
    for around in platform.storage.path_to_root(folder):
        role: DatasetRole | None = shared_role(around, email)
        if role is not None:
            return role
    mirrored = platform.datasets.get(folder.synced_dataset or "")
    return shared_role(mirrored, email) if mirrored is not None else None


def open_folder(platform: "Platform", uuid: str, email: str) -> Folder:
    """A folder that somebody has access to.

    Raises:
        ResourceNotFoundError: there is none.
        AuthorisationError: it is not theirs.
    """
    folder = platform.storage.folder(uuid)
    if folder_role(platform, folder, email) is None:
        raise AuthorisationError(f"You do not have access to folder {uuid}")
    return folder


def managed_folder(platform: "Platform", uuid: str, email: str) -> Folder:
    """A folder that somebody is admin of."""
    folder = open_folder(platform, uuid, email)
    if folder_role(platform, folder, email) != "admin":
        raise AuthorisationError(f"Only admins of folder {folder.name!r} may do this")
    return folder


def open_item(platform: "Platform", uuid: str, email: str) -> Item:
    """An item that somebody has access to: through its folder, a dataset or a project.

    Raises:
        ResourceNotFoundError: there is none.
        AuthorisationError: they have no access.
    """
    item = platform.storage.item(uuid)
    if not may_read(platform, item, email):
        raise AuthorisationError(f"You do not have access to storage item {uuid}")
    return item


def may_read(platform: "Platform", item: Item, email: str) -> bool:
    """Whether somebody has access to an item."""
    if folder_role(platform, platform.storage.folders[item.folder], email) is not None:
        return True
    if any(shared_role(platform.data_rows[data_hash].dataset, email) for data_hash in item.data_hashes):
        return True
    if any(_works_on(platform, data_hash, email) for data_hash in item.data_hashes):
        return True
    return any(may_read(platform, group, email) for group in platform.storage.groups_of(item))


def _works_on(platform: "Platform", data_hash: str, email: str) -> bool:
    projects = platform.projects.values()
    return any(data_hash in project.units and shared_role(project, email) for project in projects)
