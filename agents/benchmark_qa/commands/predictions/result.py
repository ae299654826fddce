"""COCO results as arrays, and the result of an evaluation: frozen values that print and convert to JSON."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.stats.intervals import Interval

_PACKED = frozenset({"image_id", "category_id", "score", "bbox"})


@dataclass(frozen=True, eq=False)
class PackedResults(Sequence[Mapping[str, Any]]):
    """COCO results as arrays, 48 bytes each; a dict is made when one is asked for.

    A list of dicts takes ten times as much, and a large validation set has ten million results.
    """

    images: Sequence[Hashable]
    """The different values of `image_id`"""
    classes: Sequence[Hashable]
    """The different values of `category_id`"""
    image: NDArray[np.int32]
    """Index into `images` of each result, shape (n,)"""
    category: NDArray[np.int32]
    """Index into `classes` of each result, shape (n,)"""
    score: NDArray[np.float64]
    box: NDArray[np.float64]
    """Shape (n, 4); a result without a box has NaN"""
    more: Mapping[int, Mapping[str, Any]]
    """The other fields of a result that has some, by its position"""

    @classmethod
    def of(cls, items: Iterable[Mapping[str, Any]]) -> Self:
        """Pack results one by one."""
        if isinstance(items, cls):
            return items
        images: dict[Hashable, int] = {}
        classes: dict[Hashable, int] = {}
        image, category, score, box = array("i"), array("i"), array("d"), array("d")
        more: dict[int, dict[str, Any]] = {}
        for at, item in enumerate(items):
            image.append(images.setdefault(item["image_id"], len(images)))
            category.append(classes.setdefault(item["category_id"], len(classes)))
            score.append(item["score"])
            box.extend(item.get("bbox") or _NO_BOX)
            if not item.keys() <= _PACKED:
                more[at] = {key: value for key, value in item.items() if key not in _PACKED}
        numbers = (
            np.frombuffer(each, each.typecode) if each else np.zeros(0) for each in (image, category, score, box)
        )
        on, of_class, scores, boxes = numbers
        places = on.astype(np.int32, copy=False), of_class.astype(np.int32, copy=False)
        return cls(list(images), list(classes), *places, scores, boxes.reshape(-1, 4), more)

    def renamed(
        self, image: Callable[[Hashable], Hashable | None], category: Callable[[Hashable], Hashable]
    ) -> "PackedResults":
        """The same results with other ids, without those whose image has none.

        Args:
            image: the new id of an image; called once for each.
            category: the new id of a class; called once for each class that a kept result has.
        """
        named = [image(one) for one in self.images]
        there = np.array([one is not None for one in named], np.bool_)
        kept = there[self.image] if len(self) else np.zeros(0, np.bool_)
        whole = bool(kept.all())
        used = set(np.unique(self.category if whole else self.category[kept]).tolist())
        classes = [category(one) if at in used else None for at, one in enumerate(self.classes)]
        if whole:
            return PackedResults(named, classes, self.image, self.category, self.score, self.box, self.more)
        places = np.cumsum(kept) - 1
        more = {int(places[at]): fields for at, fields in self.more.items() if kept[at]}
        arrays = (self.image[kept], self.category[kept], self.score[kept], self.box[kept])
        return PackedResults(named, classes, *arrays, more)

    def where(self, at: NDArray[np.int64]) -> "PackedResults":
        """The results at some positions."""
        more = {new: self.more[old] for new, old in enumerate(at.tolist()) if old in self.more} if self.more else {}
        arrays = (self.image[at], self.category[at], self.score[at], self.box[at])
        return PackedResults(self.images, self.classes, *arrays, more)

    def numbers(self, key: str) -> NDArray[np.int64]:
        """`image_id` or `category_id` of each result, where they are whole numbers, shape (n,)."""
        values, at = (self.images, self.image) if key == "image_id" else (self.classes, self.category)
        table = np.array([value if isinstance(value, int) else 0 for value in values], np.int64)
        return table[at] if len(self) else np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.score)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for start in range(0, len(self), _BLOCK):
            of_block = slice(start, start + _BLOCK)
            columns = (each[of_block].tolist() for each in (self.image, self.category, self.score, self.box))
            for at, (image, category, score, box) in enumerate(zip(*columns, strict=True), start=start):
                item = {"image_id": self.images[image], "category_id": self.classes[category], "score": score}
                if box[0] == box[0]:  # NaN is not itself
                    item["bbox"] = box
                yield {**item, **self.more[at]} if at in self.more else item

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(at, slice):
            return [*iter(self.where(np.arange(len(self))[at]))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return next(iter(self.where(np.array([at % len(self)]))))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]


_BLOCK = 10_000
"""Results of which dicts are made at once"""
_NO_BOX = (float("nan"),) * 4


def _equal(one: object, other: object) -> bool:
    return one == other


NO_CLASS = "(none)"
"""Name of the row of predictions without an object and the column of objects without a prediction."""


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class. A figure is None if it is not applicable; `why` gives the reason."""

    name: str
    truths: int
    """Objects in the ground truth, without crowd regions."""
    predictions: int
    """Predictions of any confidence, without those in a crowd region."""
    ap: float | None
    """Average precision, mean over IoU 0.50:0.05:0.95."""
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar: float | None
    """Average recall over IoU 0.50:0.05:0.95 with at most 100 predictions per image."""
    true_positives: int
    """At the confidence and the IoU of the evaluation, like the counts and ratios that follow."""
    false_positives: int
    false_negatives: int
    precision: Interval
    """Like recall and F1, with a 95 % interval clustered by image (from label rows: by data unit)."""
    recall: Interval
    f1: Interval
    best_f1: float | None
    """The highest F1 over all confidences."""
    best_confidence: float | None
    """The confidence threshold that gives the best F1."""
    why: str | None


@dataclass(frozen=True)
class PredictionConfusion:
    """Objects by true class and predicted class, at the confidence and the IoU of the evaluation.

    Predictions are matched within their class first; unmatched ones on both sides are then matched across classes.
    `cells[i][j]` counts objects of class i that were predicted as class j; the last row and column stand for no object
    and no prediction.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions whose confidence is in [low, high); the last bin includes its upper end."""

    low: float
    high: float
    predictions: int
    confidence: float | None
    """Mean confidence of the predictions."""
    precision: float | None
    """Share of the predictions that are right."""


@dataclass(frozen=True)
class Calibration:
    """How well confidence agrees with precision: at 0.8, eight of ten predictions should be right."""

    bins: tuple[CalibrationBin, ...]
    error: float | None
    """Expected calibration error: mean of |confidence - precision| over bins, weighted by predictions."""
    why: str | None


@dataclass(frozen=True)
class PredictionScore:
    """The evaluation of one set of predictions against one ground truth.

    `summary` holds the twelve figures of the COCO protocol under their usual names; None is not applicable
    (no ground truth of that size), neither 0 nor a pass.
    """

    region: str
    iou: float
    confidence: float
    images: int
    truths: int
    crowd_regions: int
    predictions: int
    unmatched_images: int
    """Images with predictions that the truth does not have; they count nowhere."""
    not_compared: Mapping[str, int]
    """Objects that are neither boxes nor areas, by shape; they count nowhere."""
    summary: Mapping[str, float | None]
    classes: tuple[ClassFigures, ...]
    macro_f1: float | None
    """Mean F1 of the classes that have ground truth."""
    worst_class: str | None
    """The class with the lowest AP."""
    confusion: PredictionConfusion
    calibration: Calibration
    notes: tuple[str, ...] = ()
    """Remarks for the user about the figures and about how the files were read."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {shown(self.summary[name])}" for name in ("AP", "AP50", "AP75", "AR100"))
        return (
            f"{figures}, F1 {shown(self.macro_f1)} at confidence {self.confidence:g} "
            f"({self.predictions} predictions, {self.truths} objects, {self.images} images)"
        )


def shown(figure: float | None) -> str:
    """A figure with three decimals, or a text that it is not applicable."""
    return "n/a" if figure is None else f"{figure:.3f}"
