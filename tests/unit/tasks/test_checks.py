"""What `doctor` and `/readyz` find of a deployment that does not fit its projects."""

from dataclasses import replace
from typing import Any

import pytest

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.models import Project, Stage
from benchmark_qa.tasks.checks import check_deployment
from benchmark_qa.tasks.errors import MisconfiguredStage
from benchmark_qa.tasks.projects import ServedProjects
from tests.fakes.encord import FakeEncord

PRODUCTION, BENCHMARK = "7a000000-0000-4000-8000-000000000001", "7a000000-0000-4000-8000-000000000002"
OF_BENCHMARK, OF_PRODUCTION = "da000000-0000-4000-8000-000000000001", "da000000-0000-4000-8000-000000000002"
ROUTE, CONSENSUS, ANNOTATE, SCORE = "s1", "s2", "s3", "s4"
STAGES = (
    Stage(ROUTE, "Route", "AGENT", ("Yes", "No"), (CONSENSUS, ANNOTATE)),
    Stage(CONSENSUS, "Consensus", "CONSENSUS_ANNOTATION"),
    Stage(ANNOTATE, "Annotate", "ANNOTATION"),
    Stage(SCORE, "Score", "AGENT", ("Done",), ("s5",)),
    Stage("s5", "Complete", "DONE"),
)
BOTH_STAGES = {"routing": {"name": "Route"}, "scoring": [{"name": "Score", "pass_pathway": "Done"}]}


def served(
    *,
    role: str | None = "admin",
    workflow: tuple[Stage, ...] = STAGES,
    stages: Any = BOTH_STAGES,
    **document: Any,
) -> ServedProjects:
    ontology: dict[str, Any] = {"objects": [], "classifications": []}
    production = Project(
        PRODUCTION, "Production", "o", ontology, {OF_BENCHMARK: "B", OF_PRODUCTION: "P"}, workflow, role
    )
    benchmark = Project(BENCHMARK, "Benchmark", "o", ontology, {OF_BENCHMARK: "B"}, (), "admin")
    deployment = Deployment.model_validate(
        {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK], "stages": stages, **document}
    )
    return ServedProjects(FakeEncord({PRODUCTION: production, BENCHMARK: benchmark}), deployment)


def faults(projects: ServedProjects) -> list[str]:
    return [finding.message for finding in check_deployment(projects) if not finding.fine]


def test_a_deployment_that_fits_has_no_faults() -> None:
    assert faults(served()) == []


@pytest.mark.parametrize("role", ["annotator", "reviewer", "team_manager"])
def test_an_account_that_is_no_admin_is_named_with_its_role(role: str) -> None:
    (message,) = faults(served(role=role))
    assert role.replace("_", " ") in message
    assert "admin" in message


def test_a_role_that_encord_does_not_tell_is_no_fault() -> None:
    assert faults(served(role=None)) == []


def test_a_deployment_without_stages_is_told_which_there_are() -> None:
    (message,) = faults(served(stages={}))
    assert "'Route', 'Score'" in message


def test_exchanged_pathways_are_a_fault_and_right_ones_are_shown() -> None:
    swapped = {"name": "Route", "benchmark_pathway": "No", "production_pathway": "Yes"}
    (message,) = faults(served(stages={**BOTH_STAGES, "routing": swapped}))
    assert "'Consensus'" in message
    assert "'Annotate'" in message
    shown = [finding.message for finding in check_deployment(served())]
    assert "'Yes' leads to 'Consensus', 'No' leads to 'Annotate'" in shown


@pytest.mark.parametrize(
    ("passes", "fails", "fault"),
    [("Again", "Done", True), ("Done", "Again", False), ("Done", "Done", False), ("Again", "Again", False)],
)
def test_pathways_that_send_back_who_passes_are_a_fault(passes: str, fails: str, fault: bool) -> None:
    workflow = (*STAGES[:3], Stage(SCORE, "Score", "AGENT", ("Done", "Again"), ("s5", CONSENSUS)), STAGES[4])
    scoring = {"name": "Score", "pass_pathway": passes, "fail_pathway": fails}
    found = faults(served(workflow=workflow, stages={**BOTH_STAGES, "scoring": [scoring]}))
    assert found == ["'Again' (passed) leads to 'Consensus', 'Done' (failed) to 'Complete'"] * fault


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"routing": {"name": "Route"}, "scoring": [{"name": "Route"}]}, "'Route' is the routing stage already"),
        ({"scoring": [{"name": "Score"}, {"name": "Score"}]}, "'Score' is the scoring stage already"),
    ],
)
def test_a_stage_that_is_named_twice_is_a_fault(stages: Any, message: str) -> None:
    assert faults(served(stages=stages)) == [message]


@pytest.mark.parametrize(("dataset", "fault"), [(OF_PRODUCTION, True), (PRODUCTION, True), (OF_BENCHMARK, False)])
def test_a_training_dataset_of_which_no_item_is_a_benchmark_item_is_named(dataset: str, fault: bool) -> None:
    found = faults(served(feedback={"policy": "score", "training_datasets": [dataset]}))
    assert len(found) == fault
    assert all(dataset in message for message in found)


def test_an_empty_list_of_production_datasets_is_a_fault() -> None:
    (message,) = faults(served(production_datasets=[]))
    assert "'production_datasets' is empty" in message


def test_one_pathway_for_both_is_a_fault() -> None:
    same = {"name": "Route", "benchmark_pathway": "Yes", "production_pathway": "Yes"}
    (message,) = faults(served(stages={**BOTH_STAGES, "routing": same}))
    assert "the same way" in message


def test_pathways_behind_a_router_are_not_judged() -> None:
    routed = (replace(STAGES[0], leads_to=("router", "router")), *STAGES[1:])
    assert faults(served(workflow=routed)) == []


@pytest.mark.parametrize(
    ("dataset", "why"),
    [
        ("da000000-0000-4000-8000-000000000009", "is not attached to the production project"),
        (OF_BENCHMARK, "belongs to a benchmark project"),
    ],
)
def test_a_production_dataset_that_cannot_be_one_is_named(dataset: str, why: str) -> None:
    messages = faults(served(production_datasets=[OF_PRODUCTION, dataset]))
    assert [message for message in messages if dataset in message and why in message] == messages
    assert len(messages) == 1


def test_a_misspelt_stage_and_pathway_get_the_nearest_one() -> None:
    projects = served(stages={"routing": {"name": "Rout"}, "scoring": [{"name": "Score", "pass_pathway": "Don"}]})
    with pytest.raises(MisconfiguredStage, match="did you mean 'Route'"):
        projects.stage(projects.deployment.stages.routing)
    with pytest.raises(MisconfiguredStage, match="did you mean 'Done'"):
        projects.stage(projects.deployment.stages.scoring[0])
