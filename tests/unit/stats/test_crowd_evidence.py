from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.stats.crowd_evidence import named, named_of_many, needed_evidence, standings, tasks_expected
from benchmark_qa.stats.evidence import Evidence, fold, value_gains

EVIDENCE = st.lists(st.floats(0, 1000), min_size=1, max_size=12).map(
    lambda given: {f"person-{number}": evidence for number, evidence in enumerate(given)}
)


def held(*answers: float) -> Evidence:
    return fold(value_gains(answers, 0.7))


def test_e_bh_by_hand() -> None:
    # Four people: 80 is needed for one, 40 for two, 26.7 for three, 20 for four.
    assert named({"a": 79.0, "b": 1.0, "c": 1.0, "d": 1.0}) == frozenset()
    assert named({"a": 80.0, "b": 1.0, "c": 1.0, "d": 1.0}) == {"a"}
    assert named({"a": 41.0, "b": 40.0, "c": 39.0, "d": 1.0}) == {"a", "b", "c"}
    assert named({"a": 20.0, "b": 20.0, "c": 20.0, "d": 20.0}) == {"a", "b", "c", "d"}
    assert named({"a": 20.0}) == {"a"}
    assert named({}) == frozenset()


@settings(deadline=None, max_examples=50)
@given(crowd=EVIDENCE)
def test_e_bh_is_the_largest_group_that_supports_itself(crowd: dict[str, float]) -> None:
    ordered = sorted(crowd.values(), reverse=True)
    sizes = [k for k, evidence in enumerate(ordered, 1) if k * evidence * 0.05 >= len(crowd)]
    least = len(crowd) / (0.05 * max(sizes)) if sizes else np.inf
    assert named(crowd) == {name for name, evidence in crowd.items() if evidence >= least}


@settings(deadline=None, max_examples=50)
@given(crowd=EVIDENCE)
def test_the_needed_evidence_is_where_a_person_begins_to_be_named(crowd: dict[str, float]) -> None:
    for name, needed in needed_evidence(crowd).items():
        assert name in named(crowd | {name: needed * (1 + 1e-9)})
        assert name not in named(crowd | {name: needed * (1 - 1e-9)})


def test_many_crowds_at_once() -> None:
    crowds = np.array([[80.0, 1, 1, 1], [41, 40, 39, 1], [19, 19, 19, 19]])
    assert named_of_many(crowds).tolist() == [[True, False, False, False], [True] * 3 + [False], [False] * 4]


def test_above_needs_twenty_alone_and_below_needs_more_in_a_crowd() -> None:
    poor, good = held(*[0.0] * 6), held(*[1.0] * 30)
    assert 20 <= poor.evidence_below < 200
    assert standings({"poor": poor})["poor"].side == "below"
    crowd = standings({"poor": poor} | {f"good{number}": good for number in range(40)})
    assert crowd["poor"].side == "undecided"
    assert crowd["poor"].needed_below == pytest.approx(820)
    assert {each.side for name, each in crowd.items() if name != "poor"} == {"above"}


def test_people_without_a_task_do_not_count_towards_the_crowd() -> None:
    poor = held(*[0.0] * 6)
    crowd = standings({"poor": poor} | {f"new{number}": Evidence() for number in range(40)})
    assert crowd["poor"].side == "below"
    assert crowd["new0"].side == "undecided"
    assert crowd["new0"].tasks_expected is None
    assert standings({}) == {}


def test_neither_is_said_while_both_are_supported() -> None:
    enough, little = (30.0,) * 9, (3.0,) * 9
    crowd = {
        "both": Evidence(50, below=enough, above=enough),
        "below": Evidence(50, below=enough, above=little),
        "above": Evidence(50, below=little, above=enough),
        "neither": Evidence(50, below=little, above=little),
    }
    alone = {name: standings({name: each})[name].side for name, each in crowd.items()}
    assert alone == {"both": "undecided", "below": "below", "above": "above", "neither": "undecided"}


def test_tasks_expected_by_hand() -> None:
    assert tasks_expected(2.0, 20.0, (0.01, 0.05)) == -(-log(10) // 0.05)
    assert tasks_expected(25.0, 20.0, (0.01,)) == 0
    assert tasks_expected(2.0, 20.0, (-0.01, -0.05)) is None
    assert tasks_expected(2.0, 20.0, (0.0,)) is None


def test_tasks_expected_is_told_for_the_undecided_only_and_comes_true_where_the_work_goes_on() -> None:
    answers = [1.0, 0.0] * 100
    early = standings({"ann": held(*answers[:20])})["ann"]
    assert early.side == "undecided"
    assert early.tasks_expected is not None
    decided = next(n for n in range(20, 200) if standings({"ann": held(*answers[:n])})["ann"].side == "below")
    assert 0.5 <= early.tasks_expected / (decided - 20) <= 2
    assert standings({"ann": held(*answers)})["ann"].tasks_expected is None
    assert standings({"ann": held(0.0, 0.0)})["ann"].tasks_expected is None
