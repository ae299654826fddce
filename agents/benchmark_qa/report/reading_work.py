"""Read from Encord's analytics how people work, and store a summary beside the scores."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from benchmark_qa.encord_api.analytics import TaskAction, TimeAtWork, WorkAnalytics
from benchmark_qa.encord_api.models import ANNOTATION_KINDS
from benchmark_qa.records.score import PersonsWork, WorkReading
from benchmark_qa.store.exposure import KeptWork
from benchmark_qa.tasks.score import Scorer


def read_work(scorer: Scorer, *, days: float, now: datetime | None = None) -> WorkReading:
    """Read Encord's analytics of the last days and replace the stored reading.

    Args:
        scorer: of the deployment.
        days: length of the period.
        now: end of the period.

    Requests: 1 per page of times, of actions, and of tasks that wait at annotation stages.

    Raises:
        PlatformError: AccessRefused if the service's user may not read them, AnswerTooLarge for too many days.
        StoreError
    """
    production = scorer.projects.production
    until = now or datetime.now(UTC)
    since = until - timedelta(days=days)
    analytics = WorkAnalytics(scorer.projects.encord, production.project_hash)
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    scored = set(scorer.store.scored_data_units(production.project_hash))
    reading = WorkReading(
        since=since,
        read_at=until,
        people=people_at_work(analytics.task_actions(since, until), analytics.in_hand(), kinds),
        seconds=seconds_at_work(analytics.time_at_work(since, until), kinds, scored),
    )
    KeptWork(scorer.store.database).replace(production.project_hash, reading)
    return reading


def people_at_work(
    actions: Iterable[TaskAction], in_hand: Sequence[tuple[str, str]] | None, kinds: Mapping[str, str]
) -> dict[str, PersonsWork]:
    """Tasks done and reviewed, by annotator.

    A review counts for the last person who submitted the data unit before it. Reviews of consensus blocks are left out:
    they approve or reject the labels of all annotators together.

    Args:
        actions: on tasks, in any order.
        in_hand: (annotator, data hash) of tasks that are assigned and not submitted; None if not known.
        kinds: stage kinds by uuid.
    """
    submitted: dict[str, set[str]] = defaultdict(set)
    rejections: dict[str, dict[str, int]] = defaultdict(dict)
    author: dict[str, str] = {}
    for action in sorted(actions, key=lambda each: each.at):
        kind = kinds.get(action.stage_uuid)
        if kind in ANNOTATION_KINDS and action.kind == "submit":
            submitted[action.actor].add(action.data_hash)
            if kind == "ANNOTATION":
                author[action.data_hash] = action.actor
        elif kind == "REVIEW" and action.kind in ("approve", "reject") and action.data_hash in author:
            counts = rejections[author[action.data_hash]]
            counts[action.data_hash] = counts.get(action.data_hash, 0) + (action.kind == "reject")
    open_tasks: dict[str, set[str]] = defaultdict(set)
    for annotator, data_hash in in_hand or ():
        open_tasks[annotator].add(data_hash)
    return {
        annotator: PersonsWork(
            done=len(submitted[annotator] - open_tasks[annotator]),
            assigned=None if in_hand is None else len(submitted[annotator] | open_tasks[annotator]),
            reviewed=len(rejections[annotator]),
            accepted_at_once=sum(not times for times in rejections[annotator].values()),
            rejections=sum(rejections[annotator].values()),
        )
        for annotator in sorted({*submitted, *open_tasks})
    }


def seconds_at_work(
    times: Iterable[TimeAtWork], kinds: Mapping[str, str], data_hashes: set[str]
) -> dict[tuple[str, str], float]:
    """Seconds at annotation stages, by annotator and data unit, of these data units."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for time in times:
        is_annotation = time.stage_uuid is None or kinds.get(time.stage_uuid) in ANNOTATION_KINDS
        if is_annotation and time.data_hash in data_hashes:
            seconds[time.annotator, time.data_hash] += time.seconds
    return dict(seconds)
