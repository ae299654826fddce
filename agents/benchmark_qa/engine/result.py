"""The parts of a score: frozen values that print, explain themselves, and convert to JSON and back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import groupby
from typing import Any, Literal, Self

ConflictKind = Literal[
    "missing",
    "spurious",
    "low_overlap",
    "mislabelled",
    "wrong_attribute",
    "wrong_classification",
    "missing_classification",
    "spurious_classification",
    "identity_switch",
]


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """Counts of drawn objects, and the figures that follow from them.

    A figure is None where it is not applicable; `not_applicable` says why.
    """

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    mislabelled: int = 0
    """Pairs that overlap but differ in class; each is also one false positive and one false negative."""
    similarity_sum: float = 0.0
    localisation_sum: float = 0.0
    """The sum of `Matches.localisation`: similarity, raised for matches below 0.5 (docs/metrics/score.md)."""

    @property
    def is_empty(self) -> bool:
        """Whether neither side holds an object."""
        return not (self.true_positives or self.false_positives or self.false_negatives)

    @property
    def precision(self) -> float | None:
        """Share of the labels' objects that match."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """Share of the ground truth's objects that match."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn)."""
        return _ratio(2 * self.true_positives, self._both)

    @property
    def mean_similarity(self) -> float | None:
        """Mean similarity of the matches."""
        return _ratio(self.similarity_sum, self.true_positives)

    @property
    def panoptic_quality(self) -> float | None:
        """F1 x mean similarity (Kirillov et al. 2019): similarity_sum / (tp + fp/2 + fn/2)."""
        return _ratio(2 * self.similarity_sum, self._both)

    @property
    def score(self) -> float:
        """F1 x localisation; 1 where neither side holds an object."""
        return 1.0 if self.is_empty else 2 * self.localisation_sum / self._both

    @property
    def not_applicable(self) -> Mapping[str, str]:
        """The reason for each figure that is None, by the figure's name."""
        reasons: dict[str, str] = {}
        if self.is_empty:
            reasons |= dict.fromkeys(_FIGURES, "neither the ground truth nor the labels hold objects")
            return reasons
        if self.precision is None:
            reasons["precision"] = "the labels hold no objects"
        if self.recall is None:
            reasons["recall"] = "the ground truth holds no objects"
        if self.mean_similarity is None:
            reasons["mean_similarity"] = "nothing matched"
        return reasons

    @property
    def _both(self) -> int:
        return 2 * self.true_positives + self.false_positives + self.false_negatives

    def __add__(self, other: Self) -> Self:
        """The sum of the counts."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, as JSON types."""
        figures = {name: getattr(self, name) for name in _FIGURES}
        return asdict(self) | figures | {"score": self.score, "not_applicable": dict(self.not_applicable)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{f.name: data[f.name] for f in fields(cls)})

    def __str__(self) -> str:
        return (
            f"{self.true_positives} matched, {self.false_positives} spurious, {self.false_negatives} missing"
            + (f" ({self.mislabelled} mislabelled)" if self.mislabelled else "")
            + (f", F1 {self.f1:.4f}" if self.f1 is not None else "")
            + (f", mean similarity {self.mean_similarity:.4f}" if self.mean_similarity is not None else "")
        )


_FIGURES = ("precision", "recall", "f1", "mean_similarity", "panoptic_quality")


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """Answers to questions: classifications, or attributes of matched objects."""

    correct: float = 0.0
    """Sum of the agreements, each in [0, 1]."""
    compared: int = 0
    """Answers that were compared."""
    expected: int = 0
    """Answers in the ground truth."""
    spurious: int = 0
    """Answers in the labels where the ground truth has none."""
    credit: float = 0.0
    """Like `correct`, but each object's sum is reduced by the share of its answers that are spurious."""
    uncalled: int = 0
    """Spurious answers to classifications that the ground truth does not have at that place."""
    not_applicable: str | None = None
    """Why `accuracy` is None."""

    @property
    def accuracy(self) -> float | None:
        """Mean agreement of the compared answers."""
        return _ratio(self.correct, self.compared)

    @property
    def score(self) -> float | None:
        """Credit over all expected answers; leaving out an object or an answer never raises it."""
        return _ratio(self.credit, self.expected + self.uncalled)

    def __add__(self, other: Self) -> Self:
        """The sum of the counts."""
        compared = self.compared + other.compared
        return type(self)(
            self.correct + other.correct,
            compared,
            self.expected + other.expected,
            self.spurious + other.spurious,
            self.credit + other.credit,
            self.uncalled + other.uncalled,
            None if compared else self.not_applicable or other.not_applicable,
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields and ratios, as JSON types."""
        return asdict(self) | {"accuracy": self.accuracy, "score": self.score}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{f.name: data[f.name] for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class IdentityFigures:
    """Whether label objects stay on the same objects over time (docs/metrics/tracks.md)."""

    idtp: int = 0
    idfp: int = 0
    idfn: int = 0
    switches: int = 0
    hota: float | None = None
    detection: float | None = None
    """DetA, the detection part of HOTA."""
    association: float | None = None
    """AssA, the association part of HOTA."""
    not_applicable: str | None = None

    @property
    def idf1(self) -> float | None:
        """2 IDTP / (2 IDTP + IDFP + IDFN)."""
        return _ratio(2 * self.idtp, 2 * self.idtp + self.idfp + self.idfn)

    def to_dict(self) -> dict[str, Any]:
        """All fields and IDF1, as JSON types."""
        return asdict(self) | {"idf1": self.idf1}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{f.name: data[f.name] for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class ClassScore:
    """The figures of one class of the ontology."""

    name: str
    objects: ObjectScore | None = None
    classifications: AnswerScore | None = None
    attributes: AnswerScore | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON types."""
        return {
            "name": self.name,
            "objects": self.objects and self.objects.to_dict(),
            "classifications": self.classifications and self.classifications.to_dict(),
            "attributes": self.attributes and self.attributes.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            data["name"],
            data["objects"] and ObjectScore.from_dict(data["objects"]),
            data["classifications"] and AnswerScore.from_dict(data["classifications"]),
            data["attributes"] and AnswerScore.from_dict(data["attributes"]),
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """One disagreement that a person can act on. Runs of consecutive frames are one conflict."""

    kind: ConflictKind
    feature: str
    """Name of the class: the ground truth's, or the labels' if the ground truth has none."""
    frame: int | None
    """First frame; None for the whole data unit."""
    last_frame: int | None = None
    space: str = ""
    """Space of a data group; empty for the row itself."""
    truth_object: str | None = None
    label_object: str | None = None
    similarity: float | None = None
    """Similarity of the two objects, or the greatest to any object of the class on the other side."""
    other: str | None = None
    """The labels' class (mislabelled), the question (wrong answer), or the old label object (switch)."""
    expected: str | None = None
    """Wrong, missing or spurious answer: the ground truth's answer in words; None if it has none."""
    given: str | None = None
    """The labels' answer in words; None if they have none."""
    is_text: bool = False
    """Whether the answers are free text; score records do not keep free text."""

    def order(self) -> tuple[str, int, str, str, str, str]:
        """Sort key: place, kind, objects. The order does not depend on the input."""
        frame = -1 if self.frame is None else self.frame
        return self.space, frame, self.kind, self.truth_object or "", self.label_object or "", self.other or ""

    def explain(self) -> str:
        """The conflict in one sentence."""
        what = _WORDS[self.kind].format(feature=self.feature, other=self.other)
        return f"{what}{self._where()}{self._overlap()}{self._answers()}"

    def _where(self) -> str:
        if self.frame is None:
            return ""
        place = f" in {self.space}" if self.space else ""
        if self.last_frame is not None and self.last_frame != self.frame:
            return f"{place} at frames {self.frame} to {self.last_frame}"
        return f"{place} at frame {self.frame}"

    def _overlap(self) -> str:
        if self.similarity is None:
            return ""
        word = "best overlap" if self.kind in ("missing", "spurious") else "overlap"
        return f", {word} {self.similarity:.2f}"

    def _answers(self) -> str:
        if self.expected is None and self.given is None:
            return ""
        expected, given = (f"'{said}'" if said is not None else "no answer" for said in (self.expected, self.given))
        return f": expected {expected}, given {given}"

    def to_dict(self) -> dict[str, Any]:
        """All fields and the explanation, as JSON types."""
        return asdict(self) | {"explanation": self.explain()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; fields that older records lack get their default."""
        return cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})


def joined_conflicts(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """The conflicts, with those merged that differ only in their frames and lie on consecutive frames.

    A merged conflict has the smallest similarity of its parts.
    """
    same = groupby(sorted(conflicts, key=_sort_key), key=_sort_key_without_frame)
    return [run for _, group in same for run in _runs(group)]


def _runs(group: Iterable[Conflict]) -> Iterator[Conflict]:
    run: Conflict | None = None
    for conflict in group:
        if run is None or conflict.frame is None or run.last_frame is None or conflict.frame > run.last_frame + 1:
            if run is not None:
                yield run
            run = conflict
            continue
        similarity = min((c.similarity for c in (run, conflict) if c.similarity is not None), default=None)
        last = max(run.last_frame, conflict.frame if conflict.last_frame is None else conflict.last_frame)
        run = replace(run, last_frame=last, similarity=similarity)
    if run is not None:
        yield run


def _sort_key_without_frame(conflict: Conflict) -> tuple[str, ...]:
    c = conflict
    return tuple(
        "" if value is None else f"={value}"
        for value in (c.space, c.kind, c.feature, c.truth_object, c.label_object, c.other, c.expected, c.given)
    )


def _sort_key(conflict: Conflict) -> tuple[tuple[str, ...], int]:
    return _sort_key_without_frame(conflict), -1 if conflict.frame is None else conflict.frame


_WORDS: Mapping[ConflictKind, str] = {
    "missing": "missing {feature}",
    "spurious": "spurious {feature}",
    "low_overlap": "{feature} drawn too far off",
    "mislabelled": "{feature} labelled as {other}",
    "wrong_attribute": "wrong {other} of {feature}",
    "wrong_classification": "wrong {other}",
    "missing_classification": "{feature} not answered",
    "spurious_classification": "{feature} answered where the ground truth holds no answer",
    "identity_switch": "{feature} goes to another label object",
}


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """What a requirement says: passed, failed, or not applicable (None) with the reason."""

    name: str
    metric: str
    threshold: float
    value: float | None
    passed: bool | None
    reason: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"not applicable: {self.reason}"
        verb = "passed" if self.passed else "failed"
        return f"{verb}, {self.metric} {self.value:.4f} against {self.threshold:g}"

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{f.name: data[f.name] for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One annotator's labels of one data unit, compared with the ground truth."""

    score: float | None
    """The overall score in [0, 1]; None, with a `reason`, if there was nothing to score."""
    objects: ObjectScore
    classifications: AnswerScore
    attributes: AnswerScore
    identity: IdentityFigures = IdentityFigures(not_applicable="there are no frames")
    by_class: Mapping[str, ClassScore] = field(default_factory=dict)
    """By feature hash."""
    confusion: tuple[tuple[str | None, str | None, int], ...] = ()
    """(true class, given class, count) by feature hash; None means no object."""
    conflicts: tuple[Conflict, ...] = ()
    requirements: tuple[RequirementResult, ...] = ()
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """Values of custom metrics, by name."""
    reason: str | None = None

    @property
    def passed(self) -> bool | None:
        """Whether every applicable requirement is met; None if none is applicable."""
        verdicts = [verdict.passed for verdict in self.requirements if verdict.passed is not None]
        return all(verdicts) if verdicts else None

    def to_dict(self) -> dict[str, Any]:
        """All fields and `passed`, as JSON types."""
        return {
            "score": self.score,
            "reason": self.reason,
            "passed": self.passed,
            "objects": self.objects.to_dict(),
            "classifications": self.classifications.to_dict(),
            "attributes": self.attributes.to_dict(),
            "identity": self.identity.to_dict(),
            "by_class": {key: value.to_dict() for key, value in self.by_class.items()},
            "confusion": [list(cell) for cell in self.confusion],
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
            "requirements": [verdict.to_dict() for verdict in self.requirements],
            "metrics": dict(self.metrics),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            score=data["score"],
            reason=data["reason"],
            objects=ObjectScore.from_dict(data["objects"]),
            classifications=AnswerScore.from_dict(data["classifications"]),
            attributes=AnswerScore.from_dict(data["attributes"]),
            identity=IdentityFigures.from_dict(data["identity"]),
            by_class={key: ClassScore.from_dict(value) for key, value in data["by_class"].items()},
            confusion=tuple((cell[0], cell[1], cell[2]) for cell in data["confusion"]),
            conflicts=tuple(Conflict.from_dict(item) for item in data["conflicts"]),
            requirements=tuple(RequirementResult.from_dict(item) for item in data["requirements"]),
            metrics=dict(data["metrics"]),
        )

    def __str__(self) -> str:
        lines = [f"score {self.score:.4f}" if self.score is not None else f"no score: {self.reason}"]
        lines.append(f"objects: {self.objects}")
        for name, answers in (("classifications", self.classifications), ("attributes", self.attributes)):
            if answers.accuracy is not None:
                lines.append(f"{name}: {answers.correct:g} of {answers.compared} right")
        if self.identity.idf1 is not None:
            lines.append(f"identity: IDF1 {self.identity.idf1:.4f}, {self.identity.switches} switches")
        lines += [f"{verdict.name}: {verdict}" for verdict in self.requirements]
        lines += [f"- {conflict.explain()}" for conflict in self.conflicts]
        return "\n".join(lines)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
