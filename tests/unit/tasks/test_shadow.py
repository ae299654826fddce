"""In shadow mode a drain moves nothing, and writes down each decision once."""

from pathlib import Path

from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.shadow import KIND, compare_decisions
from tests.unit.tasks.fake_encord import OTHER, PRODUCTION, platform, scorer_on, unit


def test_a_drain_in_shadow_mode_is_in_the_comparison(tmp_path: Path) -> None:
    fake = platform(3)
    fake.work[unit(0)].boxes = OTHER
    scorer = scorer_on(fake, tmp_path / "scores.sqlite", shadow=True)
    scoring = scorer.projects.deployment.stages.scoring[0]
    for _ in range(2):
        drain_scoring_stage(scorer, scoring)
    assert fake.moved == []
    assert compare_decisions(scorer.projects, scorer.store) == {("Redo", "stage"): 1, ("Done", "stage"): 2}
    assert len(ActionLog(scorer.store.database).entries(PRODUCTION, kind=KIND)) == 3
    fake.edit(fake.work[unit(0)], fake.work[unit(1)].boxes)
    drain_scoring_stage(scorer, scoring)
    assert compare_decisions(scorer.projects, scorer.store) == {("Done", "stage"): 3}
