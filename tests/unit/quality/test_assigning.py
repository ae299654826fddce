"""Who gets which waiting task."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.quality.assigning import RULES, AssignRule, UnassignedTask, Worker, distribute, skill_in

ANN, BOB, CAT = Worker("ann@x"), Worker("bob@x"), Worker("cat@x")


def tasks(count: int, **parts: object) -> list[UnassignedTask]:
    return [UnassignedTask(f"task{n}", "stage", f"unit{n}", **parts) for n in range(count)]  # type: ignore[arg-type]


def test_load_fills_up_who_has_least() -> None:
    found, nobody = distribute(tasks(4), [Worker("ann@x", open=3), Worker("bob@x", open=1)], [], rule="load")
    assert Counter(found.values()) == {"bob@x": 3, "ann@x": 1}
    assert nobody == []


def test_round_robin_ignores_what_people_have() -> None:
    found, _ = distribute(tasks(6), [Worker("ann@x", open=9), BOB, CAT], [], rule="round-robin")
    assert Counter(found.values()) == {"ann@x": 2, "bob@x": 2, "cat@x": 2}


def test_skill_is_that_of_the_classes_of_the_task() -> None:
    ann = Worker("ann@x", skills={"car": 0.9, "bike": 0.2}, skill=0.5)
    bob = Worker("bob@x", skills={"car": 0.4, "bike": 0.8}, skill=0.6)
    cars, bikes = tasks(3, classes=("car",)), [UnassignedTask("b", "stage", "unit-b", classes=("bike",))]
    found, _ = distribute([*cars, *bikes], [ann, bob], [], rule="skill")
    assert [found[task.uuid] for task in (*cars, *bikes)] == ["ann@x"] * 3 + ["bob@x"]
    assert skill_in(ann, ("car", "bike", "van")) == pytest.approx((0.9 + 0.2 + 0.5) / 3)
    assert skill_in(ann, ()) == 0.5


def test_nobody_meets_a_data_unit_or_its_file_twice() -> None:
    met = {("ann@x", "unit0"), ("bob@x", "file1")}
    given = [UnassignedTask("a", "stage", "unit0"), UnassignedTask("b", "stage", "unit1", item="file1")]
    found, _ = distribute(given, [ANN, BOB], met, rule="load")
    assert found == {"a": "bob@x", "b": "ann@x"}
    parts = [UnassignedTask(f"part{n}", "stage", "unit9") for n in range(3)]  # of one consensus task
    found, nobody = distribute(parts, [ANN, BOB], [], rule="load")
    assert sorted(found.values()) == ["ann@x", "bob@x"]
    assert len(nobody) == 1


def test_nobody_gets_more_than_the_most() -> None:
    found, nobody = distribute(tasks(5), [Worker("ann@x", open=1), BOB], [], rule="round-robin", most=2)
    assert Counter(found.values()) == {"ann@x": 1, "bob@x": 2}
    assert len(nobody) == 2


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=25),
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 9))),
    st.sampled_from(RULES),
    st.none() | st.integers(1, 8),
)
def test_whatever_the_rule_everybody_meets_a_unit_once_and_nothing_is_left_that_somebody_could_do(
    given_: list[tuple[int, int]], loads: list[int], met_: set[tuple[int, int]], rule: AssignRule, most: int | None
) -> None:
    workers = [Worker(f"{n}@x", open=load) for n, load in enumerate(loads)]
    waiting = [UnassignedTask(f"t{n}", "s", f"u{unit}", item=f"f{file}") for n, (unit, file) in enumerate(given_)]
    met = {(f"{person}@x", f"u{unit}") for person, unit in met_}
    found, nobody = distribute(waiting, workers, met, rule=rule, most=most)
    assert set(found) | set(nobody) == {task.uuid for task in waiting}
    assert not set(found) & set(nobody)
    seen = set(met)
    for task in waiting:
        if task.uuid in found:
            person = found[task.uuid]
            assert not {(person, task.data_hash), (person, task.item)} & seen
            seen |= {(person, task.data_hash), (person, task.item)}
    counts = Counter(found.values())
    assert all(most is None or worker.open + counts[worker.email] <= max(most, worker.open) for worker in workers)
    for task in waiting:
        if task.uuid in nobody:
            for worker in workers:
                full = most is not None and worker.open + counts[worker.email] >= most
                assert full or {(worker.email, task.data_hash), (worker.email, task.item)} & seen
