"""`benchmark-qa choose`: choose data units to label again, by scores alone."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmark_qa.commands.findings.findings import Findings
from benchmark_qa.commands.predictions.detections import Detections, ImageSource, PredictionInputError
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, ChosenReason, ReasonKind
from benchmark_qa.terminal.failures import USAGE_ERROR, clear_failures


def choose(
    output: Annotated[Path, typer.Argument(help="The choice to write (JSON); 'send-back' reads it.")],
    *,
    name: Annotated[str, typer.Option(help="Of the choice; its collection in Encord is named after it.")] = "By scores",
    below_bar: Annotated[bool, typer.Option(help="Production work of annotators below the bar.")] = True,
    undecided: Annotated[bool, typer.Option("--undecided", help="And of those of whom too little is known.")] = False,
    suspects: Annotated[bool, typer.Option(help="Benchmark items whose truth the annotators contradict.")] = True,
    most: Annotated[int | None, typer.Option(min=1, help="Data units at most, the strongest first.")] = None,
    control_of: Annotated[
        Path | None,
        typer.Option(
            metavar="CHOICE",
            help="Instead: as many production data units as this choice has, at random. What it gains above them is "
            "owed to the choosing.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random choice.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the choice as JSON, too.")] = False,
) -> None:
    """Choose what goes round again: work of weak annotators, and ground truth that is suspect.

    Needs no model. Nothing is changed on Encord. Exit code 0, 2 for faulty settings or files, 3 when Encord or the
    database cannot be used.
    """
    with clear_failures():
        from benchmark_qa.commands.findings.by_scores import choose_by_scores, choose_control
        from benchmark_qa.config.settings import load_settings
        from benchmark_qa.formats.chosen_items import ReasonKind
        from benchmark_qa.tasks.connections import Connections
        from benchmark_qa.terminal.files import read_choice, require_place

        require_place(output)
        control = read_choice(control_of) if control_of is not None else None

        connections = Connections(load_settings(endpoints=False))
        now = datetime.now(UTC)
        if control is not None:
            chosen = choose_control(connections.projects, control, seed=seed, made_at=now)
        else:
            wanted: dict[ReasonKind, bool] = {
                "low_score": below_bar, "undecided": undecided, "suspect_truth": suspects,
            }  # fmt: skip
            kinds = [kind for kind, on in wanted.items() if on]
            chosen = choose_by_scores(
                connections.projects, connections.store, name=name, made_at=now, kinds=kinds, most=most
            )
        document = chosen.model_dump_json(indent=2)
        try:
            output.write_text(document)
        except OSError as error:
            typer.echo(f"{output}: {error.strerror or error}", err=True)
            raise typer.Exit(USAGE_ERROR) from None
        if json:
            typer.echo(document)
            return
        for item in chosen.items:
            typer.echo(f"{item.data_hash}  {item.strength:.2f}  {item.title}: {item.reasons[0].text}")
        typer.echo(f"{len(chosen.items):,} data units in {output}")


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
