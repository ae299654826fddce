"""The projects of a deployment on Encord, checked against the configuration."""

from dataclasses import dataclass
from typing import Literal

from benchmark_qa.config.deployment import Deployment, StageReference
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import Project, Stage
from benchmark_qa.errors import did_you_mean
from benchmark_qa.tasks.errors import DatasetNotServed, MisconfiguredStage, OntologiesDiffer, ProjectNotServed


@dataclass(frozen=True)
class ServedProjects:
    """The production project and its benchmark projects. Makes requests only if they are not cached."""

    encord: Encord
    deployment: Deployment

    @property
    def production(self) -> Project:
        """The production project."""
        return self.encord.project(str(self.deployment.production_project))

    @property
    def benchmarks(self) -> tuple[Project, ...]:
        """The benchmark projects, in the order of the configuration."""
        return tuple(self.encord.project(str(project)) for project in self.deployment.benchmark_projects)

    def require_served(self, project_hash: str) -> None:
        """Refuse every project but the production project, without a request to Encord.

        Raises:
            ProjectNotServed
        """
        if project_hash != str(self.deployment.production_project):
            raise ProjectNotServed(f"project {project_hash} is not served by this deployment")

    def is_benchmark_dataset(self, dataset_hash: str) -> bool:
        """Whether the dataset is attached to a benchmark project."""
        return any(dataset_hash in project.dataset_titles for project in self.benchmarks)

    def is_production_dataset(self, dataset_hash: str) -> bool:
        """Whether the dataset is production: not a benchmark dataset, and in the list if there is one."""
        listed = self.deployment.production_datasets
        return not self.is_benchmark_dataset(dataset_hash) and (
            listed is None or dataset_hash in {str(dataset) for dataset in listed}
        )

    def side_of(self, dataset_hash: str) -> Literal["benchmark", "production"]:
        """Whether a dataset is benchmark or production.

        Raises:
            DatasetNotServed: it is neither.
        """
        if self.is_benchmark_dataset(dataset_hash):
            return "benchmark"
        if self.is_production_dataset(dataset_hash):
            return "production"
        raise DatasetNotServed(
            f"dataset {dataset_hash} is neither attached to a benchmark project nor listed in 'production_datasets'"
        )

    def production_datasets(self, side: Literal["benchmark", "production"]) -> list[str]:
        """The production project's datasets of one side."""
        belongs = self.is_benchmark_dataset if side == "benchmark" else self.is_production_dataset
        return [dataset for dataset in self.production.dataset_titles if belongs(dataset)]

    def require_same_ontology(self, benchmark: Project) -> None:
        """Require that the benchmark project uses the production project's ontology.

        Raises:
            OntologiesDiffer: the message names both.
        """
        production = self.production
        if production.ontology_hash != benchmark.ontology_hash:
            raise OntologiesDiffer(
                f"production project '{production.title}' uses ontology {production.ontology_hash}, benchmark project "
                f"'{benchmark.title}' uses ontology {benchmark.ontology_hash}: give both the same ontology"
            )

    def stage(self, reference: StageReference) -> Stage:
        """The agent stage that the configuration names.

        Raises:
            MisconfiguredStage: there is no such stage, or it lacks a configured pathway.
        """
        uuid = str(reference.uuid) if reference.uuid else None
        stage = self.production.stage(uuid=uuid, title=reference.name)
        wanted = uuid or reference.name
        if stage is None or stage.kind != "AGENT":
            known = [each.title for each in self.production.agent_stages()]
            raise MisconfiguredStage(
                f"'{self.production.title}' has no agent stage '{wanted}': {did_you_mean(str(wanted), known)}"
            )
        missing = [name for name in reference.pathways() if name not in stage.pathways]
        if missing:
            raise MisconfiguredStage(
                f"stage '{stage.title}' has no pathway '{missing[0]}': {did_you_mean(missing[0], stage.pathways)}"
            )
        return stage
