"""Choose by scores alone: production work to label again, and ground truth to inspect."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmark_qa.encord_api.tasks import task_rows
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, ChosenReason, ReasonKind
from benchmark_qa.labels.annotations import label_creators
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.quality.report import Report
from benchmark_qa.quality.verdict import Verdict
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.errors import NothingToDrawFrom, ProjectNotServed
from benchmark_qa.tasks.projects import ServedProjects

LONGEST_TEXT = 200


@dataclass(frozen=True)
class Judgement:
    """The result of an annotator on benchmark items."""

    annotator: str
    verdict: Verdict
    figure: str
    """Name of the figure: F1, accuracy, score"""
    estimate: float
    low: float
    high: float
    tasks: int


@dataclass(frozen=True)
class FinishedWork:
    """A finished production data unit and its annotator."""

    data_hash: str
    title: str
    dataset_hash: str
    annotator: str


@dataclass(frozen=True)
class Doubt:
    """A benchmark item whose truth the annotators contradict."""

    data_hash: str
    title: str
    dataset_hash: str | None
    label_hash: str | None
    feature: str
    fault: str
    wrong: float
    """Probability that the truth is wrong at that place"""
    voices: int
    answered: int


def choose_from_scores(
    work: Iterable[FinishedWork],
    judgements: Iterable[Judgement],
    doubts: Iterable[Doubt],
    *,
    bar: float,
    kinds: Sequence[ReasonKind],
) -> list[ChosenItem]:
    """Production work of annotators below the bar (or undecided), and benchmark items with suspect truth.

    The strength of `low_score` is 1 minus the annotator's figure, that of `undecided` the share of the annotator's
    interval below the bar, that of `suspect_truth` the probability that the truth is wrong.

    Returns:
        One item per data unit, sorted by descending strength, then by data hash.
    """
    reasons = {one.annotator: _of_annotator(one, bar) for one in judgements}
    items = [
        ChosenItem(data_hash=one.data_hash, title=one.title, dataset_hash=one.dataset_hash, reasons=(reason,))
        for one in work
        if (reason := reasons.get(one.annotator)) is not None and reason.kind in kinds and reason.strength > 0
    ]
    if "suspect_truth" in kinds:
        items += _of_truth(doubts)
    return sorted(items, key=lambda item: (-item.strength, item.data_hash))


def choose_at_random(choice: ChosenItems, work: Sequence[FinishedWork], *, seed: int, made_at: datetime) -> ChosenItems:
    """A random control group from `work`: as many data units as the choice has of production.

    Items chosen for bad results look better at the next measurement, whoever labels them. Only the gain above that of a
    random choice of equal size is an effect of the choice.
    """
    known = {one.data_hash: one for one in work}
    number = sum(item.data_hash in known for item in choice.items)
    drawn = random.Random(seed).sample(sorted(known), number)  # noqa: S311 (a sample, not a secret)
    reason = ChosenReason(kind="control", strength=0.0, text="drawn at random, to hold a choice against")
    items = tuple(
        ChosenItem(
            data_hash=known[key].data_hash,
            title=known[key].title,
            dataset_hash=known[key].dataset_hash,
            reasons=(reason,),
        )
        for key in drawn
    )
    name = f"{choice.name[:91]}, control"
    return ChosenItems(project_hash=choice.project_hash, name=name, made_at=made_at, items=items)


def _of_annotator(one: Judgement, bar: float) -> ChosenReason:
    interval = f"{one.figure} {one.estimate:.2f} [{one.low:.2f}, {one.high:.2f}] on {one.tasks} benchmark tasks"
    if one.verdict == "below the bar":
        return ChosenReason(
            kind="low_score", strength=1.0 - one.estimate, text=f"its annotator is below the bar: {interval}"
        )
    width = one.high - one.low
    under = min(max((bar - one.low) / width, 0.0), 1.0) if width else float(one.estimate < bar)
    if one.verdict == "above the bar":
        under = 0.0
    return ChosenReason(
        kind="undecided", strength=under, text=f"nothing is known for sure of its annotator: {interval}"
    )


def _of_truth(doubts: Iterable[Doubt]) -> list[ChosenItem]:
    by_item: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        by_item.setdefault(doubt.data_hash, []).append(doubt)
    return [
        ChosenItem(
            data_hash=data_hash,
            title=some[0].title,
            dataset_hash=some[0].dataset_hash,
            reasons=tuple(_doubt_in_words(doubt) for doubt in some),
        )
        for data_hash, some in by_item.items()
    ]


_FAULTS: Mapping[str, str] = {
    "spurious": "something is marked there that is not",
    "misplaced": "something is marked in the wrong place",
    "missing": "something is not marked",
    "answer": "the answer",
}


def _doubt_in_words(doubt: Doubt) -> ChosenReason:
    text = (
        f"{doubt.voices} of {doubt.answered} annotators contradict it about {doubt.feature!r}: {_FAULTS[doubt.fault]}"
    )
    return ChosenReason(
        kind="suspect_truth",
        strength=min(max(doubt.wrong, 0.0), 1.0),
        text=text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…",
        label_hash=doubt.label_hash,
    )


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

    Requests: those of `finished_work`, if production work is asked for.

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
    """As many finished production data units as the choice has, at random. Changes nothing.

    Raises:
        ProjectNotServed: the choice is of another project.
        NothingToDrawFrom: none of the choice is finished, for example because it was sent back already.
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


def finished_work(projects: ServedProjects) -> list[FinishedWork]:
    """Production data units in review or finished, whose annotator is known.

    The annotator is the only creator of the labels; without labels, the last person who acted on the task.
    1 request for the rows, and 1 per bundle of labels.
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
            found.append(FinishedWork(row.data_hash, row.data_title, row.dataset_hash, annotator))
    return found


def _judgements(report: Report) -> list[Judgement]:
    """Annotators with a known figure."""
    board = report.leaderboard
    found = []
    name = "F1" if board.headline == "f1" else board.headline
    for person in board.verdicts.people.values():
        figure = person.figure
        if figure.estimate is not None and figure.low is not None and figure.high is not None:
            known = (figure.estimate, figure.low, figure.high)
            found.append(Judgement(person.annotator, person.words, name, *known, person.tasks))
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
