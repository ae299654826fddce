"""Likely label errors: confident predictions that contradict the labels, and labels that stand there twice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.findings.boxes import Overlaps, Sides
from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.engine.pairs import Flags, Indices, Numbers
from benchmark_qa.errors import MissingExtraError

ENOUGH_FOR_AVERAGES = 10
"""Things that were given a class from which the model's usual sureness of it says something"""


class FindingLibraryMissingError(MissingExtraError):
    """The library that scores labels is not installed."""

    def __init__(self) -> None:
        super().__init__("finding label errors needs cleanlab: pip install '.[findings]' in a checkout")


def doubts(given: Indices, predicted: Indices, confidence: Numbers, rest: Indices) -> Numbers:
    """How likely each given class is wrong, in [0, 1], shape (n,); comparable among each other.

    Where a class that plays a part was given to fewer than `ENOUGH_FOR_AVERAGES` things, the probabilities are taken
    as they are.

    Args:
        given: the class that each thing was given, (n,).
        predicted: the class that the model gives it.
        confidence: of the model, in [0, 1].
        rest: the class that has what is left of 1, as a detector names but one confidence; not `predicted`.

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


Fault = Literal["missing box", "shifted box", "wrong class", "duplicate"]


SAME_OBJECT = 0.5
"""From which overlap a label and a prediction are of the same object"""


NEAR = 0.1
"""From which overlap what is left of a class on both sides is taken for one shifted box"""


TWICE = 0.75
"""From which overlap two labels are on the same object, if no prediction says otherwise"""


LEAST_STRENGTH = 0.05
"""Weaker ones are not listed"""


SHARE_OF_FAULTS = 0.05
"""Of boxes that are taken to be shifted before anything is seen of them"""


@dataclass(frozen=True, slots=True)
class LabelError:
    """One place that a person should look at."""

    fault: Fault
    strength: float
    """How likely it is one, in [0, 1]"""
    image: int
    """Place in `Detections.images`"""
    annotations: tuple[int, ...]
    """Places in the truth's annotations: none where a box is missing, two where one stands twice"""
    prediction: int | None
    """Place in the predictions, None for duplicates"""
    class_name: str
    """Of the label; of the prediction where a box is missing"""
    confidence: float | None
    """Of the prediction"""
    iou: float | None
    """Of the label with the prediction, or of the two labels with each other"""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def find_label_errors(detections: Detections, *, confidence: float = 0.5) -> list[LabelError]:
    """The likely errors among the labels (the truth side of `detections`), the likeliest first.

    Labels and predictions of one class that overlap by half or more agree, one to one. What is left is taken for a
    wrong class where the places agree, for a shifted box where they nearly do, and else for a missing box. The
    strength of wrong classes and missing boxes is confident learning's (`confident_learning.doubts`), with "nothing
    is labelled here" as a class of its own; that of a shifted box is the chance that so small an overlap is not the
    model's usual imprecision; that of a duplicate is the overlap of the two labels. Areas are judged by the boxes
    about them. A label that no prediction comes near is no error here: models miss more than annotators invent.

    Args:
        detections: labels as truth, and a model's predictions. The model must not have been trained on these labels.
        confidence: what less confident predictions say is not listed.

    Raises:
        FindingLibraryMissingError: the extra `findings` is not installed.
        PredictionInputError: a confidence is not in [0, 1].
    """
    sides = Sides.of(detections)
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
    """Who agrees with whom, and who is left over."""

    def __init__(self, sides: Sides, names: Sequence[str]) -> None:
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
        # The model says it twice, or says two classes of what one label explains already.
        echo = on_one_object & self.confirmed[overlaps.pairs.truth]
        explained = self._prediction_used
        explained[overlaps.pairs.label[echo]] = True
        self.alone: Indices = np.flatnonzero(~explained)

    def _take(self, overlaps: Overlaps) -> Overlaps:
        """The best pairs among what is left; their boxes are left no longer."""
        taken = overlaps.without(self._label_used, self._prediction_used).one_to_one()
        self._label_used[taken.pairs.truth] = True
        self._prediction_used[taken.pairs.label] = True
        return taken

    def duplicates(self) -> Iterator[LabelError]:
        """Labels on one object, of which the predictions do not confirm both."""
        among = Overlaps.of(self.labels, self.labels)
        first, second = among.pairs.truth, among.pairs.label
        doubtful: Flags = ~(self.confirmed[first] & self.confirmed[second])
        for one, other, iou in _each(among.where((first < second) & (among.iou >= TWICE) & doubtful)):
            both = self.labels.at[one].item(), self.labels.at[other].item()
            image, name = self.labels.image[one].item(), self._names[self.labels.kind[one]]
            yield LabelError("duplicate", iou, image, both, None, name, None, iou)

    def shifted(self) -> Iterator[LabelError]:
        """Labels beside the prediction of their object."""
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
        # Of what it does not give to the class it names, a detector says nothing: it goes to the label's class where
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

    def _of_label(self, fault: Fault, strength: float, label: int, prediction: int, iou: float) -> LabelError:
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
    """The chance of each overlap (n,) not to be the model's usual imprecision, given overlaps of pairs that agree (m,).

    Two kinds of pairs are taken to be there: those in order, whose distance 1 - IoU is log-normal with the median and
    the spread (median absolute deviation) of the usual ones, and `SHARE_OF_FAULTS` of shifted ones, any distance alike.

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
