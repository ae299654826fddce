"""What all annotators together say about the truth, about agreement, and about who labels differently.

Computed from the sketches in the records: boxes of still images, and answers to choice questions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.quality.leaderboard import UNKNOWN_ANNOTATOR
from benchmark_qa.quality.submissions import Submission
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.records.sketch import Mark, Sketch
from benchmark_qa.stats.agreement import alpha_nominal, box_agreement, kappa_interval, pooled_agreement
from benchmark_qa.stats.crowd_answers import NOT_ANSWERED, suspect_answers
from benchmark_qa.stats.crowd_boxes import BoxItem, SuspectBox, suspect_boxes
from benchmark_qa.stats.drift_test import LabelledTask, drift_looks
from benchmark_qa.stats.intervals import Interval

MINIMUM_ITEMS = 3
"""Items below which nothing is said about a crowd"""
WIDEST_ALPHA = 0.5
"""Width of an interval of alpha (-1 to 1) above which it is not shown"""
LARGE_CROWD = 60
"""Annotators from which pairs are not compared box by box: the number of pairs grows with the square"""
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Suspect:
    """A place of the ground truth that the crowd contradicts."""

    data_hash: str
    data_title: str
    feature: str
    """Class or question"""
    fault: str
    """`spurious`, `misplaced`, `missing`, or `answer`"""
    wrong: float
    """Probability that the truth is wrong at this place"""
    truth: str | None
    """The answer that the truth gives"""
    instead: str | None
    """The answer that the crowd gives"""
    box: tuple[float, ...] | None
    """The place, in fractions of the media: left, top, width, height"""
    voices: int
    answered: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class QuestionAgreement:
    """How much annotators agree about one question, corrected for chance."""

    question: str
    items: int
    annotators: int
    alpha: Interval
    """Krippendorff's alpha between annotators, nominal scale"""
    kappa: Mapping[str, Interval]
    """Cohen's kappa of each annotator with the truth"""

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class BoxAgreement:
    """How much pairs of annotators agree about boxes, independent of the truth."""

    pairs: int
    f1: float | None
    """Mean F1 of the pairs, weighted by the tasks they share"""

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class DriftLine:
    """An annotator whose labels differ from those of the others."""

    annotator: str
    label: str
    difference: float
    """Share of labels with that name, minus the share among the others"""
    distance: float
    """Jensen-Shannon divergence, 0 to 1"""
    p_value: float
    """Corrected for the number of labels; at most `level`"""
    level: float
    """Significance level of this look: 5 % is spent over all looks and all people"""
    look: int
    """Number of the look that found it: there is one after every 25 tasks"""
    tasks: int
    """Tasks that the look covered"""

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class _Question:
    name: str
    titles: Mapping[str, str]
    truth: Mapping[str, str]
    """Data hash -> answer"""
    given: Mapping[str, Mapping[str, str]]
    """Annotator -> data hash -> answer"""


def suspects_of(records: Sequence[ScoreRecord]) -> list[Suspect]:
    """Ground truth that several annotators contradict in the same way, the most certain first."""
    found = [suspect for question in _questions(records) for suspect in _suspect_answers(question)]
    found += _suspect_boxes(records)
    return sorted(found, key=lambda suspect: (-suspect.wrong, suspect.data_hash, suspect.feature))


def question_agreements(records: Sequence[ScoreRecord], *, level: float) -> list[QuestionAgreement]:
    """One entry per question, sorted by name."""
    return [_agreement(question, level) for question in sorted(_questions(records), key=lambda q: q.name)]


def agreement_about_boxes(records: Sequence[ScoreRecord]) -> BoxAgreement | None:
    """Agreement about boxes; None if nobody shares an image with boxes or the crowd is too large."""
    items = [item for item, _ in _box_items(records)]
    if len({name for item in items for name in item.answers}) > LARGE_CROWD:
        return None
    pairs = box_agreement(items)
    pooled = pooled_agreement(pairs)
    return BoxAgreement(len(pairs), pooled) if pairs and pooled == pooled else None  # noqa: PLR0124 - NaN


def drifting(submissions: Sequence[Submission]) -> list[DriftLine]:
    """Annotators whose labels on the same items differ from those of the others, the surest first.

    As of the latest look; there is one after every 25 tasks with labels (docs/statistics/evidence.md).
    """
    given = [(each, _labels(each.record)) for each in submissions if each.record.annotator is not None]
    names = sorted({name for _, counts in given for name in counts})
    if len(names) < 2:
        return []
    people: dict[str, list[LabelledTask]] = defaultdict(list)
    for each, counts in given:
        task = LabelledTask(
            each.at.timestamp(), each.record.identity.data_hash, tuple(float(counts[name]) for name in names)
        )
        people[each.record.annotator or UNKNOWN_ANNOTATOR].append(task)
    lines = [
        DriftLine(
            annotator=who,
            label=names[look.label],
            difference=look.difference or 0.0,
            distance=look.distance or 0.0,
            p_value=look.p_value,
            level=look.level,
            look=look.look,
            tasks=look.tasks,
        )
        for who, look in drift_looks(people).items()
        if look.is_different and look.label is not None and look.p_value is not None and look.level is not None
    ]
    return sorted(lines, key=lambda line: (line.p_value, line.annotator))


def _labels(record: ScoreRecord) -> Counter[str]:
    """How often each class was drawn, on any frame, and each option was chosen."""
    given: Counter[str] = Counter()
    for entry in record.details.get("by_class", {}).values():
        objects = entry.get("objects")
        if objects:
            given[entry["name"]] += objects["true_positives"] + objects["false_positives"]
    if record.sketch is not None:
        chosen = (answer for answer in record.sketch.answers if answer.given is not None)
        given.update(f"{answer.question}: {answer.given}" for answer in chosen)
    return given


# --- answers --------------------------------------------------------------------------------------------------------


def _questions(records: Sequence[ScoreRecord]) -> list[_Question]:
    """Answers to every choice question, from records scored against the newest truth of their item."""
    newest = _newest_truth(records)
    names: dict[str, str] = {}
    titles: dict[str, dict[str, str]] = defaultdict(dict)
    truth: dict[str, dict[str, str]] = defaultdict(dict)
    given: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        data_hash = record.identity.data_hash
        if record.sketch is None or _truth_version(record) != newest[data_hash]:
            continue
        for answer in record.sketch.answers:
            if answer.truth is None:
                continue
            names[answer.question_hash] = answer.question
            titles[answer.question_hash][data_hash] = record.data_title
            truth[answer.question_hash][data_hash] = answer.truth
            if answer.given is not None:
                given[answer.question_hash][_who(record)][data_hash] = answer.given
    return [_Question(names[key], titles[key], truth[key], given[key]) for key in names]


def _coded(question: _Question) -> tuple[list[str], list[str], NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Data hashes, options, and option numbers of the truth (items,) and the answers (annotators, items)."""
    items = sorted(question.truth)
    people = sorted(question.given)
    options = sorted({*question.truth.values(), *(one for own in question.given.values() for one in own.values())})
    number = {option: index for index, option in enumerate(options)}
    truth = np.array([number[question.truth[item]] for item in items], dtype=np.int64)
    answers = np.full((len(people), len(items)), NOT_ANSWERED, dtype=np.int64)
    place = {item: index for index, item in enumerate(items)}
    for row, person in enumerate(people):
        for item, answer in question.given[person].items():
            answers[row, place[item]] = number[answer]
    return items, options, truth, answers, people


def _suspect_answers(question: _Question) -> list[Suspect]:
    items, options, truth, answers, _ = _coded(question)
    if len(options) < 2 or len(items) < MINIMUM_ITEMS:
        return []
    judged = suspect_answers(truth, answers, classes=len(options))
    return [
        Suspect(
            data_hash=items[index],
            data_title=question.titles[items[index]],
            feature=question.name,
            fault="answer",
            wrong=float(judged.wrong[index]),
            truth=options[truth[index]],
            instead=options[judged.instead[index]],
            box=None,
            voices=int(judged.voices[index]),
            answered=int(judged.answered[index]),
        )
        for index in judged.suspects
    ]


def _agreement(question: _Question, level: float) -> QuestionAgreement:
    items, _, truth, answers, people = _coded(question)
    values = np.where(answers == NOT_ANSWERED, np.nan, answers.astype(float))
    kappa = {}
    for row, person in enumerate(people):
        done = answers[row] != NOT_ANSWERED
        kappa[person] = kappa_interval(truth[done], answers[row][done], level=level)
    return QuestionAgreement(question.name, len(items), len(people), _of_use(alpha_nominal(values, level=level)), kappa)


def _of_use(alpha: Interval) -> Interval:
    """The interval, without its numbers if it is so wide that they would mislead."""
    if alpha.width is None or alpha.width <= WIDEST_ALPHA:
        return alpha
    reason = f"too few items: it lies between {alpha.low:.2f} and {alpha.high:.2f}"
    return Interval.not_applicable(reason, n=alpha.n, level=alpha.level)


# --- boxes ----------------------------------------------------------------------------------------------------------


def _suspect_boxes(records: Sequence[ScoreRecord]) -> list[Suspect]:
    items = _box_items(records)
    if len(items) < MINIMUM_ITEMS:
        return []
    by_key = {item.key: (item, title) for item, title in items}
    return [_suspect_box(suspect, *by_key[suspect.key]) for suspect in suspect_boxes([item for item, _ in items])]


def _suspect_box(suspect: SuspectBox, item: BoxItem, title: str) -> Suspect:
    data_hash, feature = suspect.key.split(_SEPARATOR)
    box = suspect.crowd_box if suspect.crowd_box is not None else item.truth[suspect.truth_index or 0]
    return Suspect(
        data_hash=data_hash,
        data_title=title,
        feature=feature,
        fault=suspect.fault.value,
        wrong=suspect.wrong,
        truth=None,
        instead=None,
        box=tuple(float(value) for value in box),
        voices=len(suspect.silent if suspect.crowd_box is None else suspect.voices),
        answered=len(suspect.voices) + len(suspect.silent),
    )


def _box_items(records: Sequence[ScoreRecord]) -> list[tuple[BoxItem, str]]:
    """One item per still image and class, with its title.

    Images with too many objects for a complete sketch are left out.
    """
    newest = _newest_truth(records)
    truths: dict[tuple[str, str], NDArray[np.float64]] = {}
    answers: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = defaultdict(dict)
    titles: dict[str, str] = {}
    features = sorted({mark.feature for each in records if each.sketch for mark in _areas(each.sketch)})
    for record in records:
        data_hash, sketch = record.identity.data_hash, record.sketch
        if sketch is None or sketch.frames > 1 or sketch.left_out or _truth_version(record) != newest[data_hash]:
            continue
        titles[data_hash] = record.data_title
        for feature in features:
            truths[data_hash, feature] = _boxes(sketch.truth, feature)
            answers[data_hash, feature][_who(record)] = _boxes(sketch.labels, feature)
    return [
        (BoxItem(_SEPARATOR.join(key), truths[key], answers[key]), titles[key[0]])
        for key in sorted(truths)
        if len(truths[key]) or any(map(len, answers[key].values()))
    ]


def _areas(sketch: Sketch) -> Iterator[Mark]:
    return (mark for mark in (*sketch.truth, *sketch.labels) if mark.is_area)


def _boxes(marks: Iterable[Mark], feature: str) -> NDArray[np.float64]:
    rows = [
        (mark.left, mark.top, mark.width, mark.height) for mark in marks if mark.feature == feature and mark.is_area
    ]
    return np.array(rows, dtype=float).reshape(-1, 4)


def _who(record: ScoreRecord) -> str:
    return record.annotator or f"{UNKNOWN_ANNOTATOR} {record.identity.branch_name}"


def _truth_version(record: ScoreRecord) -> tuple[str | None, str]:
    edited = record.identity.truth_edited_at
    return record.identity.truth_label_hash, edited.isoformat() if edited else ""


def _newest_truth(records: Iterable[ScoreRecord]) -> dict[str, tuple[str | None, str]]:
    newest: dict[str, ScoreRecord] = {}
    for record in records:
        known = newest.get(record.identity.data_hash)
        if known is None or record.scored_at > known.scored_at:
            newest[record.identity.data_hash] = record
    return {data_hash: _truth_version(record) for data_hash, record in newest.items()}
