"""What a drain moves, what stays and why, and what becomes of it when time is up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from benchmark_qa.config.deployment import Deployment, RoutingStage, ScoringStage
from benchmark_qa.context import unit_of_work
from benchmark_qa.encord_api.models import Moved, Project, Stage, Task
from benchmark_qa.errors import RefusalError
from benchmark_qa.store.errors import StoreError
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks import drain as module
from benchmark_qa.tasks.drain import (
    REFUSALS_LOGGED,
    RESERVE_SECONDS,
    Drained,
    drain_routing_stage,
    drain_scoring_stage,
    pathway_of,
    refusals,
)
from benchmark_qa.tasks.errors import MisconfiguredStage
from benchmark_qa.tasks.held import NowhereToPass
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.scoring_plan import DataUnitScores
from benchmark_qa.tasks.shadow import newest_decisions
from tests.records import record

PRODUCTION, BENCHMARK = "7a000000-0000-4000-8000-000000000001", "7a000000-0000-4000-8000-000000000002"
STAGES = (
    Stage("stage-annotate", "Annotate", "ANNOTATION"),
    Stage("stage-route", "Route", "AGENT", ("Bench", "Prod"), ("stage-score", "stage-done")),
    Stage("stage-score", "Score", "AGENT", ("Done", "Redo"), ("stage-done", "stage-annotate")),
    Stage("stage-done", "Complete", "DONE"),
)
ROUTING = RoutingStage(name="Route", benchmark_pathway="Bench", production_pathway="Prod")
SCORING = ScoringStage(name="Score", pass_pathway="Done", fail_pathway="Redo")


@dataclass
class Encord:
    """Pages of waiting tasks by dataset; remembers what is asked and moved."""

    pages: dict[str, list[list[str]]]
    moved: list[dict[str, str]] = field(default_factory=list)
    """Pathway by data hash, one dict a request"""
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    gone: frozenset[str] = frozenset()
    datasets: dict[str, str] = field(default_factory=lambda: {"bench": "b", "prod": "p"})
    """Of the production project"""

    def project(self, project_hash: str) -> Project:
        datasets = self.datasets if project_hash == PRODUCTION else {"bench": "b"}
        return Project(project_hash, project_hash[:2], "ontology", {}, datasets, STAGES)

    def task_pages(
        self, project_hash: str, stage_uuid: str, *, dataset_hashes: Any = None, data_hashes: Any = None
    ) -> Iterator[list[Task]]:
        self.asked.append((project_hash, stage_uuid, dataset_hashes, data_hashes))
        for dataset in dataset_hashes or self.pages:
            for page in self.pages.get(dataset, []):
                yield [Task(f"task {name}", name, name) for name in page]

    def proceed(self, project_hash: str, stage_uuid: str, moves: Sequence[tuple[Task, str]]) -> Moved:
        assert project_hash == PRODUCTION
        self.asked.append(("proceed", stage_uuid))
        self.moved.append({task.data_hash: pathway for task, pathway in moves})
        gone = sum(task.data_hash in self.gone for task, _ in moves)
        return Moved(len(moves) - gone, gone)


@dataclass
class FakeScorer:
    """Says what each data unit scored, in bundles."""

    projects: ServedProjects
    results: dict[str, DataUnitScores]
    store: SqlScoreStore
    fails_after: int | None = None
    """Bundles until the store fails; None: never"""
    bundle: int = 2

    def score_in_bundles(self, data_hashes: Sequence[str]) -> Iterator[list[DataUnitScores]]:
        for number, start in enumerate(range(0, len(data_hashes), self.bundle)):
            if number == self.fails_after:
                raise StoreError("the database is away")
            yield [self.results[name] for name in data_hashes[start : start + self.bundle]]

    def without_store(self, data_hashes: Sequence[str]) -> list[DataUnitScores]:
        return [replace(self.results[name], kept=False) for name in data_hashes]


def served(encord: Encord, **config: Any) -> ServedProjects:
    document = {"production_project": PRODUCTION, "benchmark_projects": [BENCHMARK], **config}
    return ServedProjects(cast(Any, encord), Deployment.model_validate(document))


def scores(name: str, *passed: bool, refusal: RefusalError | None = None, kept: bool = True) -> DataUnitScores:
    records = tuple(replace(record(n), score=float(each), passed=each) for n, each in enumerate(passed))
    return DataUnitScores(name, records, refusal=refusal, kept=kept)


@pytest.fixture
def store() -> SqlScoreStore:
    return SqlScoreStore("sqlite://")


def scoring(
    store: SqlScoreStore, results: Sequence[DataUnitScores], *, fails_after: int | None = None, **config: Any
) -> tuple[Encord, FakeScorer]:
    encord = Encord({"bench": [[each.data_hash for each in results]]})
    made = FakeScorer(served(encord, **config), {each.data_hash: each for each in results}, store, fails_after)
    return encord, made


def drained(scorer: FakeScorer, progress: Any = lambda _: None, **options: Any) -> Drained:
    return drain_scoring_stage(cast(Scorer, scorer), SCORING, progress, **options)


def test_tasks_of_each_side_take_the_pathway_of_their_side(store: SqlScoreStore) -> None:
    encord = Encord({"bench": [["a", "b"]], "prod": [["c"]]}, gone=frozenset("b"))
    done: list[int] = []
    result = drain_routing_stage(served(encord), store, ROUTING, done.append, ["a", "b", "c"])
    assert encord.moved == [{"a": "Bench", "b": "Bench"}, {"c": "Prod"}]
    assert result == Drained(moved=2, already_gone=1)
    assert done == [2, 1]
    assert encord.asked == [
        (PRODUCTION, "stage-route", ["bench"], ["a", "b", "c"]),
        ("proceed", "stage-route"),
        (PRODUCTION, "stage-route", ["prod"], ["a", "b", "c"]),
        ("proceed", "stage-route"),
    ]


def test_a_side_without_datasets_is_not_asked_for(store: SqlScoreStore) -> None:
    """An empty filter would list the tasks of all datasets, and send them along the wrong pathway."""
    encord = Encord({"bench": [["a"]], "prod": [["c"]]})
    drain_routing_stage(served(encord, production_datasets=[]), store, ROUTING)
    assert encord.moved == [{"a": "Bench"}]
    encord = Encord({"bench": [["a"]], "prod": [["c"]]}, datasets={"prod": "p"})
    drain_routing_stage(served(encord), store, ROUTING)
    assert encord.moved == [{"c": "Prod"}]


def test_retired_items_are_routed_as_production(store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def retired(projects: ServedProjects, given: SqlScoreStore, data_hashes: Sequence[str]) -> set[str]:
        assert given is store
        asked.append(list(data_hashes))
        return {"b", "c"}

    monkeypatch.setattr(module, "retired_items", retired)
    encord = Encord({"bench": [["a", "b"]], "prod": [["c"]]})
    drain_routing_stage(served(encord), store, ROUTING)
    assert encord.moved == [{"a": "Bench", "b": "Prod"}, {"c": "Prod"}]
    assert asked == [["a", "b"]]


def test_pages_are_moved_together_up_to_the_size_of_a_request(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACTIONS_PER_REQUEST", 3)
    encord = Encord({"prod": [["a", "b"], ["c"], ["d"], ["e"]]})
    result = drain_routing_stage(served(encord), store, ROUTING)
    assert [list(each) for each in encord.moved] == [["a", "b", "c"], ["d", "e"]]
    assert result == Drained(moved=5)


@pytest.mark.parametrize(("seconds", "moved"), [(RESERVE_SECONDS - 1, 1), (RESERVE_SECONDS + 60, 2)])
def test_routing_stops_between_bundles_when_time_is_up(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch, seconds: float, moved: int
) -> None:
    monkeypatch.setattr(module, "ACTIONS_PER_REQUEST", 1)
    encord = Encord({"bench": [["a"], ["b"]]})
    with unit_of_work(seconds=seconds):
        result = drain_routing_stage(served(encord), store, ROUTING)
    assert len(encord.moved) == moved
    assert result == Drained(moved=moved, finished=moved == 2)


def test_in_shadow_mode_nothing_moves_and_each_decision_is_told(store: SqlScoreStore) -> None:
    encord = Encord({"bench": [["a"]], "prod": [["c"]]})
    result = drain_routing_stage(served(encord, shadow=True), store, ROUTING)
    assert encord.moved == []
    assert result == Drained(
        refused=(("a", "shadow mode: 'Bench' is decided"), ("c", "shadow mode: 'Prod' is decided"))
    )


def test_scored_tasks_take_the_pathway_of_their_outcome_and_refused_ones_stay(
    store: SqlScoreStore, caplog: pytest.LogCaptureFixture
) -> None:
    results = [
        scores("good", True, True),
        scores("bad", True, False),
        scores("odd", refusal=RefusalError("no truth")),
        scores("last", True),
    ]
    encord, scorer = scoring(store, results)
    done: list[int] = []
    result = drained(scorer, done.append, data_hashes=["good", "bad", "odd", "last"])
    assert encord.moved == [{"good": "Done", "bad": "Redo", "last": "Done"}]
    assert result == Drained(moved=3, refused=(("odd", "no truth"),))
    assert done == [4]
    assert encord.asked == [
        (PRODUCTION, "stage-score", None, ["good", "bad", "odd", "last"]),
        ("proceed", "stage-score"),
    ]
    assert [each.getMessage() for each in caplog.records] == ["data unit odd stays: no truth"]


def test_in_shadow_mode_scored_tasks_stay_and_the_decisions_are_recorded(store: SqlScoreStore) -> None:
    encord, scorer = scoring(store, [scores("a", True), scores("b", False)], shadow=True)
    assert len(drained(scorer).refused) == 2
    assert encord.moved == []
    assert newest_decisions(scorer.projects, store) == {"a": "Done", "b": "Redo"}


def test_what_is_recorded_moves_even_where_the_store_then_fails(store: SqlScoreStore) -> None:
    encord, scorer = scoring(store, [scores(name, True) for name in "abcd"], fails_after=1)
    with pytest.raises(StoreError):
        drained(scorer)
    assert encord.moved == [{"a": "Done", "b": "Done"}]


def test_what_may_pass_without_a_score_moves_and_its_score_is_owed(
    store: SqlScoreStore, caplog: pytest.LogCaptureFixture
) -> None:
    results = [scores("a", False), scores("b", False), scores("c", False), scores("d", refusal=RefusalError("no"))]
    encord, scorer = scoring(store, results, fails_after=1, on_store_failure="pass")
    assert drained(scorer) == Drained(moved=3, refused=(("d", "no"),))
    assert encord.moved == [{"a": "Redo", "b": "Redo", "c": "Done"}]
    (owed,) = [each for each in caplog.records if getattr(each, "event", "") == "score_unrecorded"]
    assert cast(Any, owed).data_hashes == ["c"]


def test_nothing_is_owed_where_all_is_recorded(store: SqlScoreStore, caplog: pytest.LogCaptureFixture) -> None:
    _, scorer = scoring(store, [scores("a", True)])
    drained(scorer)
    assert caplog.records == []


def test_a_stage_without_anything_to_move_sends_no_request(store: SqlScoreStore) -> None:
    encord, scorer = scoring(store, [scores("a", refusal=RefusalError("no truth"))])
    assert drained(scorer) == Drained(refused=(("a", "no truth"),))
    assert encord.moved == []


def test_scoring_stops_between_bundles_when_time_is_up_and_moves_what_it_has(
    store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TASKS_SCORED_TOGETHER", 4)
    encord, scorer = scoring(store, [scores(name, True) for name in "abcdef"])
    encord.pages = {"bench": [["a", "b", "c", "d"], ["e", "f"]]}
    with unit_of_work(seconds=RESERVE_SECONDS - 1):
        result = drained(scorer)
    assert encord.moved == [{"a": "Done", "b": "Done"}]
    assert result == Drained(moved=2, finished=False)
    with unit_of_work(seconds=RESERVE_SECONDS + 60):
        assert drained(scorer) == Drained(moved=6)


def test_after_each_bundle_results_are_written_back(store: SqlScoreStore, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[str]] = []

    class WriteBack:
        def __init__(self, scorer: object) -> None:
            self.scorer = scorer

        def after_scoring(self, scored: Sequence[DataUnitScores]) -> None:
            assert self.scorer is scorer
            written.append([each.data_hash for each in scored])

    monkeypatch.setattr(module, "WriteBack", WriteBack)
    _, scorer = scoring(store, [scores(name, True) for name in "abc"])
    drained(scorer)
    assert written == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("pathways", "config", "wanted"),
    [
        (("Only",), ScoringStage(name="Score"), "Only"),
        (("Only",), ScoringStage(name="Score", fail_pathway="Redo"), "Redo"),
        (("Done", "Redo"), SCORING, "Redo"),
        (("Done", "Redo"), ScoringStage(name="Score", pass_pathway="Done"), "Done"),
    ],
)
def test_a_failed_task_takes_the_failing_pathway_or_the_only_one(
    store: SqlScoreStore, pathways: tuple[str, ...], config: ScoringStage, wanted: str
) -> None:
    _, scorer = scoring(store, [])
    stage = replace(STAGES[2], pathways=pathways)
    assert pathway_of(scores("a", False), config, stage, cast(Scorer, scorer)) == wanted


@pytest.mark.parametrize("pathways", [(), ("Done", "Redo")])
def test_a_stage_of_several_pathways_needs_one_to_be_named(store: SqlScoreStore, pathways: tuple[str, ...]) -> None:
    _, scorer = scoring(store, [])
    stage = replace(STAGES[2], pathways=pathways)
    with pytest.raises(MisconfiguredStage, match="'Score' has several pathways"):
        pathway_of(scores("a", True), ScoringStage(name="Score"), stage, cast(Scorer, scorer))


def test_the_bar_of_a_task_decides_where_no_requirement_does(store: SqlScoreStore) -> None:
    _, scorer = scoring(store, [], passing_score=0.8)
    for score, wanted in ((0.8, "Done"), (0.79, "Redo")):
        unjudged = DataUnitScores("a", (replace(record(1), score=score, passed=None),))
        assert pathway_of(unjudged, SCORING, STAGES[2], cast(Scorer, scorer)) == wanted


def test_without_a_recorded_score_no_task_goes_back_to_people(store: SqlScoreStore) -> None:
    _, scorer = scoring(store, [])
    back = replace(STAGES[2], leads_to=("stage-annotate", "stage-done"))
    unrecorded = scores("a", False, kept=False)
    assert pathway_of(unrecorded, SCORING, STAGES[2], cast(Scorer, scorer)) == "Done"
    with pytest.raises(NowhereToPass):
        pathway_of(unrecorded, SCORING, back, cast(Scorer, scorer))


def test_only_the_first_refusals_are_logged_and_the_rest_is_counted(
    store: SqlScoreStore, caplog: pytest.LogCaptureFixture
) -> None:
    for more in (0, 3):
        caplog.clear()
        number = REFUSALS_LOGGED + more
        _, scorer = scoring(store, [scores(f"unit {n}", refusal=RefusalError("no truth")) for n in range(number)])
        scorer.bundle = number
        assert len(drained(scorer).refused) == number
        lines = [each.getMessage() for each in caplog.records]
        assert sum("stays: no truth" in line for line in lines) == REFUSALS_LOGGED
        assert lines[REFUSALS_LOGGED:] == ["3 more data units stay"] * (more > 0)


def test_results_of_bundles_add_up() -> None:
    first = Drained(1, 2, (("a", "x"),), True, 3)
    second = Drained(10, 20, (("b", "y"),), False, 30)
    assert first + second == Drained(11, 22, (("a", "x"), ("b", "y")), False, 33)
    assert (Drained() + Drained()).finished


def test_a_refusal_is_told_by_data_unit() -> None:
    units = [scores("a", True), scores("b", refusal=RefusalError("no truth"))]
    assert refusals(units) == (("b", "no truth"),)
