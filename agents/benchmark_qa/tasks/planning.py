"""Plan the scoring of data units: which branches, and against which truth."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.reviews import PeoplesWork
from benchmark_qa.errors import RefusalError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import Standing, TruthRulings
from benchmark_qa.store.truth_versions import LONG_AGO, SeenTruth, TruthVersions
from benchmark_qa.tasks.errors import NoGroundTruth, NotABenchmarkDataUnit, NotSubmitted, UnknownDataUnit
from benchmark_qa.tasks.ground_truth import GroundTruth, TruthRow
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.scoring_plan import Work, annotators_branches, is_with_annotators, submitted_branches


@dataclass(frozen=True)
class Planner:
    """Plans the scoring of data units. Raises `StoreError` if truth decisions or versions cannot be read."""

    projects: ServedProjects
    truth: GroundTruth
    store: SqlScoreStore

    def plans(
        self, data_hashes: Sequence[str], handed_in: Mapping[str, datetime | None]
    ) -> dict[str, Work | RefusalError]:
        """The work of each data unit, or the refusal. The truth is never older than any instance has seen."""
        plans = self.plans_of(data_hashes, handed_in)
        behind = self._behind(plans)
        if behind:
            self.truth.forget(behind)
            plans |= self.plans_of(list(behind), handed_in)
            self._take_other_rows(plans, behind)
        return plans

    def _behind(self, plans: Mapping[str, Work | RefusalError]) -> dict[str, SeenTruth]:
        """The items whose newest known truth is newer than the planned one, with that truth."""
        planned = {data_hash: plan for data_hash, plan in plans.items() if isinstance(plan, Work)}
        if not planned:
            return {}
        newest = self._versions.newest(self.projects.production.project_hash, list(planned))
        return {h: seen for h, seen in newest.items() if seen.is_newer_than(planned[h].truth.version)}

    def _take_other_rows(self, plans: Mapping[str, Work | RefusalError], behind: Mapping[str, SeenTruth]) -> None:
        """Record rows that Encord now gives as the truth in place of others, even if they are older."""
        others = {}
        for data_hash, seen in behind.items():
            plan = plans[data_hash]
            if isinstance(plan, Work) and plan.truth.label_hash != seen.label_hash:
                others[data_hash] = SeenTruth(plan.truth.label_hash, plan.truth.version or LONG_AGO)
        if others:
            self._versions.note(self.projects.production.project_hash, others, instead=True)

    def plans_of(
        self, data_hashes: Sequence[str], handed_in: Mapping[str, datetime | None], *, ruled: bool = True
    ) -> dict[str, Work | RefusalError]:
        """The work of each data unit by the truth known here. `ruled`: apply truth decisions from the store."""
        production = self.projects.production.project_hash
        rows: dict[str, list[LabelRow]] = {data_hash: [] for data_hash in data_hashes}
        for row in self.projects.encord.label_rows(production, data_hashes=rows, all_branches=True):
            rows.setdefault(row.data_hash, []).append(row)
        truths = self.truth.rows(
            h for h, found in rows.items() if found and self.projects.is_benchmark_dataset(found[0].dataset_hash)
        )
        standings = self._standings(list(truths)) if ruled else {}
        submitted = self.submitted_parts([row for h, found in rows.items() if h not in handed_in for row in found])
        plans: dict[str, Work | RefusalError] = {}
        for data_hash, branches in rows.items():
            is_past = data_hash in handed_in
            try:
                work = self.plan(data_hash, branches, truths, None if is_past else submitted)
            except RefusalError as refusal:
                plans[data_hash] = refusal
            else:
                work = replace(work, handed_in=handed_in.get(data_hash))
                plans[data_hash] = work.under(standings.get(data_hash))
        return plans

    @property
    def _versions(self) -> TruthVersions:
        return TruthVersions(self.store.database)

    def submitted_parts(self, rows: Sequence[LabelRow]) -> Set[tuple[str, str]]:
        """(data hash, branch) submitted of tasks still with annotators. No request if there are none."""
        production = self.projects.production
        waiting = sorted({row.data_hash for row in rows if is_with_annotators(production, [row])})
        if not waiting:
            return frozenset()
        return PeoplesWork(self.projects.encord, production.project_hash).submitted_parts(waiting)

    def plan(
        self,
        data_hash: str,
        rows: Sequence[LabelRow],
        truths: Mapping[str, TruthRow],
        submitted: Set[tuple[str, str]] | None,
    ) -> Work:
        """The work of one data unit: its submitted branches, or all branches if `submitted` is None."""
        if not rows:
            raise UnknownDataUnit(f"the project has no data unit {data_hash}")
        if self.projects.side_of(rows[0].dataset_hash) != "benchmark":
            raise NotABenchmarkDataUnit(f"data unit {data_hash} is in no benchmark dataset: there is nothing to score")
        truth = truths.get(data_hash)
        if truth is None or not truth.finished:
            stage = f"at stage '{truth.stage_title}'" if truth and truth.stage_title else "absent"
            raise NoGroundTruth(f"no ground truth yet for data unit {data_hash}: its benchmark task is {stage}")
        self.projects.require_same_ontology(self.projects.encord.project(truth.benchmark_project))
        branches = self.projects.deployment.branches
        if submitted is None:
            chosen = annotators_branches(rows, branches)
        else:
            chosen = submitted_branches(self.projects.production, rows, branches, submitted)
        if not chosen:
            raise NotSubmitted(f"no annotator has submitted labels of data unit {data_hash} yet")
        return Work(truth, tuple(chosen), not is_with_annotators(self.projects.production, rows))

    def _standings(self, data_hashes: Sequence[str]) -> dict[str, Standing]:
        """The truth decisions by data hash. Scoring needs them. Raises StoreError."""
        if not data_hashes:
            return {}
        return TruthRulings(self.store.database).standings(self.projects.production.project_hash, data_hashes)
