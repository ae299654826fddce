"""The projects of a deployment on Encord, checked against the configuration, and whose work their branches are."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from benchmark_qa.config.deployment import Branches, Deployment, StageReference
from benchmark_qa.encord_api.analytics import WorkAnalytics
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import (
    ANNOTATION_KINDS,
    CONSENSUS_KIND,
    ENCORDS_PREFIX,
    MAIN,
    LabelRow,
    Project,
    Stage,
)
from benchmark_qa.errors import did_you_mean
from benchmark_qa.tasks.errors import DatasetNotServed, MisconfiguredStage, OntologiesDiffer, ProjectNotServed

_log = logging.getLogger(__name__)


def annotators_branches(rows: Iterable[LabelRow], branches: Branches) -> list[LabelRow]:
    """The annotators' label rows, submitted or not: consensus branches, or `main` if there are none."""
    candidates = [row for row in rows if not any(fnmatchcase(row.branch_name, p) for p in branches.ignore)]
    consensus = [row for row in candidates if fnmatchcase(row.branch_name, branches.consensus)]
    chosen = consensus or [row for row in candidates if row.branch_name == MAIN]
    return sorted(chosen, key=lambda row: row.branch_name)


def submitted_branches(
    project: Project, rows: Iterable[LabelRow], branches: Branches, submitted_parts: Set[tuple[str, str]]
) -> list[LabelRow]:
    """The annotators' submitted label rows.

    A row is submitted if its task has left the annotation stages. Inside a consensus block that still waits for others,
    it is submitted if (data hash, branch name) is in `submitted_parts`.
    """
    return [
        row
        for row in annotators_branches(rows, branches)
        if not is_with_annotators(project, [row]) or (row.data_hash, row.branch_name) in submitted_parts
    ]


def are_parts(project: Project, rows: Iterable[LabelRow]) -> bool:
    """Whether the branches come from no consensus block, as those of parallel annotation (classes divided) would.

    Encord makes branches of this name; a consensus block has an annotation stage and a review stage.
    """
    if not any(row.branch_name.startswith(ENCORDS_PREFIX) for row in rows):
        return False
    kinds = [stage.kind for stage in project.stages]
    return not 0 < kinds.count(CONSENSUS_KIND) <= kinds.count("CONSENSUS_REVIEW")


def is_with_annotators(project: Project, rows: Iterable[LabelRow]) -> bool:
    """Whether the data unit's task is still at an annotation stage."""
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    return any(kinds.get(row.stage_uuid or "") in ANNOTATION_KINDS for row in rows)


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

    def takes_consensus(self) -> bool | None:
        """Whether benchmark tasks go through a consensus block; None if the workflow does not tell.

        Encord lists where the pathways of agent stages lead, but no routers and no ways out of other stages.
        """
        stages = {stage.uuid: stage for stage in self.production.stages}
        if not any(stage.kind == CONSENSUS_KIND for stage in stages.values()):
            return False
        routing = self.deployment.stages.routing
        if routing is None:
            return None
        try:
            stage = self.stage(routing)
        except MisconfiguredStage:
            return None
        there = stages.get(stage.destinations.get(routing.benchmark_pathway, ""))
        return True if there is not None and there.kind == CONSENSUS_KIND else None

    def branches_missing(self, rows: Iterable[LabelRow]) -> Set[str]:
        """The data units that are behind a consensus block, as far as is known, without an annotator's branch.

        No request if the workflow tells which way benchmark tasks take; else 1 per 50 such data units.
        """
        units: dict[str, list[LabelRow]] = {}
        for row in rows:
            units.setdefault(row.data_hash, []).append(row)
        on_main = {
            data_hash
            for data_hash, found in units.items()
            if not is_with_annotators(self.production, found)
            and [row.branch_name for row in annotators_branches(found, self.deployment.branches)] == [MAIN]
        }
        takes_consensus = self.takes_consensus() if on_main else False
        if takes_consensus is not None:
            return on_main if takes_consensus else frozenset()
        elsewhere: set[str] = set()
        in_block: set[str] = set()
        for data_hash, kind, _ in self._submissions(on_main):
            (in_block if kind == CONSENSUS_KIND else elsewhere).add(data_hash)
        return {data_hash for data_hash in on_main if data_hash in in_block or data_hash not in elsewhere}

    def authors(
        self, labelled: Sequence[tuple[LabelRow, Collection[str] | None]], known: Iterable[tuple[str, str | None]] = ()
    ) -> dict[tuple[str, str], str | None]:
        """The annotator by (data hash, branch); None if unknown.

        It is who last acted on the branch, or else the labels' only creator. If somebody else made the labels, or the
        same person is named for two branches of a data unit, it may be a reviewer: then it must be who made the labels
        or submitted the task. Where Encord tells no submission, who last acted on one branch alone is believed: labels
        may have been copied from somebody else. 1 request per 50 data units in doubt, else none.

        Args:
            labelled: the branches, each with the creators of its labels; None: there are no labels on it.
            known: (data hash, annotator) of further branches.
        """
        known = list(known)
        named = Counter((row.data_hash, row.last_actioned_by) for row, _ in labelled)
        named.update(known)
        doubtful = {
            (row.data_hash, row.branch_name)
            for row, creators in labelled
            if named[row.data_hash, row.last_actioned_by] > 1 or (creators and row.last_actioned_by not in creators)
            if row.last_actioned_by
        }
        submitted: dict[str, set[str]] = {}
        for data_hash, _, actor in self._submissions({data_hash for data_hash, _ in doubtful}):
            submitted.setdefault(data_hash, set()).add(actor)
        found: dict[tuple[str, str], str | None] = {}
        for row, creators in labelled:
            key, last = (row.data_hash, row.branch_name), row.last_actioned_by
            candidates = {last} if last and key not in doubtful else set(creators or ())
            if key in doubtful:
                people = submitted.get(row.data_hash, set())
                if last and named[row.data_hash, last] == 1 and (last in people or not people):
                    candidates = {last}
                elif people:
                    candidates &= people
            found[key] = next(iter(candidates)) if len(candidates) == 1 else None
        empty = {(row.data_hash, row.branch_name) for row, creators in labelled if creators is None}
        for data_hash, people in submitted.items():
            _tell_apart(data_hash, found, empty, people - {who for h, who in known if h == data_hash})
        for (data_hash, branch), who in found.items():
            if who is None:
                _log.warning("branch %s of data unit %s has no known annotator", branch, data_hash)
        return found

    def _submissions(self, data_hashes: Iterable[str]) -> Iterator[tuple[str, str | None, str]]:
        """(data hash, kind of stage, who) of every submission at a stage that the workflow still has."""
        asked = sorted(data_hashes)
        if not asked:
            return
        kinds: dict[str, str] = {stage.uuid: stage.kind for stage in self.production.stages}
        for action in WorkAnalytics(self.encord, self.production.project_hash).submitted(asked):
            if kinds.get(action.stage_uuid) in ANNOTATION_KINDS:
                yield action.data_hash, kinds.get(action.stage_uuid), action.actor

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


def _tell_apart(
    data_hash: str, found: dict[tuple[str, str], str | None], empty: Set[tuple[str, str]], people: Set[str]
) -> None:
    """Give the empty answers of a data unit to those who submitted it and made none of the others.

    Nobody has two branches of one data unit, and empty answers are all the same.
    """
    here = [key for key in found if key[0] == data_hash]
    left = sorted(people - {who for key in here if (who := found[key]) is not None})
    unknown = sorted(key for key in here if found[key] is None)
    if len(left) == len(unknown) and empty >= set(unknown):
        found.update(zip(unknown, left, strict=True))
