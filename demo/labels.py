"""A set of labels, wherever it came from: images, the truth of each, what each annotator answered."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""`(x, y, width, height)` in pixels, the origin at the image's top left corner."""

Answer: TypeAlias = tuple[Box, ...] | bool
"""What one person says about one image: the boxes drawn (none is an answer too), or yes or no."""


@dataclass(frozen=True)
class LabelledImage:
    """One image: its truth, and the answer of every annotator who looked at it, by e-mail address."""

    id: str
    width: int
    height: int
    truth: Answer
    answers: dict[str, Answer]


@dataclass(frozen=True)
class LabelSet:
    """Images and one kind of task: boxes round every `label`, or a yes/no question called `label`."""

    source: str
    kind: Literal["boxes", "question"]
    label: str
    images: tuple[LabelledImage, ...]

    @property
    def annotators(self) -> tuple[str, ...]:
        """The e-mail addresses of everybody who answered at least once, sorted."""
        return tuple(sorted({email for image in self.images for email in image.answers}))

    @property
    def annotators_per_image(self) -> int:
        """How many people answered each image (the most frequent number, where images differ)."""
        counts = Counter(len(image.answers) for image in self.images)
        return max(counts, key=lambda number: (counts[number], number))

    def first(self, number: int) -> "LabelSet":
        """The same set with its first `number` images only."""
        return replace(self, images=self.images[:number])

    def evenly_annotated(self) -> "LabelSet":
        """Only the images answered by the usual number of people: a consensus stage takes a fixed number."""
        people = self.annotators_per_image
        return replace(self, images=tuple(image for image in self.images if len(image.answers) == people))

    def __iter__(self) -> Iterator[LabelledImage]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)
