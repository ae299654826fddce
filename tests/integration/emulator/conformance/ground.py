"""The ground that checks stand on: one emulator, clients, files, and quickly made things of every sort."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from encord import Dataset, EncordUserClient, Project
from encord.objects import LabelRowV2, ObjectInstance, OntologyStructure, Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.ontology import Ontology
from encord.orm.dataset import StorageLocation
from encord.storage import StorageFolder, StorageItem

from tests.integration.emulator import media_files
from tests.integration.emulator.conftest import KEYS, OPERATOR, Site

ANNA, OTTO = "annotator-1@example.com", "annotator-2@example.com"
BUCKET = "cc000000-0000-4000-8000-000000000000"
LIMITED_BUCKET = "cc000000-0000-4000-8000-000000000001"
TEMPLATE = "ee000000-0000-4000-8000-000000000000"
_NUMBERS = itertools.count()
BOX = BoundingBoxCoordinates(height=0.2, width=0.3, top_left_x=0.1, top_left_y=0.4)


@dataclass
class Ground:
    """What a check is given."""

    site: Site
    path: Path

    @property
    def me(self) -> EncordUserClient:
        """The operator, who is admin of everything they make."""
        return self.site.client()

    @property
    def again(self) -> EncordUserClient:
        """The operator once more, in another client that remembers nothing."""
        return EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=self.site.url)

    @property
    def anna(self) -> EncordUserClient:
        """Somebody else."""
        return self.site.client(ANNA)

    def name(self, stem: str = "thing") -> str:
        """A name that nothing else has."""
        return f"{stem} {next(_NUMBERS)}"

    def file(self, ending: str) -> Path:
        """Where a file can be made that nothing else overwrites."""
        return self.path / f"file-{next(_NUMBERS)}.{ending}"

    def png(self) -> Path:
        return media_files.png(self.file("png"))

    def folder(self) -> StorageFolder:
        return self.me.create_storage_folder(self.name("folder"))

    def item(self, uuid: UUID | str) -> StorageItem:
        """An item as a client sees it that has not seen it before."""
        return self.again.get_storage_item(uuid, sign_url=True)

    def image(self, folder: StorageFolder | None = None, title: str | None = None) -> UUID:
        """An uploaded picture."""
        return (folder or self.folder()).upload_image(self.png(), title=title or self.name("image"))

    def dataset(self, images: int = 0) -> Dataset:
        """A dataset that mirrors nothing, with pictures."""
        created = self.me.create_dataset(
            self.name("dataset"), StorageLocation.CORD_STORAGE, create_backing_folder=False
        )
        dataset = self.me.get_dataset(created.dataset_hash)
        if images:
            folder = self.folder()
            dataset.link_items([self.image(folder) for _ in range(images)])
            dataset.refetch_data()
        return dataset

    def ontology(self) -> Ontology:
        """An ontology of a box and a global yes or no."""
        structure = OntologyStructure()
        structure.add_object("Car", Shape.BOUNDING_BOX)
        return self.me.create_ontology(self.name("ontology"), "made by a check", structure)

    def project(self, images: int = 1, template: str | None = None) -> Project:
        """A project of pictures and an ontology of boxes; Annotate, Review, Complete unless a template is named."""
        ontology = self.ontology()
        dataset = self.dataset(images)
        project_hash = self.me.create_project(
            self.name("project"),
            [dataset.dataset_hash],
            ontology_hash=ontology.ontology_hash,
            workflow_template_hash=template,
        )
        return self.me.get_project(project_hash)

    def reread(self, project: Project) -> Project:
        """The project as a client sees it that has not seen it before."""
        return self.again.get_project(project.project_hash)

    def row(self, project: Project, *, drawn: bool = False) -> LabelRowV2:
        """The first row of a project, opened, with one box when wanted."""
        row = project.list_label_rows_v2()[0]
        row.initialise_labels()
        if drawn:
            self.draw(row)
            row.save()
        return row

    def draw(self, row: LabelRowV2) -> ObjectInstance:
        """Draws a box on the first frame, without saving it."""
        box = row.ontology_structure.get_child_by_title("Car").create_instance()
        box.set_for_frames(BOX, frames=0, created_by="somebody@example.com")
        row.add_object_instance(box)
        return box

    def same_row(self, project: Project, row: LabelRowV2) -> LabelRowV2:
        """A row as a client reads it that has not seen it before."""
        (found,) = self.reread(project).list_label_rows_v2(data_hashes=[row.data_hash], branch_name=row.branch_name)
        found.initialise_labels()
        return found

    def advance(self, seconds: float) -> None:
        """Puts the platform's clock forward."""
        self.site.control("POST", "clock", {"advance_seconds": seconds})

    @property
    def lately(self) -> datetime:
        """A moment before all that a check does."""
        return datetime.now(UTC) - timedelta(hours=1)

    @property
    def later(self) -> datetime:
        """A moment after it, wherever the platform's clock has been put."""
        return datetime.now(UTC) + timedelta(days=2)
