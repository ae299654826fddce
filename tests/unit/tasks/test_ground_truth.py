"""When the truth is asked for again, which row of several is the truth, and what of it may be remembered."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pytest

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.models import LabelRow, Project, Stage
from benchmark_qa.encord_api.sdk_internals import bodies_up_to, largest_body
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.shapes import Shape
from benchmark_qa.tasks import ground_truth as module
from benchmark_qa.tasks.errors import LabelsUnreadable, UnitBrokeDown
from benchmark_qa.tasks.ground_truth import NEVER, GroundTruth, TruthRow, bytes_of
from benchmark_qa.tasks.projects import ServedProjects
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row

PRODUCTION, FIRST, SECOND = (f"7a000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = (Stage("review", "Review", "REVIEW"), Stage("complete", "Complete", "DONE"))
BOX = [[10.0, 10.0, 50.0, 50.0]]


@dataclass
class Row:
    """A label row of a benchmark project."""

    stage: str = "complete"
    edited_at: datetime = LONG_AGO
    label_hash: str | None = "a label"
    boxes: Sequence[Sequence[float]] = field(default_factory=lambda: BOX)


@dataclass
class Encord:
    """Benchmark projects with their rows by data hash; counts the requests."""

    rows: dict[str, dict[str, Row]]
    asked: list[tuple[str, list[str] | None]] = field(default_factory=list)
    bundles: list[tuple[str, list[str]]] = field(default_factory=list)
    largest: list[int | None] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    documents: dict[str, Any] = field(default_factory=dict)
    """By label hash, instead of what the rows say; None: Encord does not return it"""
    now: float = 1000.0

    def project(self, project_hash: str) -> Project:
        return Project(project_hash, f"project {project_hash[-1]}", "ontology", PEDESTRIAN_EDITOR, {}, STAGES)

    def label_rows(self, project_hash: str, *, data_hashes: Iterable[str] | None = None) -> list[LabelRow]:
        self.asked.append((project_hash, None if data_hashes is None else list(data_hashes)))
        self.largest.append(largest_body())
        rows = self.rows[project_hash]
        found = [
            LabelRow(name, name, "dataset", "main", row.label_hash, row.edited_at, None, row.stage, row.stage.title())
            for name, row in rows.items()
            if data_hashes is None or name in data_hashes
        ]
        self.meanwhile()
        return found

    def label_bundles_with_gaps(
        self, project_hash: str, label_hashes: Sequence[str]
    ) -> Iterator[Mapping[str, Mapping[str, Any] | None]]:
        self.bundles.append((project_hash, list(label_hashes)))
        of_label = {row.label_hash: (name, row) for name, row in self.rows[project_hash].items()}
        bundle = {}
        for label_hash in label_hashes:
            name, row = of_label[label_hash]
            edited = row.edited_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            told = box_row(name, row.boxes) | {"last_edited_at": edited}
            bundle[label_hash] = self.documents.get(label_hash, told)
        yield bundle

    @property
    def known(self) -> Ontology:
        return Ontology.from_editor(PEDESTRIAN_EDITOR)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    made = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    monkeypatch.setattr(time, "time", lambda: made.now + 1_000_000.0)
    return made


class Clock:
    """Both clocks of the process; they differ, as on a machine that was started some time ago."""

    now = 5000.0

    @property
    def wall(self) -> float:
        return self.now + 1_000_000.0


def truth_of(encord: Encord, *, benchmarks: Sequence[str] = (FIRST,), ttl: float = 60.0) -> GroundTruth:
    document = {"production_project": PRODUCTION, "benchmark_projects": list(benchmarks)}
    return GroundTruth(ServedProjects(cast(Any, encord), Deployment.model_validate(document)), ttl_seconds=ttl)


def of_one(**rows: Row) -> Encord:
    return Encord({FIRST: rows})


def test_one_request_a_project_builds_the_index_and_knows_every_row(clock: Clock) -> None:
    encord = Encord({FIRST: {"a": Row()}, SECOND: {"b": Row(stage="review", label_hash=None)}})
    truth = truth_of(encord, benchmarks=(FIRST, SECOND))
    assert truth.rows(["a", "b", "c"])["a"] == TruthRow(FIRST, "a", "a label", LONG_AGO, "Complete", True)
    assert encord.asked[:2] == [(FIRST, None), (SECOND, None)]


def test_what_is_finished_and_young_is_not_asked_for_again(clock: Clock) -> None:
    encord = of_one(a=Row(), b=Row())
    truth = truth_of(encord)
    for seconds in (0, 30, 60):
        clock.now = 5000.0 + seconds
        assert set(truth.rows(["a"])) == {"a"}
    assert encord.asked == [(FIRST, None)]
    clock.now = 5060.5
    encord.rows[FIRST]["a"].edited_at = LONG_AGO + timedelta(days=1)
    assert truth.rows(["a", "b"])["a"].edited_at == LONG_AGO + timedelta(days=1)
    assert encord.asked[1:] == [(FIRST, ["a", "b"])]
    clock.now = 5100.0
    truth.rows(["a", "b"])
    assert len(encord.asked) == 2


def test_unfinished_truth_is_asked_for_each_time_until_it_is_finished(clock: Clock) -> None:
    encord = of_one(a=Row(stage="review"), b=Row())
    truth = truth_of(encord)
    assert not truth.rows(["a", "b"])["a"].finished
    encord.rows[FIRST]["a"].stage = "complete"
    assert truth.rows(["a", "b"])["a"].finished
    assert encord.asked == [(FIRST, None), (FIRST, ["a"]), (FIRST, ["a"])]
    truth.rows(["a"])
    assert len(encord.asked) == 3


def test_a_data_unit_without_truth_is_remembered_as_such_for_a_while(clock: Clock) -> None:
    encord = of_one(a=Row())
    truth = truth_of(encord)
    for _ in range(3):
        assert truth.rows(["new"]) == {}
    assert encord.asked == [(FIRST, None), (FIRST, ["new"])]
    clock.now += 61
    encord.rows[FIRST]["new"] = Row()
    assert set(truth.rows(["new"])) == {"new"}


def test_truth_that_has_left_the_project_is_forgotten(clock: Clock) -> None:
    encord = of_one(a=Row(), b=Row())
    truth = truth_of(encord)
    truth.rows(["a"])
    del encord.rows[FIRST]["a"]
    clock.now += 61
    assert set(truth.rows(["a", "b"])) == {"b"}


def test_earlier_projects_win_and_finished_rows_win_over_unfinished_ones(clock: Clock) -> None:
    def row(stage: str, label: str) -> Row:
        return Row(stage=stage, label_hash=label)

    both = {"both": (row("complete", "1"), row("complete", "2")), "neither": (row("review", "1"), row("review", "2"))}
    later = {"later": (row("review", "1"), row("complete", "2")), "first": (row("complete", "1"), row("review", "2"))}
    units = both | later
    encord = Encord({FIRST: {n: r[0] for n, r in units.items()}, SECOND: {n: r[1] for n, r in units.items()}})
    found = truth_of(encord, benchmarks=(FIRST, SECOND)).rows(units)
    assert {name: row.label_hash for name, row in found.items()} == {
        "both": "1",
        "neither": "1",
        "later": "2",
        "first": "1",
    }
    assert found["later"].benchmark_project == SECOND


def test_forgotten_rows_are_asked_for_at_once_and_others_are_not(clock: Clock) -> None:
    encord = of_one(a=Row(), b=Row())
    truth = truth_of(encord)
    truth.rows(["a", "b"])
    assert truth.changed_at == NEVER
    clock.now += 5
    truth.forget(["a", "unknown"])
    assert truth.changed_at == clock.wall
    truth.rows(["a", "b"])
    assert encord.asked == [(FIRST, None), (FIRST, ["a"])]


def test_what_is_forgotten_while_it_is_read_is_read_again(clock: Clock) -> None:
    """The answer under way may be older than the change."""
    encord = of_one(a=Row(), b=Row())
    truth = truth_of(encord)
    truth.rows(["a", "b"])
    clock.now += 61
    encord.meanwhile = lambda: truth.forget(["a"])
    truth.rows(["a", "b"])
    encord.meanwhile = lambda: None
    truth.rows(["a", "b"])
    assert encord.asked == [(FIRST, None), (FIRST, ["a", "b"]), (FIRST, ["a"])]
    truth.rows(["a", "b"])
    assert len(encord.asked) == 3


def test_an_older_answer_never_replaces_a_newer_one(clock: Clock) -> None:
    """Two requests are under way; the one that began first arrives last."""
    encord = of_one(a=Row())
    truth = truth_of(encord)
    truth.rows(["a"])
    clock.now += 61

    def newer() -> None:
        encord.meanwhile = lambda: None
        clock.now += 1
        encord.rows[FIRST]["a"].label_hash = "the newer"
        truth.rows(["a"])

    encord.meanwhile = newer
    assert truth.rows(["a"])["a"].label_hash == "the newer"


def test_what_another_process_was_told_is_asked_for_where_it_was_read_before(clock: Clock) -> None:
    encord = of_one(a=Row(), b=Row())
    truth = truth_of(encord, ttl=3600)
    truth.rows(["a", "b"])
    clock.now += 100
    truth.distrust(clock.wall - 101)
    truth.rows(["a"])
    assert len(encord.asked) == 1
    truth.distrust(clock.wall - 50)
    truth.distrust(clock.wall - 99)  # told earlier: nothing changes
    truth.rows(["a"])
    assert encord.asked[1:] == [(FIRST, ["a"])]
    truth.rows(["a"])
    assert len(encord.asked) == 2


def test_the_first_index_may_be_of_any_size_and_later_answers_not(clock: Clock) -> None:
    encord = of_one(a=Row(stage="review"))
    truth = truth_of(encord)
    with bodies_up_to(1000):
        truth.rows(["a"])
    assert encord.largest == [None, 1000]


def test_the_version_of_a_truth_is_its_last_edit_or_ruling() -> None:
    row = TruthRow(FIRST, "a", "label", LONG_AGO, "Complete", True)
    later = LONG_AGO + timedelta(days=1)
    assert row.version == LONG_AGO
    assert replace(row, ruled_at=later).version == later
    assert replace(row, ruled_at=LONG_AGO - timedelta(days=1)).version == LONG_AGO
    assert replace(row, label_hash=None).version is None
    assert replace(row, label_hash=None, ruled_at=later).version == later


def boxes_in(found: object) -> int:
    assert isinstance(found, Annotations)
    return len(found.drawings.get(Shape.BOUNDING_BOX, ()))


def test_annotations_are_read_once_and_a_row_without_labels_is_empty_without_a_request(clock: Clock) -> None:
    encord = of_one(none=Row(label_hash=None), a=Row(), b=Row(label_hash="b label", boxes=[]))
    truth, ontology = truth_of(encord), encord.known
    rows = truth.rows(["none", "a", "b"])
    for _ in range(2):
        found = truth.annotations(rows.values(), ontology)
        assert {name: boxes_in(each) for name, each in found.annotations.items()} == {"a": 1, "b": 0, "none": 0}
        assert found.moved == frozenset()
    assert encord.bundles == [(FIRST, ["a label", "b label"])]


def test_annotations_are_read_again_for_a_later_edit_or_another_ontology(clock: Clock) -> None:
    encord = of_one(a=Row())
    truth, ontology = truth_of(encord), encord.known
    truth.annotations(truth.rows(["a"]).values(), ontology)
    truth.annotations(truth.rows(["a"]).values(), encord.known)
    assert len(encord.bundles) == 2
    encord.rows[FIRST]["a"] = Row(edited_at=LONG_AGO + timedelta(days=1), boxes=[*BOX, [100.0, 100.0, 9.0, 9.0]])
    truth.forget(["a"])
    found = truth.annotations(truth.rows(["a"]).values(), encord.known)
    assert boxes_in(found.annotations["a"]) == 2


def test_each_project_is_asked_for_its_own_labels(clock: Clock) -> None:
    encord = Encord({FIRST: {"a": Row(label_hash="1")}, SECOND: {"b": Row(label_hash="2"), "c": Row(label_hash="3")}})
    for moved in ({"a", "b"}, {"a"}, {"b"}):
        truth = truth_of(encord, benchmarks=(FIRST, SECOND))
        encord.documents = {
            label: box_row(name, BOX) | {"last_edited_at": "Sun, 01 Feb 2026 00:00:00 GMT"}
            for name, label in (("a", "1"), ("b", "2"))
            if name in moved
        }
        encord.bundles.clear()
        found = truth.annotations(truth.rows(["a", "b", "c"]).values(), encord.known)
        assert encord.bundles == [(FIRST, ["1"]), (SECOND, ["2", "3"])]
        assert set(found.annotations) == {"a", "b", "c"}
        assert found.moved == moved


@pytest.mark.parametrize(("seconds", "sure"), [(-11, True), (-9, False), (0, False), (9, False), (11, True)])
def test_an_edit_of_the_last_seconds_may_hide_another_and_is_not_remembered(seconds: float, sure: bool) -> None:
    """Encord gives edit times in whole seconds."""
    encord = of_one(a=Row(edited_at=datetime.now(UTC) + timedelta(seconds=seconds)))
    truth, ontology = truth_of(encord), encord.known
    for _ in range(2):
        found = truth.annotations(truth.rows(["a"]).values(), ontology)
        assert found.moved == (frozenset() if sure else {"a"})
        assert boxes_in(found.annotations["a"]) == 1
    assert len(encord.bundles) == (1 if sure else 2)


def test_labels_of_another_time_than_their_metadata_are_doubtful_and_not_remembered(clock: Clock) -> None:
    encord = of_one(a=Row())
    encord.documents["a label"] = box_row("a", BOX) | {"last_edited_at": "Fri, 02 Jan 2026 00:00:00 GMT"}
    truth, ontology = truth_of(encord), encord.known
    for _ in range(2):
        assert truth.annotations(truth.rows(["a"]).values(), ontology).moved == {"a"}
    assert len(encord.bundles) == 2


def test_one_broken_row_does_not_stop_the_others(clock: Clock) -> None:
    encord = of_one(gone=Row(label_hash="1"), broken=Row(label_hash="2"), odd=Row(label_hash="3"), good=Row())
    encord.documents |= {"1": None, "2": {"last_edited_at": None, "data_units": 5}, "3": OddRow(box_row("odd", BOX))}
    truth = truth_of(encord)
    found = truth.annotations(truth.rows(encord.rows[FIRST]).values(), encord.known).annotations
    assert str(found["gone"]) == "label row: Encord does not return it"
    assert isinstance(found["broken"], LabelReadError)
    assert isinstance(found["odd"], UnitBrokeDown)
    assert "the ground truth of data unit odd could not be read" in str(found["odd"])
    assert boxes_in(found["good"]) == 1


class OddRow(dict[str, Any]):
    """A document that breaks whoever reads its drawings."""

    def get(self, name: str, default: Any = None) -> Any:
        if name == "data_units":
            raise ZeroDivisionError
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)


def test_more_than_may_be_kept_is_read_each_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    encord = of_one(a=Row())
    truth, ontology = truth_of(encord), encord.known
    (annotations,) = truth.annotations(truth.rows(["a"]).values(), ontology).annotations.values()
    for size, reads in ((bytes_of(annotations), 1), (bytes_of(annotations) - 1, 2)):
        monkeypatch.setattr(module, "BYTES_KEPT", size)
        again = truth_of(encord)
        encord.bundles.clear()
        for _ in range(2):
            again.annotations(again.rows(["a"]).values(), ontology)
        assert len(encord.bundles) == reads


def test_what_was_read_longest_ago_makes_room_for_what_is_read_now(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    encord = of_one(a=Row(label_hash="1"), b=Row(label_hash="2"))
    truth, ontology = truth_of(encord), encord.known
    (one, _) = truth.annotations(truth.rows(["a", "b"]).values(), ontology).annotations.values()
    for times, asked in ((1.5, ["1", "2", "1"]), (2.5, ["1", "2"])):
        monkeypatch.setattr(module, "BYTES_KEPT", bytes_of(one) * times)
        truth = truth_of(encord)
        rows = truth.rows(["a", "b"])
        encord.bundles.clear()
        for name in ("a", "b", "a"):
            truth.annotations([rows[name]], ontology)
        assert [label for _, labels in encord.bundles for label in labels] == asked


def test_an_ontology_is_parsed_once_and_stays_the_same_object_while_it_is_equal(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    encord = of_one()
    truth, project = truth_of(encord), encord.project(PRODUCTION)
    first = truth.ontology(project)
    with monkeypatch.context() as patched:
        patched.setattr(Ontology, "from_editor", None)
        assert truth.ontology(project) is first
    assert truth.ontology(replace(project, title="another copy")) is first
    assert first == encord.known
    changed = dict(PEDESTRIAN_EDITOR, objects=[PEDESTRIAN_EDITOR["objects"][0] | {"name": "person"}])
    other = truth.ontology(replace(project, ontology=changed))
    assert other.objects[0].name == "person"
    assert truth.ontology(encord.project(FIRST)) == first


def test_an_ontology_that_cannot_be_read_names_its_project(clock: Clock) -> None:
    encord = of_one()
    odd = dict(PEDESTRIAN_EDITOR, objects=[PEDESTRIAN_EDITOR["objects"][0] | {"shape": "hexagon"}])
    with pytest.raises(LabelsUnreadable, match="ontology of project 'project 1' cannot be read"):
        truth_of(encord).ontology(replace(encord.project(PRODUCTION), ontology=odd))


def test_the_size_of_a_value_counts_its_parts() -> None:
    numbers = np.zeros(1000)
    assert bytes_of(numbers) == 8000
    for holder in ([numbers, numbers], (numbers, numbers), {"a": numbers, "b": numbers}, Row(boxes=[numbers, numbers])):  # type: ignore[list-item]
        assert 16_000 < bytes_of(holder) < 18_000
    assert bytes_of(MappingProxyType({"a": numbers})) > 8000
    assert bytes_of({"a" * 1000: 1}) > 1000
    assert bytes_of(frozenset({"a" * 1000})) > 1000
    assert bytes_of("a" * 1000) > 1000
