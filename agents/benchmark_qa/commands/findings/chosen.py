"""Turn findings into chosen items: data units to send back, with reasons."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime

from benchmark_qa.commands.findings.findings import Findings
from benchmark_qa.commands.predictions.detections import Detections, ImageSource, PredictionInputError
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, ChosenReason, ReasonKind

OFFERED: tuple[ReasonKind, ...] = (
    "likely_label_error",
    "failure_slice",
    "contradicting_duplicates",
    "rare_class",
    "missed_by_model",
)
"""Reasons that findings can give"""
USUAL: tuple[ReasonKind, ...] = ("likely_label_error", "contradicting_duplicates")
"""Default reasons: labels that are probably wrong"""
_LONGEST_TEXT = 200


class NoDataHashesError(PredictionInputError):
    """The labels do not give the hashes of their data units."""

    def __init__(self) -> None:
        super().__init__("the labels", "name no data hashes: nothing can be chosen for Encord (label rows do)")


def choose_data_units(
    detections: Detections,
    findings: Findings,
    *,
    project_hash: str,
    name: str,
    made_at: datetime,
    kinds: Collection[ReasonKind] = USUAL,
    least_strength: float = 0.5,
    most: int | None = None,
) -> ChosenItems:
    """The data units with findings, the surest first.

    Args:
        detections: the labels and predictions in which `findings` were found.
        findings: the findings.
        project_hash: of the project of these labels.
        name: of the chosen items.
        made_at: with a time zone.
        kinds: reasons that count, of `OFFERED`.
        least_strength: for likely label errors and contradictions: weaker ones are left out.
        most: data units at most; None: all.

    Raises:
        NoDataHashesError: data units are not known by hash.
    """
    reasons: dict[int, list[ChosenReason]] = defaultdict(list)
    for image, reason in _reasons(detections, findings, least_strength):
        if reason.kind in kinds:
            reasons[image].append(reason)
    units: dict[str, tuple[ImageSource, list[ChosenReason]]] = {}
    for image, given in reasons.items():
        source = detections.sources[image]
        if source.data_hash is None:
            raise NoDataHashesError
        units.setdefault(source.data_hash, (source, []))[1].extend(given)
    items = [
        ChosenItem(
            data_hash=data_hash,
            title=source.title,
            dataset_hash=source.dataset_hash,
            reasons=tuple(sorted(given, key=lambda reason: -reason.strength)),
        )
        for data_hash, (source, given) in units.items()
    ]
    items.sort(key=lambda item: (-item.strength, item.data_hash))
    return ChosenItems(project_hash=project_hash, name=name, made_at=made_at, items=tuple(items[:most]))


def _reasons(detections: Detections, findings: Findings, least_strength: float) -> Iterator[tuple[int, ChosenReason]]:
    yield from _label_errors(detections, findings, least_strength)
    yield from _slices(detections, findings)
    for contradiction in findings.contradictions or ():
        if contradiction.strength >= least_strength:
            text = f"labelled otherwise than a near-duplicate (agreement F1 {contradiction.agreement:.2f})"
            for image in contradiction.worst:
                yield image, _reason(detections, image, "contradicting_duplicates", contradiction.strength, text)
    for rare in findings.rare_classes:
        text = f"{rare.name} is labelled in {rare.data_units} data units only"
        for image in (*rare.images, *rare.predicted):
            yield image, _reason(detections, image, "rare_class", rare.strength, text)
    for image, (objects, missed) in (findings.missed or {}).items():
        text = f"the model misses {missed} of {objects} objects"
        yield image, _reason(detections, image, "missed_by_model", missed / objects, text)


def _label_errors(detections: Detections, findings: Findings, least: float) -> Iterator[tuple[int, ChosenReason]]:
    annotations = detections.truth["annotations"]
    for error in findings.label_errors or ():
        if error.strength >= least:
            by = "" if error.confidence is None else f" (confidence of the model {error.confidence:.2f})"
            object_hash = annotations[error.annotations[-1]].get("object_hash") if error.annotations else None
            text = f"{error.fault}: {error.class_name}{by}"
            yield (
                error.image,
                _reason(detections, error.image, "likely_label_error", error.strength, text, object_hash=object_hash),
            )


def _slices(detections: Detections, findings: Findings) -> Iterator[tuple[int, ChosenReason]]:
    for part in findings.slices or ():
        if part.gap_low > 0:
            text = f"{part.metric} {part.inside.estimate:.2f} where {part.title}, {part.outside.estimate:.2f} elsewhere"
            for image in part.failing_images:
                yield image, _reason(detections, image, "failure_slice", min(part.gap, 1.0), text)


def _reason(
    detections: Detections,
    image: int,
    kind: ReasonKind,
    strength: float,
    text: str,
    *,
    object_hash: str | None = None,
) -> ChosenReason:
    source = detections.sources[image]
    return ChosenReason(
        kind=kind,
        strength=round(min(max(float(strength), 0.0), 1.0), 6),
        text=text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…",
        label_hash=source.label_hash,
        object_hash=object_hash,
        frame=source.frame,
    )
