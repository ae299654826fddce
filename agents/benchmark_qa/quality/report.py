"""The whole report as one value; page and JSON show the same values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from benchmark_qa.quality.breakdown import (
    ConflictLine,
    Confusion,
    Group,
    RequirementLine,
    by_class,
    by_dataset,
    by_requirement,
    by_week,
    conflicts_by_kind,
    confusion_of,
)
from benchmark_qa.quality.crowd import (
    BoxAgreement,
    CrowdLabels,
    DriftLine,
    QuestionAgreement,
    Suspect,
    agreement_about_boxes,
    drifting,
    question_agreements,
    suspects_of,
)
from benchmark_qa.quality.items import Item, RatingLine, mean_scores, rate_everybody, scored_items
from benchmark_qa.quality.leaderboard import UNKNOWN_ANNOTATOR, Leaderboard, leaderboard
from benchmark_qa.quality.people import Person, TaskLine, people_of
from benchmark_qa.quality.submissions import Submission, in_order
from benchmark_qa.quality.verdict import Bar, judge, order_of_items
from benchmark_qa.records.figures import totals_of
from benchmark_qa.records.score import ScoreRecord, WorkReading, passed

EDITOR_PAGE = "{base}/label_editor/{project}/{data_hash}/{frame}"


@dataclass(frozen=True)
class ReportQuestion:
    """What the report is about: project, bar, time zone, moment."""

    production_project: str
    bar: Bar = field(default_factory=Bar)
    zone: tzinfo = UTC
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    as_of: datetime | None = None
    """The moment that is reported; None: now"""
    editor: str = "https://app.encord.com"
    """Address of the label editor"""
    score_to_pass: float = 0.7
    """The score that a task needs to pass if no requirement is configured"""
    project_title: str = ""
    dataset_titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportEvidence:
    """What the store holds about the project."""

    records: Sequence[ScoreRecord]
    """One per branch of each data unit, including excluded items and second attempts"""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Data hash -> reason"""
    stale: Mapping[str, str] = field(default_factory=dict)
    """Record key -> reason"""
    exposures: Mapping[str, Mapping[str | None, int]] = field(default_factory=dict)
    first_versions: Sequence[ScoreRecord] = ()
    """The score of the first version of the labels on every branch"""
    reading: WorkReading | None = None
    """What Encord's analytics said about people's work; None: not read"""
    draws: Sequence[int] = ()
    """Seeds with which `pace` has ordered the queue"""


@dataclass(frozen=True)
class Report:
    """Everything that the page shows."""

    question: ReportQuestion
    leaderboard: Leaderboard
    tasks: tuple[TaskLine, ...]
    classes: tuple[Group, ...]
    confusion: Confusion
    requirements: tuple[RequirementLine, ...]
    datasets: tuple[Group, ...]
    weeks: tuple[Group, ...]
    conflicts: tuple[ConflictLine, ...]
    ratings: tuple[RatingLine, ...]
    reading: WorkReading | None
    questions: tuple[QuestionAgreement, ...]
    boxes: BoxAgreement | None
    drift: tuple[DriftLine, ...]
    items: tuple[Item, ...]
    suspects: tuple[Suspect, ...]
    people: tuple[Person, ...]
    excluded: Mapping[str, str]
    stale: Mapping[str, str]

    def link(self, data_hash: str, frame: int = 0) -> str:
        """Link to a data unit in the label editor."""
        return _link(self.question, data_hash, frame)

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        question = self.question
        return {
            **self.leaderboard.to_dict(),
            "project": question.production_project,
            "project_title": question.project_title,
            "as_of": question.as_of.isoformat() if question.as_of else None,
            "tasks": [task.to_dict() for task in self.tasks],
            "classes": [group.to_dict() for group in self.classes],
            "confusion": self.confusion.to_dict(),
            "requirements": [line.to_dict() for line in self.requirements],
            "datasets": [group.to_dict() for group in self.datasets],
            "weeks": [group.to_dict() for group in self.weeks],
            "conflicts": [line.to_dict() for line in self.conflicts],
            "ratings": [line.to_dict() for line in self.ratings],
            "analytics": self._reading(),
            "kappa": [
                {"question": each.question, "annotator": annotator, "kappa": asdict(interval)}
                for each in self.questions
                for annotator, interval in each.kappa.items()
            ],
            "agreement": {
                "questions": [question.to_dict() for question in self.questions],
                "boxes": self.boxes.to_dict() if self.boxes else None,
            },
            "drift": [line.to_dict() for line in self.drift],
            "items": [item.to_dict() for item in self.items],
            "suspects": [suspect.to_dict() for suspect in self.suspects],
            "people": [person.to_dict() for person in self.people],
            "excluded": dict(self.excluded),
            "stale": dict(self.stale),
        }

    def _reading(self) -> dict[str, str] | None:
        if self.reading is None:
            return None
        return {"since": self.reading.since.isoformat(), "read_at": self.reading.read_at.isoformat()}


def build_report(question: ReportQuestion, evidence: ReportEvidence) -> Report:
    """Compute the report from the records."""
    submissions = counted_submissions(evidence)
    counted = [each.record for each in submissions]
    level = question.bar.level
    board = leaderboard(
        totals_by_annotator(counted), judge(submissions, question.bar, order_of_items(submissions, evidence.draws))
    )
    means = mean_scores(counted)
    tasks = tuple(_task(question, each, means) for each in sorted(submissions, key=_by_item))
    crowd = CrowdLabels.of(counted)
    questions = tuple(question_agreements(crowd, level=level))
    ratings = tuple(
        rate_everybody(
            board,
            counted,
            first_passes=first_passes(evidence.first_versions, question.score_to_pass),
            reading=evidence.reading,
        )
    )
    return Report(
        question=question,
        leaderboard=board,
        tasks=tasks,
        classes=tuple(by_class(counted, level=level)),
        confusion=confusion_of(counted),
        requirements=tuple(by_requirement(counted, level=level)),
        datasets=tuple(by_dataset(counted, titles=question.dataset_titles, level=level)),
        weeks=tuple(by_week(submissions, zone=question.zone, level=level)),
        conflicts=tuple(conflicts_by_kind(counted)),
        ratings=ratings,
        reading=evidence.reading,
        questions=questions,
        boxes=agreement_about_boxes(crowd),
        drift=tuple(drifting(submissions)),
        items=tuple(scored_items(counted, exposures=evidence.exposures, threshold=question.score_to_pass, level=level)),
        suspects=tuple(suspects_of(crowd)),
        people=tuple(people_of(board, tasks, rated=ratings, questions=questions, zone=question.zone)),
        excluded=evidence.excluded,
        stale=evidence.stale,
    )


def totals_by_annotator(records: Sequence[ScoreRecord]) -> dict[str | None, Any]:
    """Sums by annotator over any records, as the store keeps them."""
    by_name: dict[str | None, list[ScoreRecord]] = {}
    for record in records:
        by_name.setdefault(record.annotator, []).append(record)
    return {name: totals_of(some) for name, some in by_name.items()}


def counted_submissions(evidence: ReportEvidence) -> list[Submission]:
    """The first attempt of each person at each item, without excluded items, in order of submission."""
    counted = [record for record in evidence.records if record.identity.data_hash not in evidence.excluded]
    return in_order(counted, evidence.first_versions)


def first_passes(first_versions: Sequence[ScoreRecord], threshold: float) -> dict[str, tuple[int, int]]:
    """By annotator: tasks whose first version passed, and tasks whose first version could be judged."""
    counts: dict[str, tuple[int, int]] = {}
    for record in first_versions:
        met = passed(record, threshold)
        if met is not None:
            name = record.annotator or UNKNOWN_ANNOTATOR
            accepted, tasks = counts.get(name, (0, 0))
            counts[name] = (accepted + met, tasks + 1)
    return counts


def _by_item(submission: Submission) -> tuple[str, str]:
    return submission.record.identity.data_hash, submission.record.identity.branch_name


def _task(question: ReportQuestion, submission: Submission, means: Mapping[str, float]) -> TaskLine:
    record = submission.record
    data_hash, frame = record.identity.data_hash, frame_to_show(record)
    return TaskLine(submission, means.get(data_hash), _link(question, data_hash, frame), frame)


def frame_to_show(record: ScoreRecord) -> int:
    """The drawn frame if it has a conflict or no frame has one; else the first frame with a conflict."""
    sketch = record.open_sketch()
    drawn = sketch.frame if sketch else 0
    faults = [
        (each["frame"], each["frame"] if each.get("last_frame") is None else each["last_frame"])
        for each in record.details.get("conflicts", ())
        if each.get("frame") is not None
    ]
    if not faults or any(first <= drawn <= last for first, last in faults):
        return drawn
    return int(min(first for first, _ in faults))


def _link(question: ReportQuestion, data_hash: str, frame: int) -> str:
    return EDITOR_PAGE.format(
        base=question.editor.rstrip("/"), project=question.production_project, data_hash=data_hash, frame=frame
    )
