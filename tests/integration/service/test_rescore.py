"""Scores made anew: another answer accepted and withdrawn, the rules changed and changed back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.scoring import ScoringConfig
from agents.store import TruthRulings
from agents.workflows.report_project import stale_scores
from agents.workflows.rescore import rescore
from agents.workflows.score_task import Scorer
from tests.integration.service.in_process import service_in_process
from tests.integration.service.sandbox import PRODUCTION, Unit


@pytest.fixture
def units(pedestrians: dict[str, Any]) -> list[Unit]:
    images = [image for image in pedestrians["images"] if len(image["ground_truth"]) > 2]
    return [Unit(image, stage="Score") for image in images[:3]]


def test_another_accepted_answer_makes_its_author_right_until_it_is_withdrawn(
    units: list[Unit], tmp_path: Path
) -> None:
    with service_in_process(units, tmp_path) as (service, _):
        scorer, store = service.scorer, service.store
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
            service.scorer.score_data_unit(PRODUCTION, unit.data_hash)
        before = service.store.latest(PRODUCTION)
        rescore(service.scorer)
        assert service.store.latest(PRODUCTION) == before
        stricter = service.scorer.projects.deployment.model_copy(
            update={"scoring": ScoringConfig(iou_threshold=0.8)}, deep=False
        )
        assert set(stale_scores(service.store, stricter).values()) == {"the scoring rules have changed"}
        changed = Scorer(replace(service.projects, deployment=stricter), service.scorer.truth, service.store)
        rescore(changed)
        assert stale_scores(service.store, stricter) == {}
        assert sum(each.true_positives for each in service.store.latest(PRODUCTION)) < sum(
            each.true_positives for each in before
        )
        rescore(service.scorer)
        assert service.store.latest(PRODUCTION) == before, "the old rules' scores count again"
