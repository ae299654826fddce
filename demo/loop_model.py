"""A detector that was never trained: what it sees is simulated from the truth, with misses and things seen twice.

It stands where a team's model stands in the loop. Because it is made from the truth, finding label errors with it is as
easy as the figures below make it: the demo shows that the loop closes, not how well a real model finds errors.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from demo.labels import Box, LabelledImage

SEED = 20261122
RECALL = 0.85
SPURIOUS_PER_IMAGE = 0.2
JITTER = 0.06
"""Standard deviation of every edge, in widths and heights of the object"""
SURE, UNSURE = (8.0, 2.0), (2.0, 6.0)
"""Beta distributions of the confidence in what is there, and in what is not"""


def predictions(images: Mapping[int, LabelledImage], category: int) -> list[dict[str, Any]]:
    """COCO results for images by their id; the same image always gets the same ones."""
    return [
        {"image_id": image_id, "category_id": category, "bbox": [round(edge, 2) for edge in box], "score": score}
        for image_id, image in images.items()
        for box, score in _seen(image)
    ]


def _seen(image: LabelledImage) -> Iterator[tuple[Box, float]]:
    chance = random.Random(f"{SEED}/{image.id}")  # noqa: S311 (a simulation, not a secret)
    if isinstance(image.truth, bool):
        raise TypeError("a detector finds boxes, it answers no question")
    for box in image.truth:
        if chance.random() < RECALL:
            yield _inside(_jittered(box, chance), image), round(chance.betavariate(*SURE), 4)
    if chance.random() < SPURIOUS_PER_IMAGE:
        wide, tall = image.width * chance.uniform(0.02, 0.06), image.height * chance.uniform(0.08, 0.2)
        place = (chance.random() * (image.width - wide), chance.random() * (image.height - tall))
        yield _inside((*place, wide, tall), image), round(chance.betavariate(*UNSURE), 4)


def _jittered(box: Box, chance: random.Random) -> Box:
    left, top, wide, tall = box
    return (
        left + wide * chance.gauss(0, JITTER),
        top + tall * chance.gauss(0, JITTER),
        wide * (1 + chance.gauss(0, JITTER)),
        tall * (1 + chance.gauss(0, JITTER)),
    )


def _inside(box: Box, image: LabelledImage) -> Box:
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    return left, top, min(box[2], image.width - left), min(box[3], image.height - top)
