"""One annotator's labels of one data unit against the ground truth: the whole score."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from agents.labels.annotations import ROW, Annotations, Drawings
from agents.labels.ontology import ObjectClass, Ontology, Shape
from agents.scoring.boxes import Indices
from agents.scoring.classifications import ClassificationResult, score_classifications
from agents.scoring.config import ScoringConfig
from agents.scoring.matching import SIMILARITIES, Matches, Sides, match_shape
from agents.scoring.result import AnswerScore, ClassScore, Conflict, ConflictKind, ObjectScore, TaskScore

ENGINE_VERSION = "1"
"""Changes whenever the same labels could score differently."""


def score_task(
    truth: Annotations, labels: Annotations, ontology: Ontology, config: ScoringConfig | None = None
) -> TaskScore:
    """Compare one annotator's labels with the ground truth of the same data unit."""
    rules = config or ScoringConfig()
    scored = _scored(truth, ontology, rules)
    sides = Sides(_only(truth, ontology, scored), _only(labels, ontology, scored), ontology)
    matches = [_match(shape, sides, rules) for shape in _shapes(sides)]
    by_object = _object_scores(matches, len(ontology.objects))
    answered = score_classifications(sides.truth, sides.label, ontology)
    objects = sum(by_object, ObjectScore())
    classifications = sum((result.score for result in answered.values()), AnswerScore())
    has_classes = any(item.hash in scored for item in ontology.objects)
    score = _overall(objects if has_classes else None, classifications, rules)
    return TaskScore(
        score=score,
        reason="there is nothing to score" if score is None else None,
        objects=objects,
        classifications=_with_reason(classifications, "the ground truth holds no classification"),
        attributes=AnswerScore(not_applicable="no attributes were compared"),
        by_class=dict(_by_class(ontology, by_object, answered)),
        confusion=tuple(_confusion(matches, ontology)),
        conflicts=tuple(_conflicts(matches, sides, answered)),
    )


def _scored(truth: Annotations, ontology: Ontology, config: ScoringConfig) -> frozenset[str]:
    """Hashes of the classes that count."""
    covered = {
        ontology.objects[int(feature)].hash
        for drawings in truth.drawings.values()
        for feature in np.unique(drawings.feature)
    } | {ontology.classifications[item.feature].hash for item in truth.classifications}
    return frozenset(
        item.hash
        for item in ontology.classes
        if not (config.exclude_archived and item.archived)
        and not (config.exclude_uncovered and item.hash not in covered)
        and item.hash not in config.exclude
        and item.name not in config.exclude
    )


def _only(annotations: Annotations, ontology: Ontology, scored: frozenset[str]) -> Annotations:
    """The annotations of the classes that count."""
    keep = np.array([item.hash in scored for item in ontology.objects], np.bool_)
    if keep.all() and all(item.hash in scored for item in ontology.classifications):
        return annotations
    return Annotations(
        spaces=annotations.spaces,
        instances=annotations.instances,
        drawings={shape: d.take(np.flatnonzero(keep[d.feature])) for shape, d in annotations.drawings.items()},
        attributes=annotations.attributes,
        classifications=tuple(
            c for c in annotations.classifications if ontology.classifications[c.feature].hash in scored
        ),
    )


def _shapes(sides: Sides) -> list[Shape]:
    return [shape for shape in SIMILARITIES if shape in sides.truth.drawings or shape in sides.label.drawings]


def _match(shape: Shape, sides: Sides, config: ScoringConfig) -> Matches:
    truth, label = sides.truth.drawings.get(shape), sides.label.drawings.get(shape)
    if truth is None:
        truth = label.take(np.empty(0, np.int64)) if label else None
    if label is None:
        label = truth.take(np.empty(0, np.int64)) if truth else None
    if truth is None or label is None:
        raise AssertionError("a shape is drawn on one side at least")
    return match_shape(truth, label, sides, config)


def _object_scores(matches: Sequence[Matches], classes: int) -> list[ObjectScore]:
    """One score per class of the ontology."""
    counts = np.zeros((4, classes), np.int64)
    sums = np.zeros((2, classes))
    for match in matches:
        true_class = match.truth.feature[match.matched.truth]
        counts[0] += np.bincount(true_class, minlength=classes)
        counts[1] += np.bincount(match.label.feature[match.spurious], minlength=classes)
        counts[2] += np.bincount(match.truth.feature[match.missing], minlength=classes)
        counts[3] += np.bincount(match.truth.feature[match.mislabelled.truth], minlength=classes)
        sums[0] += np.bincount(true_class, match.similarity, minlength=classes)
        sums[1] += np.bincount(true_class, match.localisation, minlength=classes)
    columns = zip(counts.T.tolist(), sums.T.tolist(), strict=True)
    return [ObjectScore(*numbers, *totals) for numbers, totals in columns]


def _by_class(
    ontology: Ontology, objects: Sequence[ObjectScore], answered: Mapping[int, ClassificationResult]
) -> Iterator[tuple[str, ClassScore]]:
    for item, score in zip(ontology.objects, objects, strict=True):
        if not score.is_empty:
            yield item.hash, ClassScore(item.name, objects=score)
    for feature, result in answered.items():
        asked = ontology.classifications[feature]
        yield asked.hash, ClassScore(asked.name, classifications=result.score)


def _overall(objects: ObjectScore | None, classifications: AnswerScore, config: ScoringConfig) -> float | None:
    """The weighted mean of the components present (docs/metrics/score.md)."""
    weights, parts = config.weights, []
    if objects is not None:
        found = objects.true_positives + objects.false_negatives
        parts.append((weights.objects * max(found, 1), objects.score))
    if classifications.score is not None:
        parts.append((weights.classifications * max(classifications.expected, 1), classifications.score))
    total = sum(weight for weight, _ in parts)
    return sum(weight * score for weight, score in parts) / total if total else None


def _with_reason(score: AnswerScore, reason: str) -> AnswerScore:
    return score if score.compared else AnswerScore(not_applicable=reason)


def _confusion(matches: Sequence[Matches], ontology: Ontology) -> Iterator[tuple[str | None, str | None, int]]:
    """Cells of the confusion matrix that are not 0; the last row and column stand for no object."""
    classes = len(ontology.objects)
    cells = np.zeros((classes + 1, classes + 1), np.int64)
    for match in matches:
        true, given = match.truth.feature, match.label.feature
        for pairs in (match.matched, match.mislabelled):
            np.add.at(cells, (true[pairs.truth], given[pairs.label]), 1)
        missing = np.setdiff1d(match.missing, match.mislabelled.truth)
        spurious = np.setdiff1d(match.spurious, match.mislabelled.label)
        cells[:-1, -1] += np.bincount(true[missing], minlength=classes)
        cells[-1, :-1] += np.bincount(given[spurious], minlength=classes)
    names: list[str | None] = [*(item.hash for item in ontology.objects), None]
    for row, column in np.argwhere(cells):
        yield names[row], names[column], int(cells[row, column])


def _conflicts(
    matches: Sequence[Matches], sides: Sides, answered: Mapping[int, ClassificationResult]
) -> Iterator[Conflict]:
    for match in matches:
        yield from _Lister(match, sides).conflicts()
    for result in answered.values():
        yield from result.conflicts


class _Lister:
    """The conflicts of one shape."""

    def __init__(self, match: Matches, sides: Sides) -> None:
        self.match = match
        self.sides = sides
        self.classes: tuple[ObjectClass, ...] = sides.ontology.objects

    def conflicts(self) -> Iterator[Conflict]:
        match = self.match
        yield from self._pairs("mislabelled", match.mislabelled.truth, match.mislabelled.label, "mislabelled")
        yield from self._pairs("low_overlap", match.near.truth, match.near.label, "near")
        told_t = np.concatenate((match.mislabelled.truth, match.near.truth))
        told_l = np.concatenate((match.mislabelled.label, match.near.label))
        for row in np.setdiff1d(match.missing, told_t):
            yield self._alone("missing", match.truth, row, self.sides.truth, match.best_truth[row])
        for row in np.setdiff1d(match.spurious, told_l):
            yield self._alone("spurious", match.label, row, self.sides.label, match.best_label[row])

    def _pairs(self, kind: ConflictKind, truth: Indices, label: Indices, which: str) -> Iterator[Conflict]:
        match = self.match
        similarity = getattr(match, f"{which}_similarity")
        for row, column, value in zip(truth, label, similarity, strict=True):
            true, given = match.truth.feature[row], match.label.feature[column]
            yield Conflict(
                kind,
                self.classes[true].name,
                int(match.truth.frame[row]),
                space=self.sides.truth.spaces[match.truth.space[row]],
                truth_object=self.sides.truth.instances[match.truth.instance[row]],
                label_object=self.sides.label.instances[match.label.instance[column]],
                similarity=float(value),
                other=self.classes[given].name if true != given else None,
            )

    def _alone(self, kind: ConflictKind, drawings: Drawings, row: int, side: Annotations, best: float) -> Conflict:
        hash_ = side.instances[drawings.instance[row]]
        return Conflict(
            kind,
            self.classes[drawings.feature[row]].name,
            int(drawings.frame[row]),
            space=side.spaces[drawings.space[row]] if side.spaces else ROW,
            truth_object=hash_ if kind == "missing" else None,
            label_object=hash_ if kind == "spurious" else None,
            similarity=float(best),
        )
