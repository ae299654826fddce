"""Which pathway a task takes: it passes when all of its annotators do, and the configured pathways are taken."""

import pytest

from benchmark_qa.encord_api.models import Project, Stage
from benchmark_qa.records.score import Judged
from benchmark_qa.tasks.decision import StageDecision, decide
from benchmark_qa.tasks.drain import drain_scoring_stage
from benchmark_qa.tasks.write_back import leads_to_annotators
from tests.unit.tasks.fake_encord import platform, scorer_on, unit


def judged(*passed: bool) -> list[Judged]:
    return [Judged(f"person {number}", float(each), each) for number, each in enumerate(passed)]


@pytest.mark.parametrize(
    ("people", "passes"),
    [((True,), True), ((False,), False), ((True, True), True), ((True, False), False), ((False, True), False),
     ((False, False), False), ((True, True, False), False), ((), True)],
)  # fmt: skip
def test_a_task_passes_when_all_of_its_annotators_do(people: tuple[bool, ...], passes: bool) -> None:
    decision = decide(judged(*people), pass_pathway="Done", fail_pathway="Redo")
    assert decision == StageDecision(passes, "Done" if passes else "Redo")


@pytest.mark.parametrize(
    ("pathway", "is_theirs"), [("Redo", True), ("To a router", True), ("Look", False), ("Done", False), ("other", True)]
)
def test_a_pathway_that_may_lead_to_annotators_is_known(pathway: str, is_theirs: bool) -> None:
    stages = (
        Stage("1", "Score", "AGENT", ("Redo", "To a router", "Look", "Done"), ("2", "9", "3", "4")),
        *(Stage("2", "Consensus", "CONSENSUS_ANNOTATION"), Stage("3", "Review", "REVIEW"), Stage("4", "Done", "DONE")),
    )
    project = Project("p", "P", "o", {}, {}, stages)
    assert leads_to_annotators(stages[0], pathway, project) is is_theirs


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("pass_pathway", ["Done", None])
def test_without_a_pathway_for_failures_every_task_goes_the_same_way(passes: bool, pass_pathway: str | None) -> None:
    decision = decide(judged(passes), pass_pathway=pass_pathway, fail_pathway=None)
    assert decision == StageDecision(passes, pass_pathway)


def test_a_drain_sends_each_task_along_the_pathway_of_its_own_outcome() -> None:
    fake = platform(3)
    fake.work[unit(1)].boxes = [[110.0, 110.0, 50.0, 50.0]]
    scorer = scorer_on(fake, "sqlite://")
    drain_scoring_stage(scorer, scorer.projects.deployment.stages.scoring[0])
    assert dict(fake.moved) == {unit(0): "Done", unit(1): "Redo", unit(2): "Done"}
