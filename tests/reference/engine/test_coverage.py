"""The promise of the intervals, on real crowds; the full table is `python -m benchmarks intervals`."""

from typing import Any

import pytest

from benchmarks.intervals import (
    SHARES_OF_CLASSES,
    Cell,
    ours,
    plain_bootstrap,
    simulate_answers,
    simulate_boxes,
    simulate_classes,
)

SIMULATED = 300
PROMISED = 0.93


def failures(cells: list[Cell]) -> list[str]:
    return [f"{cell.figure} at n = {cell.n}: {cell.coverage:.1%}" for cell in cells if cell.coverage < PROMISED]


@pytest.mark.parametrize("design", ["one", "mix"])
@pytest.mark.parametrize("n", [5, 20, 100])
def test_every_box_figure_lies_in_its_interval(pedestrians: dict[str, Any], design: str, n: int) -> None:
    cells = list(simulate_boxes(ours, design, n, SIMULATED, seed=17))
    assert {cell.figure for cell in cells} == {"precision", "recall", "F1", "mean IoU", "overall"}
    assert not failures(cells)


@pytest.mark.parametrize("design", ["one", "mix"])
@pytest.mark.parametrize("n", [5, 20, 100])
def test_accuracy_and_kappa_lie_in_their_intervals(bluebirds: dict[str, Any], design: str, n: int) -> None:
    cells = list(simulate_answers(design, n, SIMULATED, seed=17))
    assert {cell.figure for cell in cells} == {"accuracy", "kappa", "overall"}
    assert not failures(cells)


@pytest.mark.parametrize("classes", SHARES_OF_CLASSES)
@pytest.mark.parametrize("n", [5, 20, 100])
def test_kappa_of_more_or_skewed_classes_lies_in_its_interval(classes: str, n: int) -> None:
    assert not failures([simulate_classes(classes, n, 200, seed=17)])


def test_a_plain_bootstrap_fails_the_same_test(pedestrians: dict[str, Any]) -> None:
    cells = list(simulate_boxes(plain_bootstrap, "one", 5, SIMULATED, seed=17))
    assert len(failures(cells)) == len(cells)
    (f1,) = (cell for cell in cells if cell.figure == "F1")
    assert f1.coverage < 0.7


def test_the_intervals_are_not_merely_wide(pedestrians: dict[str, Any]) -> None:
    plain = {cell.figure: cell for cell in simulate_boxes(plain_bootstrap, "one", 100, 100, seed=17)}
    for cell in simulate_boxes(ours, "one", 100, 100, seed=17):
        assert cell.width < 1.35 * plain[cell.figure].width, cell.figure
