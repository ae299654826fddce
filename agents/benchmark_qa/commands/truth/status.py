"""Status of each benchmark item's ground truth: finished, empty, newer than its scores, excluded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.formats.label_parts import LayoutError, parts_of
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.truth_rulings import AcceptedAnswers, TruthRulings, TruthVersion, scored_versions
from benchmark_qa.tasks.ground_truth import GroundTruth, TruthRow
from benchmark_qa.tasks.projects import ServedProjects

State = Literal["complete", "empty", "unreviewed"]


@dataclass(frozen=True, slots=True)
class TruthItem:
    """A benchmark item and its ground truth."""

    data_hash: str
    title: str
    benchmark_project: str
    state: State
    """`empty`: finished without labels; `unreviewed`: its task is not at Complete"""
    stage: str | None
    scores: int
    """Scores that count at present"""
    outdated: int
    """Those made against truth that has changed since"""
    excluded: str | None
    """Reason for the exclusion; None: not excluded"""

    @property
    def needs_work(self) -> bool:
        """Whether its truth must be finished or its scores made again; false for an excluded item."""
        return self.excluded is None and (self.state == "unreviewed" or self.outdated > 0)


def truth_status(projects: ServedProjects, truth: GroundTruth, store: SqlScoreStore) -> list[TruthItem]:
    """Every item of the benchmark projects, sorted by title.

    2 requests per benchmark project, and 1 per bundle of finished rows: only labels show whether a truth is empty.

    Raises:
        PlatformError, StoreError
    """
    rows: dict[str, LabelRow] = {}
    for project in projects.benchmarks:
        for row in projects.encord.label_rows(project.project_hash):
            rows.setdefault(row.data_hash, row)
    truths = truth.rows(rows)
    empty = _empty(projects, list(truths.values()))
    production, rulings = projects.production.project_hash, TruthRulings(store.database)
    versions = scored_versions(store.database, production)
    excluded = rulings.excluded(production)
    standings = rulings.standings(production, list(versions))
    items = []
    for data_hash, one in truths.items():
        now = _version_now(one, standings.get(data_hash))
        scored = versions.get(data_hash, [])
        items.append(
            TruthItem(
                data_hash=data_hash,
                title=rows[data_hash].data_title,
                benchmark_project=one.benchmark_project,
                state="unreviewed" if not one.finished else "empty" if data_hash in empty else "complete",
                stage=one.stage_title,
                scores=len(scored),
                outdated=sum(version != now for version in scored),
                excluded=excluded[data_hash].reason if data_hash in excluded else None,
            )
        )
    return sorted(items, key=lambda item: (item.title, item.data_hash))


def _empty(projects: ServedProjects, truths: Sequence[TruthRow]) -> set[str]:
    """Data hashes of finished truth without labels, including finished tasks without a label row."""
    finished = [one for one in truths if one.finished]
    found = {one.data_hash for one in finished if one.label_hash is None}
    by_project: dict[str, dict[str, str]] = {}
    for one in finished:
        if one.label_hash is not None:
            by_project.setdefault(one.benchmark_project, {})[one.label_hash] = one.data_hash
    for project_hash, data_hashes in by_project.items():
        for bundle in projects.encord.label_bundles(project_hash, list(data_hashes)):
            found |= {data_hashes[label_hash] for label_hash, document in bundle.items() if _is_empty(document)}
    return found


def _is_empty(document: Mapping[str, object]) -> bool:
    try:
        return parts_of(document).empty
    except LayoutError:  # labels in the spaces of a data group
        return False


def _version_now(one: TruthRow, standing: AcceptedAnswers | None) -> TruthVersion:
    """The version as the scorer names it; an accepted answer makes the truth as new as that decision."""
    edited = one.edited_at
    if standing is not None:
        edited = max(edited or standing.ruled_at, standing.ruled_at)
    return one.label_hash, edited
