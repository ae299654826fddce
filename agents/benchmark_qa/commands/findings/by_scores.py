"""Choose by the scores alone: whose production work goes round again, and which ground truth is looked at."""

from collections.abc import Sequence
from datetime import datetime

from benchmark_qa.commands.findings.from_scores import Doubt, Judgement, Work, choose_at_random, choose_from_scores
from benchmark_qa.encord_api.tasks import task_rows
from benchmark_qa.formats.chosen_items import ChosenItems, ReasonKind
from benchmark_qa.labels.creators import label_creators
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.quality.report import Report
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.errors import NothingToDrawFrom, ProjectNotServed
from benchmark_qa.tasks.projects import ServedProjects

_FINISHED = ("REVIEW", "DONE")


def choose_by_scores(
    projects: ServedProjects,
    store: SqlScoreStore,
    *,
    name: str,
    made_at: datetime,
    kinds: Sequence[ReasonKind],
    most: int | None = None,
) -> ChosenItems:
    """At most `most` data units of these kinds, the strongest first. Changes nothing.

    Requests: as `finished_work`, where production work is asked for.

    Raises:
        StoreError, PlatformError
    """
    deployment = projects.deployment
    report = report_project(store, deployment, domain="")
    wants_work = any(kind != "suspect_truth" for kind in kinds)
    items = choose_from_scores(
        finished_work(projects) if wants_work else [],
        _judgements(report),
        _doubts(report),
        bar=deployment.verdict.threshold,
        kinds=kinds,
    )
    project = str(deployment.production_project)
    return ChosenItems(project_hash=project, name=name, made_at=made_at, items=tuple(items[:most]))


def choose_control(projects: ServedProjects, choice: ChosenItems, *, seed: int, made_at: datetime) -> ChosenItems:
    """As many finished data units of production as a choice has, at random. Changes nothing.

    Raises:
        ProjectNotServed: the choice is of another project.
        NothingToDrawFrom: none of the choice is finished; so it is when the choice was sent back already.
        PlatformError
    """
    if choice.project_hash != str(projects.deployment.production_project):
        raise ProjectNotServed(f"the choice is of project {choice.project_hash}, which this deployment does not serve")
    control = choose_at_random(choice, finished_work(projects), seed=seed, made_at=made_at)
    if choice.items and not control.items:
        raise NothingToDrawFrom(
            "nothing of the choice is finished production work: a control is drawn before the choice is sent back"
        )
    return control


def finished_work(projects: ServedProjects) -> list[Work]:
    """Production data units that are in review or finished, and whose annotator is known.

    The annotator is the single creator of the labels; where there are none, who last acted on the task. 1 request for
    the rows, and 1 per bundle of labels.
    """
    encord, production = projects.encord, projects.production
    kinds = {stage.uuid: stage.kind for stage in production.stages}
    rows = [
        row
        for row in task_rows(encord, production.project_hash)
        if kinds.get(row.stage_uuid or "") in _FINISHED and projects.is_production_dataset(row.dataset_hash)
    ]
    creators = {
        label_hash: set(label_creators(document))
        for bundle in encord.label_bundles(production.project_hash, [row.label_hash for row in rows if row.label_hash])
        for label_hash, document in bundle.items()
    }
    found = []
    for row in rows:
        people = creators.get(row.label_hash or "") or {row.last_actioned_by or ""}
        annotator = people.pop() if len(people) == 1 else ""
        if annotator:
            found.append(Work(row.data_hash, row.data_title, row.dataset_hash, annotator))
    return found


def _judgements(report: Report) -> list[Judgement]:
    """Annotators of whom anything is known."""
    board = report.leaderboard
    found = []
    for line in board.lines:
        figure = getattr(line, board.headline)
        if figure.estimate is not None:
            name = "F1" if board.headline == "f1" else board.headline
            known = (figure.estimate, figure.low, figure.high)
            found.append(Judgement(line.annotator, line.verdict, name, *known, line.tasks))
    return found


def _doubts(report: Report) -> list[Doubt]:
    records = {task.record.identity.data_hash: task.record for task in report.tasks}
    return [
        Doubt(
            data_hash=suspect.data_hash,
            title=suspect.data_title,
            dataset_hash=records[suspect.data_hash].dataset_hash,
            label_hash=records[suspect.data_hash].identity.truth_label_hash,
            feature=suspect.feature,
            fault=suspect.fault,
            wrong=suspect.wrong,
            voices=suspect.voices,
            answered=suspect.answered,
        )
        for suspect in report.suspects
    ]
