"""`pace schedule` on a routed production project, and the order in which people then meet benchmark tasks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from encord.workflow import AnnotationStage, ConsensusAnnotationStage

from benchmark_qa.store.action_log import ActionLog
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.service.sandbox import CONSENSUS_STAGE, PRODUCTION, Sandbox, Unit, platform, uuid

BENCHMARK_TASKS, OTHERS = 24, 150
PEOPLE = 7
CREW = ("--annotators", str(PEOPLE), "--per-item", str(PEOPLE))


@pytest.fixture(scope="module")
def routed(pedestrians: dict[str, Any]) -> Iterator[Sandbox]:
    units = [Unit(image) for image in pedestrians["images"][:BENCHMARK_TASKS]]
    with platform(units, production_images=OTHERS) as sandbox:
        assert sandbox.command("route").returncode == 0
        stages = sandbox.stages()
        assert (stages["Consensus"], stages["Annotate"]) == (BENCHMARK_TASKS, OTHERS)
        yield sandbox


def priorities(sandbox: Sandbox) -> dict[str, float]:
    rows = sandbox.client().get_project(PRODUCTION).list_label_rows_v2()
    return {row.data_hash: float(row.priority or 0) for row in rows}


def queue(sandbox: Sandbox) -> list[tuple[str, bool]]:
    """Data hashes in the order of the platform's own queues, and whether each is a benchmark task."""
    project = sandbox.client().get_project(PRODUCTION)
    ranks = priorities(sandbox)
    consensus = project.workflow.get_stage(uuid=CONSENSUS_STAGE, type_=ConsensusAnnotationStage)
    annotate = project.workflow.get_stage(uuid=uuid("Annotate"), type_=AnnotationStage)
    ours = [str(task.data_hash) for task in consensus.get_tasks()]
    theirs = [str(task.data_hash) for task in annotate.get_tasks()]
    # The server gives each stage's tasks in the order of their priorities; a person takes the front one of either.
    assert ours == sorted(ours, key=lambda data_hash: -ranks[data_hash])
    assert theirs == sorted(theirs, key=lambda data_hash: -ranks[data_hash])
    merged = [(data_hash, True) for data_hash in ours] + [(data_hash, False) for data_hash in theirs]
    return sorted(merged, key=lambda each: -ranks[each[0]])


def met_by_each(in_order: list[tuple[str, bool]]) -> list[list[bool]]:
    """What seven people meet who take the front task in turn; everybody gets every benchmark task."""
    met: list[list[bool]] = [[] for _ in range(PEOPLE)]
    for _, is_benchmark in in_order:
        takers = met if is_benchmark else [min(met, key=len)]
        for person in takers:
            person.append(is_benchmark)
    return met


def schedule(sandbox: Sandbox, *options: str) -> dict[str, Any]:
    done = sandbox.command("pace", "schedule", *CREW, "--json", *options)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_everybody_meets_benchmark_tasks_early_and_fewer_later(routed: Sandbox) -> None:
    plan = schedule(routed, "--front-loaded", "0.7", "--then", "0.2", "--half-life", "5", "--anew")["schedule"]
    in_order = queue(routed)
    placed = len(plan["priorities"])
    assert {data_hash for data_hash, _ in in_order[placed:]} == set(plan["held_back"])
    for met in met_by_each(in_order[:placed]):
        first, last = met[:8], met[-12:]
        assert sum(first) >= 3
        assert sum(first) / len(first) > sum(last) / len(last)


def test_at_a_constant_rate_everybody_meets_their_share_throughout(routed: Sandbox) -> None:
    plan = schedule(routed, "--constant", "0.4", "--anew")
    placed = len(plan["schedule"]["benchmark"])
    in_order = queue(routed)
    assert sum(is_benchmark for _, is_benchmark in in_order[: plan["schedule"]["benchmark"][-1] + 1]) == placed
    for met in met_by_each(in_order[: plan["schedule"]["benchmark"][-1]]):
        half = len(met) // 2
        assert 0.25 < sum(met[:half]) / half < 0.55
        assert 0.25 < sum(met[half:]) / (len(met) - half) < 0.55


def test_both_kinds_have_priorities_from_the_same_range(routed: Sandbox) -> None:
    schedule(routed, "--constant", "0.4", "--anew")
    in_order, ranks = queue(routed), priorities(routed)
    ours = [ranks[data_hash] for data_hash, is_benchmark in in_order if is_benchmark]
    theirs = [ranks[data_hash] for data_hash, is_benchmark in in_order if not is_benchmark]
    scheduled = [rank for rank in ours if rank != 0.5]
    assert 0.75 < min(scheduled) <= max(scheduled) <= 1
    assert 0.75 < min(theirs) <= max(theirs) <= 1
    assert not set(ours) & set(theirs)
    assert min(theirs) < sum(scheduled) / len(scheduled) < max(theirs)


def test_a_dry_run_and_a_second_run_change_nothing(routed: Sandbox) -> None:
    schedule(routed, "--constant", "0.3", "--anew")
    before = priorities(routed)
    again = schedule(routed, "--constant", "0.3")
    assert again["schedule"]["priorities"] == {}
    tried = schedule(routed, "--constant", "0.1", "--anew", "--seed", "5", "--dry-run")
    assert len(tried["schedule"]["priorities"]) > OTHERS
    assert tried["set"] is False
    assert priorities(routed) == before
    store = SqlScoreStore(f"sqlite:///{routed.directory / 'scores.sqlite'}")
    assert ActionLog(store.database).draws(PRODUCTION) == (0,), "the seed of what was set, for the check of the order"
    store.close()


def test_new_tasks_come_behind_and_scheduled_ones_stay_as_they_are(pedestrians: dict[str, Any]) -> None:
    units = [Unit(image) for image in pedestrians["images"][:6]]
    with platform(units, production_images=30) as sandbox:
        assert sandbox.command("route").returncode == 0
        late = uuid("production/29")
        project = sandbox.client().get_project(PRODUCTION)
        schedule(sandbox, "--constant", "0.4", "--anew")
        # A task that nobody has given a priority, as a new one is.
        project.list_label_rows_v2(data_hashes=[late])[0].set_priority(0.5)
        before = priorities(sandbox)
        plan = schedule(sandbox, "--constant", "0.4")
        after = priorities(sandbox)
        changed = {data_hash for data_hash in after if after[data_hash] != before[data_hash]}
        assert late in changed
        assert changed == set(plan["schedule"]["priorities"])
        others = {data_hash: rank for data_hash, rank in before.items() if data_hash not in changed}
        assert all(after[data_hash] < min(rank for rank in others.values() if rank > 0.5) for data_hash in changed)
        assert all(before[data_hash] == 0.5 for data_hash in changed)


def test_pace_alone_says_what_it_always_said(routed: Sandbox) -> None:
    alone, status = routed.command("pace", "--json"), routed.command("pace", "status", "--json")
    assert alone.returncode == status.returncode == 0
    assert json.loads(alone.stdout) == json.loads(status.stdout)
    neither = routed.command("pace", "schedule")
    assert neither.returncode == 2
    assert "give either --constant or --front-loaded" in neither.stderr
