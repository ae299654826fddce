"""The overall score: how the parts of a score become one number (docs/metrics/score.md)."""

from benchmark_qa.engine.config import Weights
from benchmark_qa.engine.result import AnswerScore, ObjectScore


def overall_score(
    objects: ObjectScore | None, classifications: AnswerScore, attributes: AnswerScore, weights: Weights
) -> float | None:
    """The mean of the parts that are there, each weighed by how much ground truth it holds; None where there are none.

    Every part weighs at least one where it has a say at all, so that labels where nothing belongs are not free. The
    weights do not depend on what the annotator did: only therefore can leaving something out never pay.

    Args:
        objects: None where the ontology has no class of objects that counts.
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
