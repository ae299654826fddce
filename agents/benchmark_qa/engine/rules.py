"""The scoring rules: the configuration looked up for one ontology."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark_qa.engine.config import AnswerRule, ScoringConfig, Threshold, ThresholdCurve
from benchmark_qa.engine.pairs import Flags, Numbers
from benchmark_qa.labels.annotations import Drawings
from benchmark_qa.labels.ontology import ObjectClass, Ontology, Question


def threshold_at(rule: Threshold, areas: Numbers) -> Numbers:
    """The threshold of each ground truth object (n,), given its area in pixels squared (n,)."""
    if isinstance(rule, ThresholdCurve):
        return np.interp(areas, [p.area for p in rule.points], [p.threshold for p in rule.points])
    return np.full(len(areas), rule)


@dataclass(frozen=True)
class Rules:
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
