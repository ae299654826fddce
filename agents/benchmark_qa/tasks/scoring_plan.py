"""Which label rows are annotators' work, and whose."""

import logging
from collections.abc import Collection, Iterable, Set
from fnmatch import fnmatchcase

from benchmark_qa.config.deployment import Branches
from benchmark_qa.encord_api.models import LabelRow, Project

_UNFINISHED = ("ANNOTATION", "CONSENSUS_ANNOTATION")
_log = logging.getLogger(__name__)


def annotators_branches(rows: Iterable[LabelRow], branches: Branches) -> list[LabelRow]:
    """The label rows that are annotators' work, finished or not: consensus branches, or `main` where there are none."""
    candidates = [row for row in rows if not any(fnmatchcase(row.branch_name, p) for p in branches.ignore)]
    consensus = [row for row in candidates if fnmatchcase(row.branch_name, branches.consensus)]
    chosen = consensus or [row for row in candidates if row.branch_name == "main"]
    return sorted(chosen, key=lambda row: row.branch_name)


def submitted_branches(
    project: Project, rows: Iterable[LabelRow], branches: Branches, submitted_parts: Set[tuple[str, str]]
) -> list[LabelRow]:
    """The label rows that are annotators' finished work.

    A row is submitted when its task has left the annotation stages, or, inside a consensus block that still waits
    for others, when its own part is among `submitted_parts`: (data hash, branch name).
    """
    return [
        row
        for row in annotators_branches(rows, branches)
        if not is_with_annotators(project, [row]) or (row.data_hash, row.branch_name) in submitted_parts
    ]


def is_with_annotators(project: Project, rows: Iterable[LabelRow]) -> bool:
    """Whether the data unit's task is still at an annotation stage."""
    kinds = {stage.uuid: stage.kind for stage in project.stages}
    return any(kinds.get(row.stage_uuid or "") in _UNFINISHED for row in rows)


def annotator_of(row: LabelRow, creators: Collection[str]) -> str | None:
    """Who made the labels: who last acted on the branch, or else their single creator. Never a guess."""
    if row.last_actioned_by:
        return row.last_actioned_by
    if len(creators) == 1:
        return next(iter(creators))
    _log.warning("branch %s of data unit %s has no known annotator", row.branch_name, row.data_hash)
    return None
