"""Scoring goes from bundle to bundle: what one holds is recorded before the next is asked for."""

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from benchmark_qa.encord_api.client import FIRST_BUNDLE_ROWS, Encord
from benchmark_qa.encord_api.errors import AnswerTooLarge, EncordUnavailable
from benchmark_qa.encord_api.sdk_internals import bodies_up_to, last_answer
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.ground_truth import GroundTruth
from benchmark_qa.tasks.jobs import DrainJob
from benchmark_qa.tasks.score import Scorer
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import PRODUCTION, SCORING_STAGE, Unit

pytestmark = pytest.mark.encord

UNITS = 30


class OneBundle:
    """Encord that goes away after the first bundle of annotators' labels."""

    def __init__(self, encord: Encord) -> None:
        self._encord = encord

    def label_bundles_with_gaps(self, project_hash: str, label_hashes: list[str]) -> Iterator[Mapping[str, Any]]:
        for number, bundle in enumerate(self._encord.label_bundles_with_gaps(project_hash, label_hashes)):
            if number:
                raise EncordUnavailable("gone", retry_after=1)
            yield bundle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encord, name)


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if image["ground_truth"]]
    return [Unit(image, stage="Score") for image in images[:UNITS]]


def test_what_was_scored_before_encord_went_away_is_recorded(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        projects = replace(service.connections.projects, encord=cast(Encord, OneBundle(service.connections.encord)))
        scorer = Scorer(projects, GroundTruth(projects, ttl_seconds=60), service.connections.store)
        with pytest.raises(EncordUnavailable):
            drain_scoring_stage(scorer, projects.deployment.stages.scoring[0])
        branches = len(units[0].annotations)
        recorded = len(service.connections.store.latest(PRODUCTION))
        assert recorded == FIRST_BUNDLE_ROWS // branches * branches, "whole data units only"
        drain_scoring_stage(service.connections.scorer, projects.deployment.stages.scoring[0])
        assert len(service.connections.store.latest(PRODUCTION)) == UNITS * branches


def test_rows_far_larger_than_those_before_are_asked_for_by_halves(
    units: list[Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came so far said that many fit into one answer; they do not."""
    with service_in_process(units, tmp_path) as (service, _):
        rows = service.connections.encord.label_rows(PRODUCTION, all_branches=True)
        hashes = [row.label_hash for row in rows if row.label_hash]
        whole = {
            h: row
            for bundle in service.connections.encord.label_bundles(PRODUCTION, hashes)
            for h, row in bundle.items()
        }
        most = max(len(json.dumps(row)) for row in whole.values()) * 3
        monkeypatch.setattr("benchmark_qa.encord_api.client.MOST_BUNDLE_BYTES", most)
        answers: list[int] = []
        monkeypatch.setattr("benchmark_qa.encord_api.client.last_answer", lambda: noted(answers))
        again = {
            h: row
            for bundle in service.connections.encord.label_bundles(PRODUCTION, hashes)
            for h, row in bundle.items()
        }
        assert again == whole
        assert list(again) == hashes
        assert max(answers) <= most
        monkeypatch.setattr("benchmark_qa.encord_api.client.MOST_BUNDLE_BYTES", 1)
        alone = next(service.connections.encord.label_bundles(PRODUCTION, hashes[:2]))
        assert list(alone) == hashes[:2], "a row that is too large by itself is read all the same"
        with bodies_up_to(1_000), pytest.raises(AnswerTooLarge):
            next(service.connections.encord.label_bundles(PRODUCTION, hashes))


def noted(answers: list[int]) -> Any:
    answer = last_answer()
    answers.append(answer.size if answer else 0)
    return answer


def test_every_data_unit_is_given_once_and_after_it_was_recorded(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        given: list[str] = []
        hashes = [unit.data_hash for unit in units]
        for scored in service.connections.scorer.score_in_bundles([*hashes, "00000000-0000-4000-8000-000000000000"]):
            given += [each.data_hash for each in scored]
            keys = [record.identity.key for each in scored for record in each.records]
            assert set(service.connections.store.find(keys)) == set(keys)
            assert all(len(each.records) == len(units[0].annotations) for each in scored if each.refusal is None)
        assert sorted(given) == sorted([*hashes, "00000000-0000-4000-8000-000000000000"])


def test_what_comes_back_from_a_worker_process_is_small_however_much_was_wrong(
    units: list[Unit], tmp_path: Path
) -> None:
    busiest = max(units, key=lambda unit: len(unit.image["ground_truth"]))
    with service_in_process([busiest], tmp_path) as (service, _):
        answers = [
            service._score_and_decide(PRODUCTION, busiest.data_hash),
            service._handle_event(PRODUCTION, [busiest.data_hash]),
            service.run_job(DrainJob(PRODUCTION, SCORING_STAGE)),
        ]
        recorded = len(pickle.dumps([record.details for record in service.connections.store.latest(PRODUCTION)]))
        assert [len(pickle.dumps(answer)) < 1_000 < recorded for answer in answers] == [True] * 3
