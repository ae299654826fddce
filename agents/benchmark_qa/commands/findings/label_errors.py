"""Likely label errors: confident predictions that contradict the labels, and duplicate labels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.findings.by_class import BoxSides, Overlaps
from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.engine.pairs import Flags
from benchmark_qa.errors import MissingExtraError
from benchmark_qa.labels.annotations import Indices, Numbers

ENOUGH_FOR_AVERAGES = 10
"""Examples of a class from which the model's mean confidence in it is used"""


class FindingLibraryMissingError(MissingExtraError):
    """The library that scores labels is not installed."""

    def __init__(self) -> None:
        super().__init__("finding label errors needs cleanlab: pip install '.[findings]' in a checkout")


def doubts(given: Indices, predicted: Indices, confidence: Numbers, rest: Indices) -> Numbers:
    """How likely each given class is wrong, in [0, 1], shape (n,); comparable with each other.

    If a class of a case was given fewer than `ENOUGH_FOR_AVERAGES` times, its probabilities are used unadjusted.

    Args:
        given: the given class of each case, (n,).
        predicted: the class that the model predicts for it.
        confidence: of the model, in [0, 1].
        rest: the class that gets the rest to 1, as a detector gives one confidence only; not `predicted`.

    Raises:
        FindingLibraryMissingError: the extra `findings` is not installed.
    """
    if not len(given):
        return np.zeros(0)
    sides = np.stack((given, predicted, rest))
    usual = (np.bincount(given, minlength=int(sides.max()) + 1) >= ENOUGH_FOR_AVERAGES)[sides].all(axis=0)
    found = np.empty(len(given))
    for group, is_usual in ((usual, True), (~usual, False)):
        found[group] = _doubts(sides[:, group], confidence[group], by_averages=is_usual)
    return found


def _doubts(sides: Indices, confidence: Numbers, *, by_averages: bool) -> Numbers:
    things = sides.shape[1]
    if not things:
        return np.zeros(0)
    known, dense = np.unique(sides, return_inverse=True)
    given, predicted, rest = dense.reshape(sides.shape)
    probabilities: NDArray[np.float64] = np.zeros((things, len(known)))
    at = np.arange(things)
    probabilities[at, predicted] = confidence
    probabilities[at, rest] = 1.0 - confidence
    everyone_given = len(np.unique(given)) == len(known)
    quality = _rank().get_label_quality_scores(
        given, probabilities, method="normalized_margin", adjust_pred_probs=by_averages and everyone_given
    )
    return np.clip(1.0 - np.asarray(quality, dtype=np.float64), 0.0, 1.0)


def _rank() -> Any:
    try:
        from cleanlab import rank
    except ImportError:
        raise FindingLibraryMissingError from None
    return rank


LabelFault = Literal["missing box", "shifted box", "wrong class", "duplicate"]


SAME_OBJECT = 0.5
"""IoU from which a label and a prediction are of the same object"""


NEAR = 0.1
"""IoU from which an unmatched label and prediction of one class are taken for one shifted box"""


TWICE = 0.75
"""IoU from which two labels are on the same object, if no prediction says otherwise"""


LEAST_STRENGTH = 0.05
"""Errors with less strength are not listed"""


SHARE_OF_FAULTS = 0.05
"""Prior share of shifted boxes"""


@dataclass(frozen=True, slots=True)
class LabelError:
    """One place that a person should inspect."""

    fault: LabelFault
    strength: float
    """Probability of an error, in [0, 1]"""
    image: int
    """Index into `Detections.images`"""
    annotations: tuple[int, ...]
    """Indices into the truth's annotations: empty for a missing box, two for a duplicate"""
    prediction: int | None
    """Index into the predictions; None for duplicates"""
    class_name: str
    """Class of the label; for a missing box, that of the prediction"""
    confidence: float | None
    """Confidence of the prediction"""
    iou: float | None
    """IoU of the label with the prediction, or of the two labels with each other"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def find_label_errors(detections: Detections, *, confidence: float = 0.5) -> list[LabelError]:
    """The likely errors among the labels (the truth side of `detections`), the likeliest first.

    A label and a prediction of one class with an IoU of a half or more agree, one to one. The others are taken for a
    wrong class if the places agree, for a shifted box if they nearly agree, and else for a missing box.

    The strength of wrong classes and missing boxes is that of confident learning (`confident_learning.doubts`), with
    "nothing is labelled here" as a class of its own. That of a shifted box is the chance that so small an overlap is
    not the model's usual imprecision. That of a duplicate is the overlap of the two labels. Areas are judged by their
    bounding boxes. A label without a prediction nearby is not listed: models miss more than annotators invent.

    Args:
        detections: labels as truth, and a model's predictions. The model must not have been trained on these labels.
        confidence: errors from predictions with less confidence are not listed.

    Raises:
        FindingLibraryMissingError: the extra `findings` is not installed.
        PredictionInputError: a confidence is not in [0, 1].
    """
    sides = BoxSides.of(detections)
    if len(sides.predictions) and not (sides.predictions.score.min() >= 0 and sides.predictions.score.max() <= 1):
        raise PredictionInputError("predictions", "have confidences outside [0, 1]: they cannot be weighed")
    found = _Found(sides, detections.classes)
    errors = [*found.duplicates(), *found.shifted(), *found.wrong_or_missing()]
    seen = (error for error in errors if error.confidence is None or error.confidence >= confidence)
    return sorted(
        (error for error in seen if error.strength >= LEAST_STRENGTH),
        key=lambda error: (-error.strength, error.image, error.fault, error.annotations, error.prediction or 0),
    )


class _Found:
    """Labels and predictions that agree, and those that are left over."""

    def __init__(self, sides: BoxSides, names: Sequence[str]) -> None:
        self._names = names
        self.labels, self.predictions = sides.labels, sides.predictions
        overlaps = Overlaps.of(self.labels, self.predictions)
        same = self.labels.kind[overlaps.pairs.truth] == self.predictions.kind[overlaps.pairs.label]
        on_one_object = overlaps.iou >= SAME_OBJECT
        self._label_used = np.zeros(len(self.labels), np.bool_)
        self._prediction_used = np.zeros(len(self.predictions), np.bool_)
        self.agreed = self._take(overlaps.where(same & on_one_object))
        self.confirmed = self._label_used.copy()
        self.other_class = self._take(overlaps.where(~same & on_one_object))
        self.nearby = self._take(overlaps.where(same & (overlaps.iou >= NEAR)))
        # The model predicts it twice, or predicts two classes for an object that one label explains already.
        echo = on_one_object & self.confirmed[overlaps.pairs.truth]
        explained = self._prediction_used
        explained[overlaps.pairs.label[echo]] = True
        self.alone: Indices = np.flatnonzero(~explained)

    def _take(self, overlaps: Overlaps) -> Overlaps:
        """The best pairs among the boxes left over; their boxes are then no longer left over."""
        taken = overlaps.without(self._label_used, self._prediction_used).one_to_one()
        self._label_used[taken.pairs.truth] = True
        self._prediction_used[taken.pairs.label] = True
        return taken

    def duplicates(self) -> Iterator[LabelError]:
        """Pairs of labels on one object that the predictions do not both confirm."""
        among = Overlaps.of(self.labels, self.labels)
        first, second = among.pairs.truth, among.pairs.label
        doubtful: Flags = ~(self.confirmed[first] & self.confirmed[second])
        for one, other, iou in _each(among.where((first < second) & (among.iou >= TWICE) & doubtful)):
            both = self.labels.at[one].item(), self.labels.at[other].item()
            image, name = self.labels.image[one].item(), self._names[self.labels.kind[one]]
            yield LabelError("duplicate", iou, image, both, None, name, None, iou)

    def shifted(self) -> Iterator[LabelError]:
        """Labels that are shifted against the prediction of their object."""
        for pairs in (self.agreed, self.nearby):
            chances = shift_chances(pairs.iou, self.agreed.iou) * self.predictions.score[pairs.pairs.label]
            for (label, prediction, iou), chance in zip(_each(pairs), chances.tolist(), strict=True):
                yield self._of_label("shifted box", chance, label, prediction, iou)

    def wrong_or_missing(self) -> Iterator[LabelError]:
        """Labels whose class a prediction contradicts, and predictions where nothing is labelled."""
        nothing = int(max(self.labels.kind.max(initial=-1), self.predictions.kind.max(initial=-1))) + 1
        agreed, other = self.agreed.pairs, self.other_class.pairs
        empty = np.full(len(self.alone), nothing)
        given = np.concatenate((self.labels.kind[agreed.truth], self.labels.kind[other.truth], empty))
        seen = np.concatenate((agreed.label, other.label, self.alone))
        # A detector does not say how the rest of its confidence is distributed: it goes to the label's class if
        # that is another one, else to "nothing".
        rest = np.where(given == self.predictions.kind[seen], nothing, given)
        strength = doubts(given, self.predictions.kind[seen], self.predictions.score[seen], rest)[len(agreed) :]
        for (label, prediction, iou), doubt in zip(_each(self.other_class), strength.tolist(), strict=False):
            yield self._of_label("wrong class", doubt, label, prediction, iou)
        for prediction, doubt in zip(self.alone.tolist(), strength[len(other) :].tolist(), strict=True):
            yield self._missing(doubt, prediction)

    def _missing(self, strength: float, prediction: int) -> LabelError:
        box = self.predictions
        return LabelError(
            fault="missing box",
            strength=strength,
            image=box.image[prediction].item(),
            annotations=(),
            prediction=box.at[prediction].item(),
            class_name=self._names[box.kind[prediction]],
            confidence=box.score[prediction].item(),
            iou=None,
        )

    def _of_label(self, fault: LabelFault, strength: float, label: int, prediction: int, iou: float) -> LabelError:
        return LabelError(
            fault=fault,
            strength=strength,
            image=self.labels.image[label].item(),
            annotations=(self.labels.at[label].item(),),
            prediction=self.predictions.at[prediction].item(),
            class_name=self._names[self.labels.kind[label]],
            confidence=self.predictions.score[prediction].item(),
            iou=iou,
        )


def shift_chances(iou: Numbers, usual: Numbers) -> Numbers:
    """The probability of each overlap (n,) not to be the model's usual imprecision.

    `usual` (m,) holds the overlaps of pairs that agree. The model is a mixture of two kinds of pairs: correct ones,
    whose distance 1 - IoU is log-normal with the median and the spread (median absolute deviation) of the usual ones,
    and `SHARE_OF_FAULTS` of shifted ones, with a uniform distance.

    >>> shift_chances(np.array([0.86, 0.7, 0.4]), np.array([0.80, 0.84, 0.86, 0.88, 0.90])).round(2)
    array([0. , 0.7, 1. ])
    """
    if not len(iou) or not len(usual):
        return np.zeros(len(iou))
    logs = np.log(np.maximum(1.0 - usual, 1e-6))
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), 0.1)
    distance = np.maximum(1.0 - iou, 1e-6)
    deviate = (np.log(distance) - middle) / spread
    usual_density = np.exp(-0.5 * deviate**2) / (distance * spread * np.sqrt(2.0 * np.pi))
    chance = SHARE_OF_FAULTS / (SHARE_OF_FAULTS + (1.0 - SHARE_OF_FAULTS) * usual_density)
    return np.where(deviate > 0, chance, 0.0)


def _each(overlaps: Overlaps) -> Iterable[tuple[int, int, float]]:
    pairs = overlaps.pairs
    return zip(pairs.truth.tolist(), pairs.label.tolist(), overlaps.iou.tolist(), strict=True)
