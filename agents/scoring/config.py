"""The rules of a score, as a team writes them down."""

import hashlib
import json
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ThresholdPoint(_Section):
    """One point of a threshold curve."""

    area: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Of the ground truth object, in pixels squared"""
    threshold: Fraction


class ThresholdCurve(_Section):
    """A similarity threshold that depends on the size of the ground truth object: straight lines between the points."""

    points: Annotated[tuple[ThresholdPoint, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _areas_ascend(self) -> Self:
        areas = [point.area for point in self.points]
        if areas != sorted(set(areas)):
            raise ValueError("the areas of a threshold curve must ascend")
        return self


class Weights(_Section):
    """How much one answer of each kind counts in the overall score."""

    objects: Weight = 1.0
    classifications: Weight = 1.0
    attributes: Weight = 1.0

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.objects + self.classifications + self.attributes <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class ScoringConfig(_Section):
    """How labels are compared with the ground truth; the defaults are those of the documentation."""

    iou_threshold: Fraction | ThresholdCurve = 0.5
    """Similarity from which two drawings are the same object"""
    weights: Weights = Weights()
    exclude: tuple[str, ...] = ()
    """Names or hashes of classes that are not scored"""
    exclude_archived: bool = True
    exclude_uncovered: bool = False
    """Leave out classes of which the ground truth of this data unit holds nothing"""

    def fingerprint(self) -> str:
        """16 hex digits that change exactly when a rule changes."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def thresholds(rule: float | ThresholdCurve, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold of each ground truth object (n,), given its area in pixels squared (n,)."""
    if isinstance(rule, ThresholdCurve):
        points = rule.points
        return np.interp(areas, [p.area for p in points], [p.threshold for p in points])
    return np.full(len(areas), rule)
