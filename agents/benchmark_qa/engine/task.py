"""Score one annotator's labels of one data unit against the ground truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmark_qa.engine.answers import AnswersScored, score_classifications
from benchmark_qa.engine.attributes import score_attributes
from benchmark_qa.engine.config import Filter, Requirement, ScoreWeights, ScoringConfig, ScoringRules
from benchmark_qa.engine.conflicts import Crossing, cross_shapes, object_conflicts
from benchmark_qa.engine.errors import ContradictoryAnswersError, TooMuchWorkError
from benchmark_qa.engine.matching import ComparedSides, Matches, match_shape
from benchmark_qa.engine.metrics import METRICS, MetricInput, apply_metric
from benchmark_qa.engine.result import (
    AnswerScore,
    ClassScore,
    Conflict,
    IdentityFigures,
    ObjectScore,
    RequirementResult,
    TaskScore,
    joined_conflicts,
)
from benchmark_qa.engine.tracks.identity import ALONE, score_identity
from benchmark_qa.labels.annotations import Annotations, Classification, Span
from benchmark_qa.labels.errors import TooComplexOutlineError
from benchmark_qa.labels.events import at_common_times
from benchmark_qa.labels.ontology import Ontology, Shape
from benchmark_qa.labels.shapes import within_media


def verdict(requirement: Requirement, value: float | None, score: TaskScore) -> RequirementResult:
    """The result of a resolved requirement for a value."""
    metric, threshold = requirement.metric or "", requirement.threshold or 0.0
    if value is None:
        return RequirementResult(requirement.name, metric, threshold, None, None, _why(metric, score))
    return RequirementResult(requirement.name, metric, threshold, value, value >= threshold - 1e-9)


def _why(metric: str, score: TaskScore) -> str:
    reasons = {
        **score.objects.not_applicable,
        "score": score.reason,
        "worst_class_f1": score.objects.not_applicable.get("f1"),
        "classification_accuracy": score.classifications.not_applicable,
        "attribute_accuracy": score.attributes.not_applicable,
        "idf1": score.identity.not_applicable,
        "hota": score.identity.not_applicable,
    }
    return reasons.get(metric) or f"{metric} does not apply to these labels"


def filtered(annotations: Annotations, chosen: Filter, ontology: Ontology) -> Annotations:
    """The annotations that match the filter."""
    if chosen == Filter():
        return annotations
    classes = [
        (not chosen.features or not {item.hash, item.name}.isdisjoint(chosen.features))
        and (not chosen.shapes or item.shape in chosen.shapes)
        for item in ontology.objects
    ]
    keep = np.array(classes, np.bool_)
    first = chosen.first_frame or 0
    last = chosen.last_frame if chosen.last_frame is not None else np.inf
    drawings = {
        shape: drawn.take(np.flatnonzero(keep[drawn.feature] & (drawn.frame >= first) & (drawn.frame <= last)))
        for shape, drawn in annotations.drawings.items()
    }
    asked = [
        not chosen.shapes and (not chosen.features or not {item.hash, item.name}.isdisjoint(chosen.features))
        for item in ontology.classifications
    ]
    kept = (c for c in annotations.classifications if asked[c.feature])
    return annotations.only(drawings, tuple(part for c in kept if (part := _within(c, first, last)) is not None))


def _within(item: Classification, first: float, last: float) -> Classification | None:
    """The classification limited to some frames; one of the whole data unit is kept whole."""
    if not item.spans:
        return item
    spans: list[Span] = [
        (max(start, first), min(end, last)) for start, end in item.spans if start <= last and end >= first
    ]
    return Classification(item.hash, item.feature, item.space, tuple(spans), item.answers) if spans else None


def overall_score(
    objects: ObjectScore | None, classifications: AnswerScore, attributes: AnswerScore, weights: ScoreWeights
) -> float | None:
    """The weighted mean of objects, classifications and attributes; None if there are none.

    A part's weight is its amount of ground truth, at least 1 if the part is present; so objects drawn on an empty image
    still lower the score. The weights do not depend on the labels, so leaving something out never raises the score.

    Args:
        objects: None if no object class of the ontology is scored.
        classifications: of the data unit.
        attributes: of the objects.
        weights: of one object, one classification answer, one attribute answer.
    """
    parts = []
    if objects is not None:
        parts.append((weights.objects * max(objects.true_positives + objects.false_negatives, 1), objects.score))
    for answers, weight in ((classifications, weights.classifications), (attributes, weights.attributes)):
        if answers.score is not None:
            parts.append((weight * max(answers.expected, 1), answers.score))
    total = sum(weight for weight, _ in parts)
    return min(sum(weight * score for weight, score in parts) / total, 1.0) if total else None


ENGINE_VERSION = "2"
"""Version of the engine; it changes whenever the same labels could get another score."""


_DEFAULT = ScoringConfig()


def score_task(
    truth: Annotations, labels: Annotations, ontology: Ontology, config: ScoringConfig | None = None
) -> TaskScore:
    """Compare one annotator's labels with the ground truth of the same data unit.

    Args:
        truth: the ground truth, from `read_label_row`.
        labels: the annotator's labels; `Annotations.empty()` for a submitted task without any.
        ontology: the ontology that both were read with.
        config: the scoring configuration; the default is `ScoringConfig()`.

    Raises:
        TooManyPairsError: tens of thousands of drawings overlap.
        TooMuchWorkError: outlines cross themselves or each other more often than can be computed in a few seconds.
        ContradictoryAnswersError: one side gives two answers to a question about the same thing at once.
        MasksDifferInSizeError: bitmasks of one frame have different sizes.
        MetricFailedError: a custom metric failed.
    """
    rules = ScoringRules(config or _DEFAULT, ontology)
    counted = _scored(truth, rules)
    _refuse_contradictions("ground truth", truth, rules, counted)
    _refuse_contradictions("labels", labels, rules, counted)
    try:
        if truth.events is not None or labels.events is not None:
            truth, labels = at_common_times(truth, labels)
        return _complete_score(*within_media(truth, labels), rules)
    except TooComplexOutlineError as error:
        raise TooMuchWorkError(str(error)) from None


def _refuse_contradictions(side: str, annotations: Annotations, rules: ScoringRules, counted: frozenset[str]) -> None:
    if not annotations.contradicted:
        return
    for item in rules.ontology.classes:
        for question in item.questions if item.hash in counted else ():
            if question.hash in annotations.contradicted and rules.answer(question).compare != "ignore":
                raise ContradictoryAnswersError(
                    f"{question.name!r} has two answers at once in the {side}; leave one of them"
                )


def _complete_score(truth: Annotations, labels: Annotations, rules: ScoringRules) -> TaskScore:
    score = _score(truth, labels, rules)
    if not rules.config.metrics and not rules.config.requirements:
        return score
    given = MetricInput(truth, labels, rules.ontology, score)
    metrics = {name: apply_metric(name, given) for name in rules.config.metrics}
    return replace(score, metrics=metrics, requirements=tuple(_verdicts(truth, labels, rules)))


def _verdicts(truth: Annotations, labels: Annotations, rules: ScoringRules) -> Iterator[RequirementResult]:
    for requirement in map(rules.config.resolve, rules.config.requirements):
        if not requirement.enabled:
            continue
        sides = [filtered(side, requirement.filter, rules.ontology) for side in (truth, labels)]
        own = ScoringRules(rules.config.overridden(requirement.overrides), rules.ontology)
        score = _score(sides[0], sides[1], own)
        metric = METRICS.get(requirement.metric or "")
        if metric is not None:
            yield verdict(requirement, metric(score), score)
        else:
            given = MetricInput(sides[0], sides[1], rules.ontology, score)
            yield verdict(requirement, apply_metric(requirement.metric or "", given), score)


def _score(truth: Annotations, labels: Annotations, rules: ScoringRules) -> TaskScore:
    ontology = rules.ontology
    scored = _scored(truth, rules)
    sides = ComparedSides(_only(truth, ontology, scored), _only(labels, ontology, scored))
    matches = [_match(shape, sides, rules) for shape in Shape if _is_drawn(shape, sides)]
    crossing = cross_shapes(matches, sides, rules)
    by_object = _object_scores(matches, crossing, len(ontology.objects))
    answered = score_classifications(sides.truth, sides.label, rules) if ontology.classifications else {}
    described = score_attributes(matches, sides, rules) if any(item.questions for item in ontology.objects) else {}
    identity, switches = _identity(matches, sides, rules)
    objects = sum(by_object, ObjectScore())
    classifications = sum((result.score for result in answered.values()), AnswerScore())
    attributes = sum((result.score for result in described.values()), AnswerScore())
    has_classes = any(item.hash in scored for item in ontology.objects)
    score = overall_score(objects if has_classes else None, classifications, attributes, rules.config.weights)
    return TaskScore(
        score=score,
        reason="there is nothing to score" if score is None else None,
        objects=objects,
        classifications=_with_reason(classifications, "there are no classifications"),
        attributes=_with_reason(attributes, "no attributes of matched objects were answered"),
        identity=identity,
        by_class=dict(_by_class(ontology, by_object, answered, described)),
        confusion=tuple(_confusion(matches, crossing, ontology)),
        conflicts=tuple(
            sorted(
                (
                    *_object_conflicts(matches, crossing, sides, ontology),
                    *switches,
                    *(
                        conflict
                        for result in (*described.values(), *answered.values())
                        for conflict in result.conflicts
                    ),
                ),
                key=Conflict.order,
            )
        ),
    )


def _scored(truth: Annotations, rules: ScoringRules) -> frozenset[str]:
    """Hashes of the classes that are scored."""
    config, ontology = rules.config, rules.ontology
    covered = {
        ontology.objects[feature].hash
        for drawings in truth.drawings.values()
        for feature in np.unique(drawings.feature)
    } | {ontology.classifications[item.feature].hash for item in truth.classifications}
    return frozenset(
        item.hash
        for item in ontology.classes
        if not (config.exclude_archived and item.archived)
        and not (config.exclude_uncovered and item.hash not in covered)
        and {item.hash, item.name}.isdisjoint(config.exclude)
    )


def _only(annotations: Annotations, ontology: Ontology, scored: frozenset[str]) -> Annotations:
    """The annotations of the scored classes."""
    if all(item.hash in scored for item in ontology.classes):
        return annotations
    keep = np.array([item.hash in scored for item in ontology.objects], np.bool_)
    asked = [item.hash in scored for item in ontology.classifications]
    return annotations.only(
        {shape: drawn.take(np.flatnonzero(keep[drawn.feature])) for shape, drawn in annotations.drawings.items()},
        tuple(c for c in annotations.classifications if asked[c.feature]),
    )


def _is_drawn(shape: Shape, sides: ComparedSides) -> bool:
    return any(len(side.drawings.get(shape, ())) for side in (sides.truth, sides.label))


def _match(shape: Shape, sides: ComparedSides, rules: ScoringRules) -> Matches:
    truth, label = sides.truth.drawings.get(shape), sides.label.drawings.get(shape)
    nothing = np.empty(0, np.int64)
    some = truth if truth is not None else label
    if some is None:
        raise AssertionError("the shape is drawn on one side at least")
    return match_shape(
        truth if truth is not None else some.take(nothing),
        label if label is not None else some.take(nothing),
        sides,
        rules,
    )


def _object_scores(matches: Sequence[Matches], crossing: Crossing, classes: int) -> list[ObjectScore]:
    """One score per class of the ontology."""
    counts = np.zeros((4, classes), np.int64)
    sums = np.zeros((2, classes))
    for match in matches:
        true_class = match.truth.feature[match.matched.pairs.truth]
        counts[0] += np.bincount(true_class, minlength=classes)
        counts[1] += np.bincount(match.label.feature[match.spurious], minlength=classes)
        counts[2] += np.bincount(match.truth.feature[match.missing], minlength=classes)
        counts[3] += np.bincount(match.truth.feature[match.mislabelled.pairs.truth], minlength=classes)
        sums[0] += np.bincount(true_class, match.matched.similarity, minlength=classes)
        sums[1] += np.bincount(true_class, match.localisation, minlength=classes)
    for pair in crossing:
        counts[3, pair.true_class] += 1
    columns = zip(counts.T.tolist(), sums.T.tolist(), strict=True)
    return [ObjectScore(*numbers, *totals) for numbers, totals in columns]


def _identity(
    matches: Sequence[Matches], sides: ComparedSides, rules: ScoringRules
) -> tuple[IdentityFigures, tuple[Conflict, ...]]:
    if not rules.config.identity:
        return IdentityFigures(not_applicable="switched off in the configuration"), ()
    if not any(match.moves for match in matches):
        return IdentityFigures(not_applicable=ALONE), ()
    return score_identity(matches, sides, rules.ontology)


def _by_class(
    ontology: Ontology,
    objects: Sequence[ObjectScore],
    answered: Mapping[int, AnswersScored],
    described: Mapping[int, AnswersScored],
) -> Iterator[tuple[str, ClassScore]]:
    for feature, (item, score) in enumerate(zip(ontology.objects, objects, strict=True)):
        if not score.is_empty:
            attributes = described[feature].score if feature in described else None
            yield item.hash, ClassScore(item.name, objects=score, attributes=attributes)
    for feature, result in answered.items():
        asked = ontology.classifications[feature]
        yield asked.hash, ClassScore(asked.name, classifications=result.score)


def _with_reason(score: AnswerScore, reason: str) -> AnswerScore:
    return score if score.compared else replace(score, not_applicable=reason)


def _confusion(
    matches: Sequence[Matches], crossing: Crossing, ontology: Ontology
) -> Iterator[tuple[str | None, str | None, int]]:
    """Cells of the confusion matrix that are not 0; None means no object."""
    classes = len(ontology.objects)
    cells = np.zeros((classes + 1, classes + 1), np.int64)
    for match in matches:
        true, given = match.truth.feature, match.label.feature
        for pairs in (match.matched.pairs, match.mislabelled.pairs):
            np.add.at(cells, (true[pairs.truth], given[pairs.label]), 1)
        missing = np.setdiff1d(match.missing, match.mislabelled.pairs.truth)
        spurious = np.setdiff1d(match.spurious, match.mislabelled.pairs.label)
        cells[:-1, -1] += np.bincount(true[missing], minlength=classes)
        cells[-1, :-1] += np.bincount(given[spurious], minlength=classes)
    for pair in crossing:
        cells[pair.true_class, -1] -= 1
        cells[-1, pair.given_class] -= 1
        cells[pair.true_class, pair.given_class] += 1
    names: list[str | None] = [*(item.hash for item in ontology.objects), None]
    for row, column in np.argwhere(cells):
        yield names[row], names[column], int(cells[row, column])


def _object_conflicts(
    matches: Sequence[Matches], crossing: Crossing, sides: ComparedSides, ontology: Ontology
) -> Iterator[Conflict]:
    crossed = {(pair.truth_shape, pair.truth) for pair in crossing}, {(p.label_shape, p.label) for p in crossing}
    for match in matches:
        shape = match.truth.shape
        told = [np.array([row for kind, row in side if kind is shape], np.int64) for side in crossed]
        yield from object_conflicts(match, sides, ontology, told[0], told[1])
    yield from joined_conflicts(pair.conflict for pair in crossing)
