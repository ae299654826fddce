"""Scores made anew: another answer accepted and withdrawn, the rules changed and changed back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from encord import EncordUserClient

from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.quality.from_store import report_project, stale_scores
from benchmark_qa.store.truth_rulings import TruthRulings
from benchmark_qa.tasks.recovery import rescore_project as rescore
from benchmark_qa.tasks.score import Scorer
from emulator.testing import Running
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import BENCHMARK, KEY, PRODUCTION, Unit

pytestmark = pytest.mark.encord


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 2]
    return [Unit(image, stage="Score") for image in images[:3]]


def test_another_accepted_answer_makes_its_author_right_until_it_is_withdrawn(
    units: list[Unit], tmp_path: Path
) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        scorer, store = service.connections.scorer, service.connections.store
        for unit in units:
            scorer.score_data_unit(PRODUCTION, unit.data_hash)
        before = store.latest(PRODUCTION)
        worst = min(before, key=lambda record: (record.score or 0.0, record.identity.label_hash is None))
        assert worst.score is not None
        assert worst.score < 1.0
        assert worst.identity.label_hash is not None
        rulings = TruthRulings(store.database)
        ruling = rulings.accept_also(
            PRODUCTION,
            worst.identity.data_hash,
            label_hash=worst.identity.label_hash,
            branch_name=worst.identity.branch_name,
            operator="Ada",
            reason="as good as ours",
        )
        assert len(stale_scores(store, scorer.projects.deployment)) == len(units[0].annotations)
        assert rescore(scorer).refused == ()
        assert stale_scores(store, scorer.projects.deployment) == {}
        after = {(r.identity.data_hash, r.identity.branch_name): r for r in store.latest(PRODUCTION)}
        assert len(after) == len(before)
        for old in before:
            new = after[old.identity.data_hash, old.identity.branch_name]
            if old.identity.data_hash != worst.identity.data_hash:
                assert new == old
            assert (new.score or 0.0) >= (old.score or 0.0)
        assert after[worst.identity.data_hash, worst.identity.branch_name].score == pytest.approx(1.0)
        rulings.undo(ruling.action_id, operator="Ada", reason="it was not")
        rescore(scorer)
        assert [record.score for record in store.latest(PRODUCTION)] == [record.score for record in before]
        assert len(store.history(PRODUCTION, worst.identity.data_hash)) == 3 * len(units[0].annotations)


def test_what_has_not_changed_is_not_scored_again_and_changed_rules_are(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        for unit in units:
            service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash)
        before = service.connections.store.latest(PRODUCTION)
        rescore(service.connections.scorer)
        assert service.connections.store.latest(PRODUCTION) == before
        stricter = service.connections.scorer.projects.deployment.model_copy(
            update={"scoring": ScoringConfig(iou_threshold=0.8)}, deep=False
        )
        assert set(stale_scores(service.connections.store, stricter).values()) == {"the scoring rules have changed"}
        changed = Scorer(
            replace(service.connections.projects, deployment=stricter),
            service.connections.scorer.truth,
            service.connections.store,
        )
        rescore(changed)
        assert stale_scores(service.connections.store, stricter) == {}
        assert sum(each.true_positives for each in service.connections.store.latest(PRODUCTION)) < sum(
            each.true_positives for each in before
        )
        rescore(service.connections.scorer)
        assert service.connections.store.latest(PRODUCTION) == before, "the old rules' scores count again"


def test_scores_against_truth_that_has_changed_are_stale_until_new_ones_count(
    units: list[Unit], tmp_path: Path
) -> None:
    """The benchmark project's completed event comes, Encord fails in the middle of it, and the event comes again."""
    with service_in_process(units, tmp_path) as (service, platform):
        for unit in units:
            service.connections.scorer.score_data_unit(PRODUCTION, unit.data_hash)
        before = service.connections.store.latest(PRODUCTION)
        edit_truth(platform, units[0])
        fault = {"kind": "status", "status": 500, "operation": "legacy labelrow.GET", "times": 20}
        requests.post(f"{platform.url}/_emulator/faults", json=fault, timeout=10).raise_for_status()
        with pytest.raises(PlatformError):
            service.take_event(BENCHMARK, [units[0].data_hash])
        requests.delete(f"{platform.url}/_emulator/faults", timeout=10)
        stale = stale_scores(service.connections.store, service.settings.config)
        assert set(stale.values()) == {"the ground truth has changed"}
        assert set(stale) == {r.identity.key for r in before if r.identity.data_hash == units[0].data_hash}
        report = report_project(service.connections.store, service.settings.config, domain=platform.url)
        assert len(report.stale) == len(units[0].annotations)
        service.take_event(BENCHMARK, [units[0].data_hash])
        assert stale_scores(service.connections.store, service.settings.config) == {}
        after = {record.identity.data_hash: record for record in service.connections.store.latest(PRODUCTION)}
        assert after[units[0].data_hash].identity.truth_edited_at != before[0].identity.truth_edited_at
        assert len(service.connections.store.history(PRODUCTION, units[0].data_hash)) == 2 * len(units[0].annotations)


def test_an_event_about_truth_that_has_not_changed_leaves_nothing_stale(units: list[Unit], tmp_path: Path) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        service.connections.scorer.score_data_unit(PRODUCTION, units[0].data_hash)
        before = service.connections.store.latest(PRODUCTION)
        service.take_event(BENCHMARK, [units[0].data_hash, units[0].data_hash])
        assert stale_scores(service.connections.store, service.settings.config) == {}
        assert service.connections.store.latest(PRODUCTION) == before


def edit_truth(platform: Running, unit: Unit) -> None:
    client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=platform.url)
    (row,) = client.get_project(BENCHMARK).list_label_rows_v2(data_hashes=[unit.data_hash])
    row.initialise_labels()
    row.remove_object(row.get_object_instances()[0])
    row.save()
