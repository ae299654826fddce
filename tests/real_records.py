"""Score records of the real labels, through real label row JSON and the real engine."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.task import ENGINE_VERSION, score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.records.score import ScoreIdentity, ScoreRecord
from benchmark_qa.records.sketch import sketch_of
from tests.records import PROJECT
from tests.unit.rows import BLUEBIRD_EDITOR, PEDESTRIAN_EDITOR, answer_row, box_row

START = datetime(2026, 2, 2, 8, tzinfo=UTC)
DATASET = "da7a0000-0000-4000-8000-000000000001"


def data_hash_of(image: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, image))


def pedestrian_records(pedestrians: dict[str, Any]) -> Iterator[ScoreRecord]:
    """3,283 records over eight weeks."""
    ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
    images = pedestrians["images"]
    for number, image in enumerate(images):
        size = {"width": image["width"], "height": image["height"]}
        truth = read_label_row(box_row(image["id"], image["ground_truth"], **size), ontology)
        at = START + timedelta(weeks=8) * number / len(images)
        for branch, (annotator, boxes) in enumerate(image["annotations"].items()):
            labels = read_label_row(box_row(image["id"], boxes, **size), ontology)
            yield scored(image["id"], annotator, f"encord-{branch}", (truth, labels, ontology), at)


def bluebird_records(bluebirds: dict[str, Any]) -> Iterator[ScoreRecord]:
    """39 annotators x 108 questions."""
    ontology = Ontology.from_editor(BLUEBIRD_EDITOR)
    for image in bluebirds["images"]:
        truth = read_label_row(answer_row(image, bluebirds["ground_truth"][image]), ontology)
        for branch, (annotator, answers) in enumerate(bluebirds["annotations"].items()):
            labels = read_label_row(answer_row(image, answers[image]), ontology)
            yield scored(image, annotator, f"encord-{branch}", (truth, labels, ontology), START)


def scored(
    image: str, annotator: str, branch: str, sides: tuple[Annotations, Annotations, Ontology], at: datetime
) -> ScoreRecord:
    truth, labels, ontology = sides
    score = score_task(truth, labels, ontology)
    return ScoreRecord(
        identity=ScoreIdentity(
            production_project=PROJECT,
            benchmark_project="7a000000-0000-4000-8000-000000000002",
            data_hash=data_hash_of(image),
            branch_name=branch,
            label_hash=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{image} {annotator}")),
            labels_edited_at=at,
            truth_label_hash=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{image} truth")),
            truth_edited_at=START,
            config_fingerprint=ScoringConfig().fingerprint(),
            engine_version=ENGINE_VERSION,
        ),
        annotator=annotator,
        data_title=f"{image}.jpg",
        scored_at=at,
        score=score.score,
        passed=score.passed,
        true_positives=score.objects.true_positives,
        false_positives=score.objects.false_positives,
        false_negatives=score.objects.false_negatives,
        similarity_sum=score.objects.similarity_sum,
        classifications_correct=score.classifications.correct,
        classifications_total=score.classifications.compared,
        details=score.to_dict(),
        attributes_correct=score.attributes.correct,
        attributes_total=score.attributes.compared,
        dataset_hash=DATASET,
        sketch=sketch_of(truth, labels, ontology),
    )
