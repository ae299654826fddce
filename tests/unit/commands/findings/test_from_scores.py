"""What is chosen by the scores alone."""

from datetime import UTC, datetime

import pytest

from benchmark_qa.commands.findings.by_scores import (
    Doubt,
    FinishedWork,
    Judgement,
    choose_at_random,
    choose_from_scores,
)
from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, ChosenReason

BAR = 0.7
EVERYTHING = ("low_score", "undecided", "suspect_truth")
NOW = datetime(2026, 11, 22, tzinfo=UTC)

JUDGEMENTS = [
    Judgement("good", "above the bar", "F1", 0.95, 0.85, 0.99, 20),
    Judgement("poor", "below the bar", "F1", 0.3, 0.1, 0.5, 20),
    Judgement("poorer", "below the bar", "F1", 0.2, 0.1, 0.4, 20),
    Judgement("unsure", "undecided", "F1", 0.75, 0.6, 0.8, 20),
    Judgement("new", "too few tasks", "F1", 1.0, 0.2, 1.0, 2),
]
WORK = [FinishedWork(f"unit of {one.annotator}", "t.jpg", "dataset", one.annotator) for one in JUDGEMENTS]
WORK.append(FinishedWork("unit of a stranger", "t.jpg", "dataset", "stranger"))


def doubt(data_hash: str, wrong: float, **changes: object) -> Doubt:
    facts = {"feature": "pedestrian", "fault": "missing", "voices": 6, "answered": 7, **changes}
    return Doubt(data_hash=data_hash, title="b.jpg", dataset_hash="benchmark", label_hash="truth", wrong=wrong, **facts)  # type: ignore[arg-type]


def test_the_work_of_the_weakest_comes_first_and_nothing_of_the_good_or_the_unknown() -> None:
    chosen = choose_from_scores(WORK, JUDGEMENTS, [], bar=BAR, kinds=["low_score"])
    assert [(item.data_hash, item.strength) for item in chosen] == [("unit of poorer", 0.8), ("unit of poor", 0.7)]


def test_of_the_undecided_the_share_of_the_interval_under_the_bar_counts() -> None:
    chosen = choose_from_scores(WORK, JUDGEMENTS, [], bar=BAR, kinds=["undecided"])
    strengths = {item.data_hash: item.strength for item in chosen}
    assert strengths == pytest.approx({"unit of new": 0.625, "unit of unsure": 0.5})


def test_doubts_about_one_item_are_one_choice_with_several_reasons() -> None:
    doubts = [doubt("b1", 0.9), doubt("b1", 0.6, fault="spurious"), doubt("b2", 0.8)]
    chosen = choose_from_scores([], [], doubts, bar=BAR, kinds=["suspect_truth"])
    assert [(item.data_hash, len(item.reasons)) for item in chosen] == [("b1", 2), ("b2", 1)]
    assert chosen[0].reasons[0].text == "6 of 7 annotators contradict it about 'pedestrian': something is not marked"
    assert chosen[0].reasons[0].label_hash == "truth"


def test_what_annotators_would_answer_instead_is_not_told() -> None:
    long = "x" * 300
    (item,) = choose_from_scores([], [], [doubt("b", 0.9, feature=long, fault="answer")], bar=BAR, kinds=EVERYTHING)
    assert len(item.reasons[0].text) == 200


def test_a_control_is_as_large_as_the_choice_and_drawn_from_all_production_work() -> None:
    work = [FinishedWork(f"unit {n:03d}", "t.jpg", "dataset", "any") for n in range(100)]
    reason = ChosenReason(kind="low_score", strength=0.9, text="weak")
    truth = ChosenReason(kind="suspect_truth", strength=0.9, text="doubtful")
    items = [ChosenItem(data_hash=f"unit {n:03d}", title="t", reasons=(reason,)) for n in range(10)]
    items.append(ChosenItem(data_hash="benchmark item", title="t", reasons=(truth,)))
    choice = ChosenItems(project_hash="p", name="n" * 100, made_at=NOW, items=tuple(items))
    drawn = [choose_at_random(choice, work, seed=seed, made_at=NOW) for seed in range(200)]
    assert {len(control.items) for control in drawn} == {10}
    assert drawn[3] == choose_at_random(choice, list(reversed(work)), seed=3, made_at=NOW), "the seed decides, no order"
    shared = sum(item.data_hash < "unit 010" for control in drawn for item in control.items) / 200
    assert 0.6 < shared < 1.4, "one of ten by chance: the chosen ones are neither left out nor preferred"
    assert drawn[0].name.endswith(", control")
