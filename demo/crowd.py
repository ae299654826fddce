"""A simulated crowd: made-up scenes, and annotators who err as the real ones were measured to."""

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo.labels import Answer, Box, LabelledImage, LabelSet
from demo.matching import MATCH_IOU, intersection_over_union
from demo.measure_crowd import CROWD_FILE

SEED = 20170721
SMALLEST_SIDE = 4.0
"""Pixels: nobody draws a narrower box."""


@dataclass(frozen=True)
class Annotator:
    """One person's measured habits. Centre errors are relative to the box, size errors are log ratios."""

    email: str
    miss_rate: float
    spurious_per_task: float
    centre_bias: tuple[float, float]
    centre_spread: tuple[float, float]
    size_bias: tuple[float, float]
    size_spread: tuple[float, float]


class Crowd:
    """The measured annotators, and the scenes they look at. The same seed gives the same labels."""

    def __init__(self, figures: dict[str, Any], seed: int = SEED) -> None:
        self.label: str = figures["label"]
        self.annotators = [_annotator(one) for one in figures["annotators"]]
        self.per_image: int = figures["annotators_per_image"]
        self.measured_images: int = figures["scenes"]["images"]
        self._scenes: dict[str, Any] = figures["scenes"]
        self._random = random.Random(seed)  # noqa: S311 (a simulation, not a secret)
        self._seed = seed
        self._deck: list[Annotator] = []

    @classmethod
    def measured(cls, seed: int = SEED) -> "Crowd":
        """The crowd of `demo/crowd.json`."""
        return cls(json.loads(CROWD_FILE.read_text()), seed)

    def label_images(self, number: int) -> LabelSet:
        """Make `number` scenes up and have each labelled by as many annotators as the real images were."""
        images = tuple(self._labelled_image(index) for index in range(number))
        source = f"a crowd simulated from measured figures (seed {self._seed})"
        return LabelSet(source, "boxes", self.label, images)

    def _labelled_image(self, index: int) -> LabelledImage:
        truth = self._scene()
        answers: dict[str, Answer] = {one.email: self._draw(one, truth) for one in self._next_annotators()}
        width, height = self._scenes["width"], self._scenes["height"]
        return LabelledImage(f"scene-{index + 1:04d}", width, height, truth, answers)

    def _next_annotators(self) -> list[Annotator]:
        """Deal people from a shuffled deck, so that all get an equal share of the images."""
        hand: list[Annotator] = []
        while len(hand) < self.per_image:
            if not self._deck:
                self._deck = self._random.sample(self.annotators, len(self.annotators))
            next_one = next(one for one in self._deck if one not in hand)
            self._deck.remove(next_one)
            hand.append(next_one)
        return hand

    def _scene(self) -> tuple[Box, ...]:
        shares = self._scenes["share_of_images_by_objects"]
        (objects,) = self._random.choices(range(len(shares)), weights=shares)
        return tuple(self._object() for _ in range(objects))

    def _object(self) -> Box:
        width, height = self._scenes["width"], self._scenes["height"]
        tall = self._from_quantiles("object_height") * height
        wide = self._from_quantiles("object_aspect") * tall
        left = self._from_quantiles("centre_x") * width - wide / 2
        top = self._from_quantiles("top_y") * height
        return self._inside((left, top, wide, tall))

    def _draw(self, annotator: Annotator, truth: Sequence[Box]) -> tuple[Box, ...]:
        seen = [box for box in truth if self._random.random() >= annotator.miss_rate]
        spurious = [self._object() for _ in range(self._poisson(annotator.spurious_per_task))]
        return (*(self._redrawn(annotator, box) for box in seen), *spurious)

    def _redrawn(self, annotator: Annotator, true: Box) -> Box:
        """The box as this annotator draws it. Errors were measured on matches: draw one that matches."""
        for _ in range(100):
            drawn = self._with_error(annotator, true)
            if intersection_over_union(true, drawn) >= MATCH_IOU:
                return drawn
        return true

    def _with_error(self, annotator: Annotator, true: Box) -> Box:
        shift_x, shift_y = map(self._random.gauss, annotator.centre_bias, annotator.centre_spread)
        grow_x, grow_y = map(self._random.gauss, annotator.size_bias, annotator.size_spread)
        wide, tall = true[2] * math.exp(grow_x), true[3] * math.exp(grow_y)
        centre_x, centre_y = true[0] + true[2] * (0.5 + shift_x), true[1] + true[3] * (0.5 + shift_y)
        return self._inside((centre_x - wide / 2, centre_y - tall / 2, wide, tall))

    def _inside(self, box: Box) -> Box:
        """The part of the box that lies in the image, at least `SMALLEST_SIDE` wide and tall."""
        left, right = _clip(box[0], box[0] + box[2], self._scenes["width"])
        top, bottom = _clip(box[1], box[1] + box[3], self._scenes["height"])
        return round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)

    def _from_quantiles(self, figure: str) -> float:
        table: list[float] = self._scenes[figure]
        place = self._random.random() * (len(table) - 1)
        step = int(place)
        return table[step] + (place - step) * (table[step + 1] - table[step])

    def _poisson(self, mean: float) -> int:
        """Knuth's method: count uniform draws until their product falls below `exp(-mean)`."""
        count, product = 0, self._random.random()
        while product > math.exp(-mean):
            count += 1
            product *= self._random.random()
        return count


def _clip(low: float, high: float, end: float) -> tuple[float, float]:
    low = min(max(low, 0.0), end - SMALLEST_SIDE)
    return low, max(min(high, end), low + SMALLEST_SIDE)


def _annotator(figures: dict[str, Any]) -> Annotator:
    centre, size = figures["centre_error"], figures["size_error"]
    return Annotator(
        email=figures["email"],
        miss_rate=figures["miss_rate"],
        spurious_per_task=figures["spurious_per_task"],
        centre_bias=tuple(centre["bias"]),
        centre_spread=tuple(centre["spread"]),
        size_bias=tuple(size["bias"]),
        size_spread=tuple(size["spread"]),
    )
