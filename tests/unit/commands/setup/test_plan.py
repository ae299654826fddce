"""Plans and checks, from values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from benchmark_qa.commands.setup.apply import steps_in_order
from benchmark_qa.commands.setup.changes import (
    FillFolder,
    LinkItems,
    MakeDataset,
    MakeProject,
    endpoints,
    service_document,
)
from benchmark_qa.commands.setup.declaration import read_declaration
from benchmark_qa.commands.setup.observed import (
    Observed,
    SeenDataset,
    SeenFolder,
    SeenOntology,
    SeenProject,
    gives_away,
)
from benchmark_qa.commands.setup.plan import plan
from benchmark_qa.commands.setup.structure import complete
from benchmark_qa.encord_api.models import SeenStage
from tests.unit.commands.setup.test_declaration import EXAMPLE

DECLARED = read_declaration(EXAMPLE)
STRUCTURE = DECLARED.ontology.structure
assert STRUCTURE is not None
HASHES = {name: f"00000000-0000-4000-8000-{n:012d}" for n, name in enumerate(("benchmark", "production", "one", "two"))}


def stage(title: str, kind: str = "AGENT", pathways: Mapping[str, str] | None = None, uuid: str = "") -> SeenStage:
    return SeenStage(uuid or f"uuid of {title}", title, kind, pathways or {})


STAGES = (
    stage("Route", pathways={"Yes": "uuid of Consensus", "No": "uuid of Annotate"}),
    stage("Consensus", "CONSENSUS_ANNOTATION"),
    stage("Score", pathways={"Complete": "uuid of Complete"}),
    stage("Annotate", "ANNOTATION"),
    stage("Complete", "DONE"),
)


def project(side: str, title: str, *datasets: str) -> SeenProject:
    people = DECLARED.benchmark.users if side == "benchmark" else DECLARED.production.users
    attached = {HASHES[name]: name for name in datasets}
    return SeenProject(HASHES[side], title, "ontology", attached, {**people, "boss@example.com": "admin"}, STAGES)


DONE = Observed(
    metadata={"camera": "varchar", "weather": {"ty": "enum", "values": ["fog", "rain", "sunny"]}},
    folders={f.path: SeenFolder(f.path, f.path.rsplit("/", 1)[-1]) for f in DECLARED.all_folders()},
    ontology=SeenOntology("ontology", "Pedestrians", complete(STRUCTURE, "Pedestrians")),
    datasets={
        "Pedestrians, part 1": SeenDataset(HASHES["one"], "Pedestrians, part 1"),
        "Pedestrians, part 2": SeenDataset(HASHES["two"], "Pedestrians, part 2"),
    },
    projects={
        "benchmark": project("benchmark", "Pedestrians: truth", "one"),
        "production": project("production", "Pedestrians", "one", "two"),
    },
)


def found(observed: Observed) -> list[tuple[str, str]]:
    return [(change.kind, change.message) for change in plan(DECLARED, observed) if change.kind != "unchanged"]


def with_stages(*stages: SeenStage) -> Observed:
    production = replace(DONE.projects["production"], stages=stages)
    return replace(DONE, projects={**DONE.projects, "production": production})


def test_where_all_is_as_declared_every_line_says_so() -> None:
    assert {change.kind for change in plan(DECLARED, DONE)} == {"unchanged"}


def test_in_an_empty_encord_each_thing_is_made_before_what_needs_it() -> None:
    changes = plan(DECLARED, Observed(waiting={"Pedestrians/Benchmark": 5}))
    assert all(change.step is not None for change in changes)
    steps = [type(change.step).__name__ for change in changes]
    assert list(dict.fromkeys(steps)) == [
        "ExtendMetadata", "MakeFolder", "FillFolder", "MakeOntology", "MakeDataset", "LinkItems", "MakeProject",
        "AddPeople",
    ]  # fmt: skip


def test_a_key_of_another_type_is_drift_and_a_missing_option_is_added() -> None:
    observed = replace(DONE, metadata={"camera": "number", "weather": {"ty": "enum", "values": ["rain"]}})
    assert found(observed) == [
        ("drift", "is number in Encord, varchar in the set-up file"),
        ("change", "add the options sunny, fog"),
    ]


@pytest.mark.parametrize(
    "title", ["Benchmark", "x_benchmarks.png", "GOLD-1.jpg", "ground truth", "ground_truth", "honeypot3"]
)
def test_a_title_that_gives_an_item_away_is_known(title: str) -> None:
    assert gives_away(title)


@pytest.mark.parametrize("title", ["marigold.jpg", "Pedestrians, part 1", "truthful", "street-7.png"])
def test_a_title_like_any_other_is_no_matter(title: str) -> None:
    assert not gives_away(title)


def test_titles_that_annotators_can_read_are_noticed_and_nothing_is_wrong() -> None:
    declared = read_declaration(EXAMPLE.replace("Pedestrians, part 1", "Gold"))
    observed = replace(DONE, telling=("benchmark-1.png", "benchmark-2.png"))
    noticed = [change for change in plan(declared, observed) if change.kind == "notice"]
    assert [change.message for change in noticed] == [
        "its title tells annotators what it is",
        "2 of its titles tell annotators what they label: 'benchmark-1.png', ...",
    ]
    assert all(change.step is None and change.remedy for change in noticed)


@pytest.mark.parametrize(
    ("stages", "fault"),
    [
        (STAGES[1:], "routing stage 'Route' is missing; agent stages: 'Score'"),
        ((stage("Route", "ANNOTATION"), *STAGES[1:]), "routing stage 'Route' is no agent stage; agent stages: 'Score'"),
        ((*STAGES, stage("Route", uuid="twin")), "there are 2 stages 'Route': uuid of Route, twin"),
        (
            (stage("Route", pathways={"yes": "uuid of Consensus", "No": "uuid of Annotate"}), *STAGES[1:]),
            "routing stage 'Route' has no pathway 'Yes', only 'yes', 'No'",
        ),
        (
            (stage("Route", pathways={"Yes": "uuid of Annotate", "No": "uuid of Annotate"}), *STAGES[1:]),
            "pathway 'Yes' leads to 'Annotate', no Consensus block",
        ),
        ((STAGES[0], *STAGES[2:]), "the workflow has no Consensus block"),
        ((*STAGES[:2], *STAGES[3:]), "scoring stage 'Score' is missing; agent stages: 'Route'"),
        (
            (*STAGES[:2], stage("Score", pathways={"Done": "uuid of Complete"}), *STAGES[3:]),
            "scoring stage 'Score' has no pathway 'Complete', only 'Done'",
        ),
    ],
)
def test_a_workflow_that_does_not_fit_is_named(stages: tuple[SeenStage, ...], fault: str) -> None:
    faults = [change for change in plan(DECLARED, with_stages(*stages)) if change.kind == "fault"]
    assert [change.message for change in faults] == [fault]
    assert faults[0].remedy
    assert faults[0].step is None


def test_a_benchmark_pathway_may_lead_through_a_router_which_encord_does_not_list() -> None:
    routing = stage("Route", pathways={"Yes": "a router", "No": "uuid of Annotate"})
    assert found(with_stages(routing, *STAGES[1:])) == []


def test_the_document_waits_for_everything_that_it_names() -> None:
    assert service_document(DECLARED, replace(DONE, datasets={})) is None
    document = service_document(DECLARED, DONE)
    assert document is not None
    assert document["production_project"] == HASHES["production"]
    assert document["benchmark_projects"] == [HASHES["benchmark"]]
    assert document["production_datasets"] == [HASHES["two"]]
    assert document["verdict"] == {"threshold": 0.7, "minimum_tasks": 5}


def test_every_stage_has_a_url_a_place_and_a_secret() -> None:
    urls = {endpoint.url: endpoint for endpoint in endpoints(DECLARED, "https://qa.example.com")}
    assert {url.removeprefix("https://qa.example.com"): e.secret.split(" ")[0] for url, e in urls.items()} == {
        "/agents/route": "ROUTE_SECRET",
        "/agents/score": "SCORE_SECRET",
        "/notifications/task-ready": "NOTIFICATION_SECRET",
        "/events/task-submitted": "TASK_SUBMITTED_SECRET",
        "/events/task-completed": "TASK_COMPLETED_SECRET",
        "/agents/score/SCORE_EDITOR_TOKEN": "SCORE_EDITOR_TOKEN",
    }
    assert all("Pedestrians" in e.where or "Agents catalog" in e.where for e in urls.values())


def test_projects_are_made_before_anything_is_registered_and_datasets_before_projects() -> None:
    steps = [
        type(change.step) for change in steps_in_order(plan(DECLARED, Observed(waiting={"Pedestrians/Benchmark": 6})))
    ]
    first_items = min(steps.index(FillFolder), steps.index(LinkItems))
    assert max(n for n, step in enumerate(steps) if step is MakeProject) < first_items
    assert max(n for n, step in enumerate(steps) if step is MakeDataset) < steps.index(MakeProject)
    assert steps.index(FillFolder) < steps.index(LinkItems)
