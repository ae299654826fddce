"""The scoring rules, as a team configures them, and as they apply to one ontology."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from benchmark_qa.engine.metrics import find_metric
from benchmark_qa.engine.pairs import Flags
from benchmark_qa.labels.annotations import Drawings, Numbers
from benchmark_qa.labels.ontology import ObjectClass, Ontology, Question, Shape

FIGURES = (
    "score",
    "precision",
    "recall",
    "f1",
    "mean_similarity",
    "panoptic_quality",
    "worst_class_f1",
    "classification_accuracy",
    "attribute_accuracy",
    "idf1",
    "hota",
)
"""The figures of a score that a requirement can name."""


Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


NameOrHash = str
"""A class, attribute or skeleton node of the ontology, by its feature hash or its name."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ThresholdPoint(_Section):
    """One point of a threshold curve."""

    area: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Area of the ground truth object, in pixels squared."""
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


Threshold = Fraction | ThresholdCurve


class ScoreWeights(_Section):
    """How much one answer of each kind counts in the overall score."""

    objects: Weight = 1.0
    classifications: Weight = 1.0
    attributes: Weight = 1.0

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.objects + self.classifications + self.attributes <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class AnswerRule(_Section):
    """How two answers to one question are compared."""

    compare: Literal["exact", "edit", "tolerance", "ignore"] = "exact"
    """exact: equal (checklists: Jaccard); edit: normalised edit similarity; tolerance: numbers."""
    minimum: Annotated[float, Field(ge=0, le=1)] = 0.0
    """edit: a similarity below this counts as 0."""
    case_sensitive: bool = True
    """Applies to texts only."""
    absolute: Weight = 0.0
    """tolerance: numbers agree up to this difference."""
    relative: Weight = 0.0
    """tolerance: numbers agree up to this difference, as a share of the ground truth's number."""


class Filter(_Section):
    """Which labels a requirement looks at; an empty filter means all of them."""

    features: tuple[NameOrHash, ...] = ()
    shapes: tuple[Shape, ...] = ()
    first_frame: Annotated[int, Field(ge=0)] | None = None
    last_frame: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _frames_ascend(self) -> Self:
        if None not in (self.first_frame, self.last_frame) and (self.first_frame or 0) > (self.last_frame or 0):
            raise ValueError("first_frame lies after last_frame")
        return self


class Overrides(_Section):
    """Rules that a requirement changes for itself; what is None stays as it is."""

    iou_threshold: Threshold | None = None
    thresholds: dict[str, Threshold] | None = None
    sigma: Positive | None = None
    sigmas: dict[NameOrHash, Positive] | None = None
    point_sigma: Positive | None = None
    answers: dict[NameOrHash, AnswerRule] | None = None


class Requirement(_Section):
    """Something that labels must fulfil. What a child leaves out, it has from its parent."""

    name: Annotated[str, Field(min_length=1)]
    parent: str | None = None
    enabled: bool = True
    filter: Filter = Filter()
    metric: Annotated[str, Field(min_length=1)] | None = None
    """A figure of the score (docs/metrics/requirements.md), an entry point, or `module:function`."""
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """The lowest value that passes."""
    overrides: Overrides = Overrides()


class ScoringConfig(_Section):
    """How labels are compared with the ground truth; the defaults are those of the documentation."""

    iou_threshold: Threshold = 0.5
    """Similarity from which two drawings match."""
    thresholds: dict[str, Threshold] = Field(default_factory=dict)
    """Thresholds of single classes (by name or hash) or shapes."""
    sigma: Positive = 0.09
    """Skeletons: tolerance of a point's position, as a share of the object's size."""
    sigmas: dict[NameOrHash, Positive] = Field(default_factory=dict)
    """Sigmas of single skeleton nodes."""
    point_sigma: Positive = 0.01
    """Points: tolerance of the position, as a share of the square root of the image's area."""
    line_width: Positive = 0.01
    """Polylines: half width of the corridor, as a share of the square root of the image's area."""
    scene_size: Positive = 20.0
    """Points and polylines in space: used instead of the square root of the image's area, in scene units."""
    directed: tuple[NameOrHash, ...] = ()
    """Polyline classes with a direction: a line drawn from the other end is a different line."""
    boundary: tuple[str, ...] = ()
    """Classes or shapes (polygon, bitmask) measured by the smaller of IoU and Boundary IoU."""
    boundary_width: Fraction = 0.02
    """Width of the rim that Boundary IoU compares, as a share of the image's diagonal."""
    answers: dict[NameOrHash, AnswerRule] = Field(default_factory=dict)
    """Rules for comparing attributes and classifications, by question."""
    weights: ScoreWeights = ScoreWeights()
    identity: bool = True
    """Videos: whether IDF1, HOTA and identity switches are computed."""
    exclude: tuple[NameOrHash, ...] = ()
    """Classes and attributes that are not scored."""
    exclude_archived: bool = True
    exclude_uncovered: bool = False
    """Leave out classes that the ground truth of this data unit does not contain."""
    metrics: tuple[str, ...] = ()
    """The team's own metrics: an entry point of the group `benchmark_qa.metrics`, or `module:function`."""
    requirements: tuple[Requirement, ...] = ()

    @model_validator(mode="after")
    def _requirements_are_complete(self) -> Self:
        names = [requirement.name for requirement in self.requirements]
        if len(set(names)) != len(names):
            raise ValueError("two requirements have the same name")
        for requirement in self.requirements:
            whole = self.resolve(requirement)
            if whole.metric is None or whole.threshold is None:
                raise ValueError(f"requirement {requirement.name!r} has no metric or no threshold")
            if whole.metric not in FIGURES:
                find_metric(whole.metric)
        for name in self.metrics:
            find_metric(name)
        return self

    def resolve(self, requirement: Requirement) -> Requirement:
        """The requirement with the settings inherited from its parents."""
        seen, chain, by_name = {requirement.name}, [requirement], {r.name: r for r in self.requirements}
        while (parent := chain[-1].parent) is not None:
            if parent not in by_name:
                raise ValueError(f"requirement {chain[-1].name!r} has an unknown parent {parent!r}")
            if parent in seen:
                raise ValueError(f"requirement {parent!r} is its own ancestor")
            seen.add(parent)
            chain.append(by_name[parent])
        own = ("name", "parent", "enabled")
        merged: dict[str, object] = {}
        for link in reversed(chain):
            merged |= {key: getattr(link, key) for key in link.model_fields_set if key not in own}
        sections = {key: _merged([getattr(link, key) for link in reversed(chain)]) for key in ("filter", "overrides")}
        return requirement.model_copy(update={**merged, **sections, "enabled": all(link.enabled for link in chain)})

    def overridden(self, overrides: Overrides) -> Self:
        """These rules with a requirement's overrides applied, and without metrics and requirements."""
        changed = {key: value for key in type(overrides).model_fields if (value := getattr(overrides, key)) is not None}
        for key in ("thresholds", "sigmas", "answers"):
            if key in changed:
                changed[key] = {**getattr(self, key), **changed[key]}
        return self.model_copy(update={**changed, "requirements": (), "metrics": ()})

    def fingerprint(self) -> str:
        """16 hex digits that change if and only if a rule changes."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _merged(sections: list[_Section]) -> _Section:
    changes = {key: getattr(section, key) for section in sections for key in section.model_fields_set}
    return sections[-1].model_copy(update=changes)


def threshold_at(rule: Threshold, areas: Numbers) -> Numbers:
    """The threshold of each ground truth object (n,), given its area in pixels squared (n,)."""
    if isinstance(rule, ThresholdCurve):
        return np.interp(areas, [p.area for p in rule.points], [p.threshold for p in rule.points])
    return np.full(len(areas), rule)


@dataclass(frozen=True)
class ScoringRules:
    """`ScoringConfig` applied to the classes and questions of an ontology."""

    config: ScoringConfig
    ontology: Ontology

    def thresholds(self, drawings: Drawings, areas: Numbers) -> Numbers:
        """The match threshold of each truth drawing (n,), given its area in pixels squared (n,)."""
        if not self.config.thresholds:
            return threshold_at(self.config.iou_threshold, areas)
        limits = np.empty(len(drawings))
        for feature in np.unique(drawings.feature):
            own = drawings.feature == feature
            limits[own] = threshold_at(self._threshold(self.ontology.objects[feature]), areas[own])
        return limits

    def _threshold(self, item: ObjectClass) -> Threshold:
        given = self.config.thresholds
        return next(
            (given[key] for key in (item.hash, item.name, item.shape.value) if key in given),
            self.config.iou_threshold,
        )

    def named(self, drawings: Drawings, names: Iterable[str]) -> Flags:
        """Which drawings (n,) belong to a class whose hash, name or shape is listed."""
        chosen = set(names)
        listed = [not chosen.isdisjoint((i.hash, i.name, i.shape.value)) for i in self.ontology.objects]
        return np.array(listed, np.bool_)[drawings.feature]

    def sigmas(self, nodes: Iterable[tuple[str, str]]) -> Numbers:
        """The sigma of each skeleton node, given as (hash, name)."""
        given = self.config.sigmas
        return np.array([given.get(key, given.get(name, self.config.sigma)) for key, name in nodes], np.float64)

    def answer(self, question: Question) -> AnswerRule:
        """The rule for comparing answers to this question."""
        excluded = {question.hash, question.name} & set(self.config.exclude)
        if excluded or (question.archived and self.config.exclude_archived):
            return _IGNORED
        given = self.config.answers
        return given.get(question.hash) or given.get(question.name) or _EXACT


_EXACT = AnswerRule()


_IGNORED = AnswerRule(compare="ignore")
