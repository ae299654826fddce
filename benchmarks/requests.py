"""Requests to Encord, counted by the emulator: the service beside the script that one would write first.

The limits are those that the project promises (page 100, bundle 1,000, projects warm, no stale task).

The obvious script lists the dataset to learn which data units are the benchmark's, walks the stage, and sends each
task on by itself; to score, it reads the truth and every branch through `initialise_labels`. It is measured with fewer
tasks where it would take minutes; its requests grow with the number of tasks and nothing else.
"""

from collections.abc import Callable
from math import ceil

from encord import Project
from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment
from benchmarks._limits import limit
from tests.integration.service.sandbox import (
    BENCHMARK,
    BENCHMARK_DATASET,
    PRODUCTION,
    ROUTING_STAGE,
    SCORING_STAGE,
    Sandbox,
    Unit,
    uuid,
)

ROUTED, SCORED = 1_000, 500
SCRIPT_ROUTED, SCRIPT_SCORED = 200, 10


def most_for_routing(tasks: int) -> int:
    return ceil(tasks / 100) + ceil(tasks / 1000) + 2


def most_for_scoring(tasks: int, branches: int) -> int:
    return 2 * ceil(tasks / 100) + 2 * ceil(tasks * branches / 1000) + 2 * ceil(tasks / 1000) + 2


def requests_of(both: Sandbox, work: Callable[[], object]) -> int:
    """Requests to Encord while the work is done."""
    both.forget_requests()
    work()
    return sum(both.requests_of_service().values())


def route_by_script(both: Sandbox) -> None:
    client = both.client()
    benchmark = {row.uid for row in client.get_dataset(BENCHMARK_DATASET).data_rows}
    stage = client.get_project(PRODUCTION).workflow.get_stage(name="Routing")
    for task in stage.get_tasks():
        task.proceed(pathway_name="Yes" if str(task.data_hash) in benchmark else "No")


def score_by_script(both: Sandbox) -> None:
    client = both.client()
    truth = client.get_project(BENCHMARK)
    production = client.get_project(PRODUCTION)
    for task in production.workflow.get_stage(name="Score").get_tasks():
        read_labels(truth, str(task.data_hash), all_branches=False)
        read_labels(production, str(task.data_hash), all_branches=True)
        task.proceed(pathway_name="Done")


def read_labels(project: Project, data_hash: str, *, all_branches: bool) -> None:
    for row in project.list_label_rows_v2(data_hashes=[data_hash], include_all_label_branches=all_branches):
        if row.label_hash is not None:
            row.initialise_labels()


def notify(both: Sandbox, stage: str, expected: int) -> Callable[[], None]:
    def work() -> None:
        message = both.notify(stage).json()["message"]
        assert message.startswith(f"{expected} tasks sent on"), message

    return work


def let_into_scoring(both: Sandbox) -> None:
    """The reviewer approves everything that waits at *Review & Refine*: it comes to the scoring stage."""
    client = both.client()
    project = client.get_project(PRODUCTION)
    tasks = list(project.workflow.get_stage(name="Review & Refine").get_tasks())
    with project.create_bundle() as bundle:
        for task in tasks:
            task.approve(bundle=bundle)


def with_warm_worker(units: list[Unit]) -> list[Unit]:
    """The first of the units waits for scoring already; the others come when they are let in."""
    first, *others = units
    return [Unit(first.image, stage="Score"), *(Unit(unit.image, stage="Review & Refine") for unit in others)]


def service_rows(routed: int = ROUTED, scored: int = SCORED) -> list[tuple[str, int, float]]:
    """What was done, the requests that it took, and how many it may take at most."""
    units = with_warm_worker(benchmark_units(scored + 1, "Score"))
    branches = len(units[0].annotations)
    single = units[1].data_hash
    with deployment(units, production_images=routed) as (both, _):
        both.route(units[0].data_hash)
        one_route = requests_of(both, lambda: both.route(uuid("production/0")))
        score_one(both, units[0])
        first = requests_of(both, lambda: both.score(single))
        again = requests_of(both, lambda: both.score(single))
        routing = requests_of(both, notify(both, ROUTING_STAGE, routed))
        notify(both, SCORING_STAGE, 1)()  # the worker knows projects and truth now
        let_into_scoring(both)
        scoring = requests_of(both, notify(both, SCORING_STAGE, scored))
    return [
        ("route one task, warm", one_route, limit("requests.route_warm")),
        (f"drain {routed:,} routing tasks", routing, most_for_routing(routed)),
        (f"first score of a data unit, {branches} branches", first, limit("requests.score_first")),
        ("the same score again", again, limit("requests.score_again")),
        (f"drain {scored:,} scoring tasks, {branches} branches each", scoring, most_for_scoring(scored, branches)),
    ]


def score_one(both: Sandbox, unit: Unit) -> None:
    """The server, too, knows projects and truth now."""
    answer = both.score(unit.data_hash)
    assert answer.status_code == 200, answer.text


def script_rows() -> list[tuple[str, float]]:
    """The script's requests, per task."""
    with deployment(benchmark_units(2, "Score"), production_images=SCRIPT_ROUTED) as (both, _):
        routing = requests_of(both, lambda: route_by_script(both))
        assert both.stages()["Routing"] == 0
    with deployment(benchmark_units(SCRIPT_SCORED, "Score")) as (both, _):
        scoring = requests_of(both, lambda: score_by_script(both))
        assert both.stages()["Score"] == 0
    return [("routing", routing / SCRIPT_ROUTED), ("scoring", scoring / SCRIPT_SCORED)]


def main() -> None:
    rows = service_rows()
    (_, per_routed), (_, per_scored) = script_rows()
    script = {1: ROUTED * per_routed, 4: SCORED * per_scored}
    table = Table(
        "what", "this service", "at most", "obvious script", title="Requests to Encord, counted by the emulator"
    )
    for number, (what, spent, most) in enumerate(rows):
        assert spent <= most, f"{what}: {spent} requests, at most {most:.0f}"
        beside = f"{script[number]:,.0f}" if number in script else ""
        table.add_row(what, f"{spent:,}", f"{most:,.0f}", beside)
    Console(width=120).print(table)
    print(f"the script: {SCRIPT_ROUTED} tasks routed, {SCRIPT_SCORED} scored; its requests per task, times the tasks")
