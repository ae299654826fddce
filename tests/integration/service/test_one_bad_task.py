"""What one task or one change of the ontology must not do to the others."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.responses import Response

from benchmark_qa.encord_api.errors import AnswerTooLarge, EncordUnavailable
from benchmark_qa.encord_api.sdk_internals import bodies_up_to
from benchmark_qa.engine.metrics import MetricInput
from benchmark_qa.service.service import Service, _Context, _in_worker_process
from benchmark_qa.tasks.jobs import DrainJob
from emulator.http.application import json_response
from emulator.testing import Running
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import BENCHMARK, PRODUCTION, SCORING_STAGE, Unit, uuid

pytestmark = pytest.mark.encord

METRIC = f"{__name__}:refuses_one_truth"
REFUSED: set[int] = set()


def refuses_one_truth(given: MetricInput) -> float:
    """A metric of a team's own that fails on some data units."""
    objects = len(given.truth.instances)
    if objects in REFUSED:
        raise ZeroDivisionError
    return 1.0


@pytest.fixture(scope="module")
def images(pedestrians: dict[str, Any]) -> list[dict[str, Any]]:
    by_size = {len(image["ground_truth"]): image for image in pedestrians["images"] if image["ground_truth"]}
    return list(by_size.values())[:3]


def test_labels_that_cannot_be_scored_hold_up_no_other_task(images: list[Any], tmp_path: Path) -> None:
    REFUSED.add(len(images[0]["ground_truth"]))
    units = [Unit(image, stage="Score") for image in images]
    with service_in_process(units, tmp_path, {"scoring": {"metrics": [METRIC]}}) as (service, _):
        drained = service.run_job(DrainJob(PRODUCTION, SCORING_STAGE))
        assert drained.moved == len(units) - 1
        ((refused, reason),) = drained.refused
        assert refused == units[0].data_hash
        assert "cannot be scored" in reason


@pytest.mark.parametrize(
    ("project", "refusal"), [(PRODUCTION, "the labels on branch"), (BENCHMARK, "the ground truth")]
)
def test_a_label_row_that_encord_never_returns_holds_up_no_other_task(
    images: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, project: str, refusal: str
) -> None:
    units = [Unit(image, stage="Score") for image in images]
    with service_in_process(units, tmp_path) as (service, platform):
        rows = platform.emulator.platform.projects[project].rows
        gone = next(row for row in rows.all() if row.data_hash == units[1].data_hash and row.label_hash)
        del rows._by_hash[str(gone.label_hash)]
        drained = service.run_job(DrainJob(PRODUCTION, SCORING_STAGE))
        assert drained.moved == len(units) - 1
        ((refused, reason),) = drained.refused
        assert refused == units[1].data_hash
        assert reason.startswith(refusal)
        assert reason.endswith("Encord does not return it")
        assert f"data unit {refused} stays: {reason}" in caplog.messages
        scored = {record.identity.data_hash for record in service.connections.store.latest(PRODUCTION)}
        assert scored == {units[0].data_hash, units[2].data_hash}


@pytest.mark.parametrize(("side", "refusal"), [("annotations", "the labels on"), ("ground_truth", "the ground truth")])
def test_a_label_row_that_is_too_large_is_refused_alone_and_not_asked_for_again_at_once(
    images: list[Any], tmp_path: Path, side: str, refusal: str
) -> None:
    boxes = [[10, 10, 20, 20]] * 8_000
    large = boxes if side == "ground_truth" else dict.fromkeys(images[1]["annotations"], boxes)
    units = [Unit(image, stage="Score") for image in (images[0], {**images[1], side: large}, images[2])]
    with service_in_process(units, tmp_path, {"largest_label_row_mb": 1}) as (service, platform):
        drained = service.run_job(DrainJob(PRODUCTION, SCORING_STAGE))
        assert drained.moved == len(units) - 1
        ((refused, reason),) = drained.refused
        assert refused == units[1].data_hash
        assert reason.startswith(refusal)
        assert "has more than 1 MB of JSON" in reason
        before = requests_for_labels(platform)
        assert service.run_job(DrainJob(PRODUCTION, SCORING_STAGE)).refused == drained.refused
        assert requests_for_labels(platform) - before == (1 if side == "ground_truth" else 0), "not the large one"


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', '{"a":' * 1_100 + "1" + "}" * 1_100])
def test_a_label_row_that_is_no_json_is_refused_alone(
    images: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    units = [Unit(image, stage="Score") for image in images[:3]]
    with service_in_process(units, tmp_path) as (service, platform):
        rows = platform.emulator.platform.projects[PRODUCTION].rows
        branch = units[1].branch(next(iter(units[1].annotations)))
        row = rows.find(units[1].data_hash, branch)
        assert row is not None
        name = b'"label_hash":"%b"' % str(row.label_hash).encode()

        def bent(answer: Any, status: int = 200) -> Response:
            response = json_response(answer, status)
            if b'"data_units"' not in response.body:
                return response
            body = bytes(response.body).replace(name, name + b',"note":' + value.encode())
            return Response(body, status, media_type="application/json")

        monkeypatch.setattr("emulator.http.application.json_response", bent)
        drained = service.run_job(DrainJob(PRODUCTION, SCORING_STAGE))
        assert drained.moved == len(units) - 1
        ((refused, reason),) = drained.refused
        assert refused == units[1].data_hash
        assert "cannot be parsed" in reason


def requests_for_labels(platform: Running) -> int:
    """Requests for label rows with their labels, so far."""
    counts = requests.get(f"{platform.url}/_emulator/requests", timeout=30).json()["counts"]
    return sum(each["count"] for each in counts if each["operation"] == "legacy labelrow.GET")


def test_a_class_that_is_added_in_front_of_the_others_changes_no_score(images: list[Any], tmp_path: Path) -> None:
    unit = Unit(images[0], stage="Score")
    with service_in_process([unit], tmp_path) as (service, platform):
        before = service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash).records
        ontology = platform.emulator.platform.ontologies[uuid("ontology Pedestrians")]
        (pedestrian,) = ontology.editor["objects"]
        cyclist = pedestrian | {"id": "9", "name": "Cyclist", "featureNodeHash": "cyclist1"}
        ontology.editor = ontology.editor | {"objects": [cyclist, pedestrian]}
        service.connections.encord.forget_project(PRODUCTION)
        rows = service.connections.encord.label_rows(PRODUCTION, data_hashes=[unit.data_hash], all_branches=True)
        after = service.connections.scorer.preview(rows, submitted_only=True)
        assert sum(record.true_positives for record in before) > 0
        assert [record.true_positives for record in after] == [record.true_positives for record in before]


def test_a_benchmark_larger_than_the_server_may_read_at_once_is_known_all_the_same(
    images: list[Any], tmp_path: Path
) -> None:
    units = [Unit(image, stage="Score") for image in images]
    with service_in_process(units, tmp_path) as (service, _):
        with bodies_up_to(2_000):
            truths = service.connections.scorer.truth.rows([unit.data_hash for unit in units])
        assert [truth.finished for truth in truths.values()] == [True] * len(units)


def test_earlier_scores_larger_than_the_server_may_read_at_once_are_left_to_a_worker(
    images: list[Any], tmp_path: Path
) -> None:
    unit = Unit(images[0], stage="Score")
    with service_in_process([unit], tmp_path) as (service, _):
        scored = service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash)
        keys = [record.identity.key for record in scored.records]
        size = service.connections.store.size_of_details(keys)
        with bodies_up_to(size):
            assert service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash).records == scored.records
        with bodies_up_to(size - 1), pytest.raises(AnswerTooLarge, match="earlier scores"):
            service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash)


def test_a_job_whose_time_went_by_while_it_waited_for_a_worker_process_begins_nothing_long(
    images: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = [Unit(image, stage="Score") for image in images]
    with service_in_process(units, tmp_path) as (service, _):
        monkeypatch.setattr("benchmark_qa.service.service._workers_own", [service])
        try:
            late = _Context(trace_id=None, until=time.time() - 1, truth_changed_at=0.0)
            drained, _ = _in_worker_process(Service.run_job, (DrainJob(PRODUCTION, SCORING_STAGE),), late)
        except EncordUnavailable:
            return  # no request had the time to be answered
        assert not drained.finished
