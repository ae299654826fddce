"""The set-up file: what a team wants to exist in Encord, as one TOML document."""

import json
import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from benchmark_qa.commands.setup.structure import Structure
from benchmark_qa.config.deployment import Deployment, Section
from benchmark_qa.config.explain import explain

_FILLED_IN = ("production_project", "benchmark_projects", "production_datasets")
_NOBODY, _NOBODY_ELSE = UUID(int=0), UUID(int=1)

Role = Literal["admin", "annotator", "reviewer", "annotator_reviewer", "team_manager", "viewer"]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
ItemKind = Literal[
    "video", "image", "imageGroup", "imageSequence", "dicomSeries", "audio", "timeseries", "nifti", "plainText", "pdf",
    "group", "scene",
]  # fmt: skip
ScalarType = Literal["boolean", "datetime", "number", "uuid", "varchar", "text"]


class DeclarationError(Exception):
    """The set-up file cannot be used; the message has one line per fault, the key first."""


class Embedding(Section):
    """A metadata key that holds vectors."""

    embedding: int = Field(gt=0, le=4096)
    """Numbers per vector"""


MetadataType = ScalarType | Annotated[tuple[str, ...], Field(min_length=1, max_length=255)] | Embedding


class DeclaredFolder(Section):
    """A folder of Encord's storage and what goes into it."""

    path: Annotated[str, Field(pattern=r"^[^/]+(/[^/]+)*$")]
    """Titles from the top level down, with `/` between them; folders above it are made, too"""
    uuid: UUID | None = None
    """Which one, where Encord has several of that title at that place"""
    registration: tuple[Path, ...] = ()
    """Registration files, or directories that `register build` has written; relative to the set-up file"""
    integration: str | None = None
    """Title of the cloud integration that opens the bucket of `registration` or `sync`"""
    upload: Path | None = None
    """A folder of local files, or a manifest of them; relative to the set-up file"""
    sync: Annotated[str, Field(pattern=r"^(s3|gs|https)://[^\s/]+.*$")] | None = None
    """URL of a bucket, or of a part of one, that Encord keeps the folder in step with"""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    """What the folder's metadata must say; what else it says is left alone"""
    groups: dict[Title, Literal["user", "admin"]] = Field(default_factory=dict)
    """Groups of the organisation that may use the folder, by name, and as what; others are left alone"""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("registration", "upload", "sync") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give either '{given[0]}' or '{given[1]}'")
        if (given in (["registration"], ["sync"])) != (self.integration is not None):
            what = "sync" if self.sync else "registration"
            raise ValueError(f"'{what}' and 'integration' belong together")
        return self

    @field_validator("metadata")
    @classmethod
    def _json_holds_it(cls, metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
        try:
            json.dumps(metadata, allow_nan=False)
        except ValueError:
            raise ValueError("NaN and Infinity are no numbers of JSON") from None
        return metadata


class DeclaredDataset(Section):
    """A dataset: the items of some folders, or what other commands link to it."""

    title: Title
    hash: UUID | None = None
    """Which one, where Encord has several of that title"""
    folders: tuple[str, ...] = ()
    """Paths of the folders whose items it must hold, without those of the folders in them; a production dataset leaves
    out what is in the benchmark dataset"""
    kinds: tuple[ItemKind, ...] = ()
    """Of these kinds only, e.g. the groups and not what they are made of; default: of every kind"""


class OntologyChoice(Section):
    """The ontology of both projects: one that exists (`hash`), or its structure, here or in a file."""

    title: Title | None = None
    hash: UUID | None = None
    structure: Structure | None = None
    file: Path | None = None
    """Ontology JSON as Encord exports it; relative to the set-up file"""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("hash", "structure", "file") if getattr(self, name) is not None]
        if not given:
            raise ValueError("give 'hash', 'structure' or 'file'")
        if "structure" in given and "file" in given:
            raise ValueError("give either 'structure' or 'file'")
        if self.title is None and self.hash is None:
            raise ValueError("an ontology that is to be made needs a 'title'")
        return self


class Workforce(Section):
    """What both projects have."""

    title: Title
    hash: UUID | None = None
    """Which one, where Encord has several of that title"""
    workflow_template: UUID
    """Of the project's workflow: Encord shows it in the address of the template's page"""
    users: dict[Email, Role] = Field(default_factory=dict)
    """Who must be in the project, and as what; people who are not named here are left alone"""


class BenchmarkProject(Workforce):
    """The project whose finished labels are the truth, and its one dataset."""

    dataset: DeclaredDataset


class ProductionProject(Workforce):
    """The project where people work, and the datasets they are paid for; the benchmark dataset is attached as well."""

    datasets: tuple[DeclaredDataset, ...] = Field(min_length=1)


def _without_what_is_filled_in(value: Any) -> Any:
    given = [key for key in _FILLED_IN if isinstance(value, dict) and key in value]
    if given:
        raise ValueError(f"'{given[0]}' is filled in by 'setup apply'")
    return value


class ServiceSettings(Deployment):
    """The service's own document, without the hashes that `setup apply` fills in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    production_project: SkipJsonSchema[UUID] = _NOBODY
    benchmark_projects: SkipJsonSchema[tuple[UUID, ...]] = (_NOBODY_ELSE,)
    production_datasets: SkipJsonSchema[tuple[UUID, ...] | None] = None

    @model_validator(mode="after")
    def _has_both_stages(self) -> Self:
        missing = [name for name in ("routing", "scoring") if not getattr(self.stages, name)]
        if missing:
            raise ValueError(f"'stages.{missing[0]}' is missing: the title of the workflow's {missing[0]} agent stage")
        return self


class Declaration(Section):
    """A whole set-up."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,60}$")]
    """Of this set-up: what it makes carries the name in its description"""
    metadata: dict[str, MetadataType] = Field(default_factory=dict)
    """Client metadata keys of the organisation: a type, a list of options, or `{embedding = SIZE}`; only ever added"""
    folders: tuple[DeclaredFolder, ...] = ()
    ontology: OntologyChoice
    benchmark: BenchmarkProject
    production: ProductionProject
    service: Annotated[ServiceSettings, BeforeValidator(_without_what_is_filled_in)]

    @property
    def projects(self) -> dict[Literal["benchmark", "production"], BenchmarkProject | ProductionProject]:
        """Both projects by side: benchmark, production."""
        return {"benchmark": self.benchmark, "production": self.production}

    @property
    def datasets(self) -> tuple[DeclaredDataset, ...]:
        """The benchmark dataset, then the production datasets."""
        return (self.benchmark.dataset, *self.production.datasets)

    def datasets_of(self, side: Literal["benchmark", "production"]) -> tuple[DeclaredDataset, ...]:
        """The datasets that must be attached to one of the projects."""
        return self.datasets if side == "production" else (self.benchmark.dataset,)

    def all_folders(self) -> tuple[DeclaredFolder, ...]:
        """The declared folders and their parents, each after its parent."""
        declared = {folder.path: folder for folder in self.folders}
        parts = [folder.path.split("/") for folder in self.folders]
        paths = {"/".join(titles[:depth]) for titles in parts for depth in range(1, len(titles) + 1)}
        return tuple(
            declared.get(path) or DeclaredFolder(path=path) for path in sorted(paths, key=lambda p: p.split("/"))
        )

    def mark(self, kind: str, title: str) -> str:
        """The description of an object that this set-up has made; it identifies the object after renaming.

        Everybody in a project can read the descriptions of its datasets, so it does not say what an object is for.
        """
        digest = blake2b(f"{self.name}\0{kind}\0{title}".encode(), digest_size=6).hexdigest()
        return f"{self.name} {digest}"

    @field_validator("folders")
    @classmethod
    def _paths_differ(cls, folders: tuple[DeclaredFolder, ...]) -> tuple[DeclaredFolder, ...]:
        twice = _first_repeated([folder.path for folder in folders])
        if twice is not None:
            raise ValueError(f"'{twice}' stands there twice")
        return folders

    @model_validator(mode="after")
    def _titles_differ(self) -> Self:
        twice = _first_repeated([dataset.title for dataset in self.datasets])
        if twice is not None:
            raise ValueError(f"two datasets have the title '{twice}'")
        if self.benchmark.title == self.production.title:
            raise ValueError(f"both projects have the title '{self.benchmark.title}'")
        return self

    @model_validator(mode="after")
    def _folders_are_declared(self) -> Self:
        known = {folder.path for folder in self.folders}
        for dataset in self.datasets:
            unknown = next((path for path in dataset.folders if path not in known), None)
            if unknown is not None:
                raise ValueError(f"dataset '{dataset.title}' takes items of '{unknown}', which 'folders' does not name")
        return self

    @model_validator(mode="after")
    def _nothing_is_on_both_sides(self) -> Self:
        shared = {path for dataset in self.production.datasets for path in dataset.folders}
        both = sorted(shared.intersection(self.benchmark.dataset.folders))
        if both:
            raise ValueError(f"'{both[0]}' is a folder of the benchmark dataset and of a production dataset")
        return self


def read_declaration(text: str) -> Declaration:
    """Parse a set-up from TOML text.

    Raises:
        DeclarationError: with every key that is wrong.
    """
    try:
        return Declaration.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"is not TOML: {error}") from None
    except ValidationError as error:
        raise DeclarationError(explain(error, Declaration)) from None


def _first_repeated(names: list[str]) -> str | None:
    return next((name for index, name in enumerate(names) if name in names[:index]), None)
