"""How much better the labels of round 2 are: by the truth, which only the demo knows, and by new benchmark images."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

from demo.labels import Box, LabelledImage
from demo.sandbox import Sandbox

CONFIDENT = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Gain:
    """F1 before and after, and the difference with its 95 % interval."""

    images: int
    before: float
    after: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """After minus before."""
        return self.after - self.before

    def above(self, other: "Gain") -> tuple[float, float, float]:
        """By how much this gain is larger than another, with its interval, as if the images were all different."""
        difference = self.gain - other.gain
        reach = sqrt((self.high - self.low) ** 2 + (other.high - other.low) ** 2) / 2
        return difference, difference - reach, difference + reach


@dataclass(frozen=True)
class Production:
    """Images with their truth, and the labels of both rounds as they were exported."""

    sandbox: Sandbox
    directory: Path
    units: Mapping[str, LabelledImage]
    rounds: Sequence[Mapping[str, Any]]
    """COCO documents"""

    def gain(self, name: str, data_hashes: Collection[str]) -> Gain:
        """On these images, by the service's own `evaluate-predictions`: labels are predictions that are quite sure.

        The name is that of its files.
        """
        wanted = sorted(data_hashes)
        truth = self._write(f"{name}, truth", self._truth(wanted))
        rounds = [self._write(f"{name}, labels {n}", self._labels(one, wanted)) for n, one in enumerate(self.rounds)]
        (category,) = self.rounds[0]["categories"]
        compared = json.loads(
            self.sandbox.benchmark_qa(
                "evaluate-predictions", truth, rounds[1], "--against", rounds[0], "--json", "--max-unmatched", "0"
            )
        )
        (f1,) = [one for one in compared["differences"] if one["name"] == f"F1 of {category['name']}"]
        gain = f1["difference"]
        if gain["low"] is None:
            raise ValueError(f"the gain on {len(wanted)} images has no interval: {gain['reason']}")
        return Gain(len(wanted), f1["first"], f1["second"], gain["low"], gain["high"])

    def boxes(self, number: int) -> dict[str, list[tuple[float, ...]]]:
        """What is drawn in a round, by data hash."""
        document = self.rounds[number]
        hashes = {image["id"]: image["data_hash"] for image in document["images"]}
        found: dict[str, list[tuple[float, ...]]] = {data_hash: [] for data_hash in hashes.values()}
        for annotation in document["annotations"]:
            found[hashes[annotation["image_id"]]].append(tuple(annotation["bbox"]))
        return {data_hash: sorted(drawn) for data_hash, drawn in found.items()}

    def _truth(self, wanted: Sequence[str]) -> dict[str, Any]:
        images = [self.units[data_hash] for data_hash in wanted]
        boxes = [(n, box) for n, image in enumerate(images) for box in _boxes(image)]
        (category,) = self.rounds[0]["categories"]
        return {
            "images": [
                {"id": n, "width": image.width, "height": image.height, "data_hash": data_hash}
                for n, (data_hash, image) in enumerate(zip(wanted, images, strict=True))
            ],
            "categories": [category],
            "annotations": [
                {"id": n, "image_id": image, "category_id": category["id"], "bbox": box, "area": box[2] * box[3]}
                | {"iscrowd": 0}
                for n, (image, box) in enumerate(boxes)
            ],
        }

    def _labels(self, document: Mapping[str, Any], wanted: Sequence[str]) -> list[dict[str, Any]]:
        hashes = {image["id"]: image["data_hash"] for image in document["images"]}
        numbers = {data_hash: n for n, data_hash in enumerate(wanted)}
        return [
            {"image_id": numbers[hashes[one["image_id"]]], "category_id": one["category_id"], "bbox": one["bbox"]}
            | {"score": 1.0}
            for one in document["annotations"]
            if hashes[one["image_id"]] in numbers
        ]

    def _write(self, name: str, content: object) -> str:
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps(content))
        return str(path)


def between_people(
    report: Mapping[str, Any], data_hashes: Collection[str], before: Mapping[str, int], after: Mapping[str, int]
) -> Gain:
    """F1 of some people and of others on the same benchmark images, by the service's scores.

    Who has done more of the work weighs more: `before` and `after` say how many production images each has labelled.
    The interval is a jackknife over images: what is left when each is left out in turn says how much one image weighs.
    """
    counts: dict[str, tuple[list[int], list[int]]] = {data_hash: ([0, 0], [0, 0]) for data_hash in data_hashes}
    for task in report["tasks"]:
        if task["data_hash"] in counts:
            hits = 2 * task["true_positives"]
            all_of_it = hits + task["false_positives"] + task["false_negatives"]
            for people, own in zip((before, after), counts[task["data_hash"]], strict=True):
                own[0] += hits * people.get(task["annotator"], 0)
                own[1] += all_of_it * people.get(task["annotator"], 0)
    images = list(counts.values())
    was, is_now = (_ratio(images, side) for side in (0, 1))
    without = [[*images[:n], *images[n + 1 :]] for n in range(len(images))]
    differences = [_ratio(rest, 1) - _ratio(rest, 0) for rest in without]
    mean = sum(differences) / len(differences)
    spread = sum((one - mean) ** 2 for one in differences) * (len(images) - 1) / len(images)
    reach = CONFIDENT * sqrt(spread)
    return Gain(len(images), was, is_now, is_now - was - reach, is_now - was + reach)


def _ratio(images: Sequence[tuple[list[int], list[int]]], side: int) -> float:
    everything = sum(image[side][1] for image in images)
    return sum(image[side][0] for image in images) / everything if everything else float("nan")


def _boxes(image: LabelledImage) -> tuple[Box, ...]:
    if isinstance(image.truth, bool):
        raise TypeError("the loop is about boxes, not about answers to a question")
    return image.truth
