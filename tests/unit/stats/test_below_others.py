import numpy as np
import pytest

from benchmark_qa.stats.crowd_evidence import beside_others, differences_of


def crowd(
    random: np.random.Generator, difficulty: np.ndarray, skills: list[float]
) -> dict[str, list[tuple[str, float]]]:
    return {
        f"person-{number:02}": [
            (f"item-{item}", float(random.random() < chance + skill)) for item, chance in enumerate(difficulty)
        ]
        for number, skill in enumerate(skills)
    }


def test_the_difference_is_to_the_mean_of_the_others_on_the_item() -> None:
    values = {name: [("x", value)] for name, value in zip("abcdef", (0.0, 1.0, 1.0, 1.0, 0.5, 0.5), strict=True)}
    found = differences_of(values)
    assert found["a"].tolist() == pytest.approx([-0.8])
    assert found["b"].tolist() == pytest.approx([1.0 - 0.6])


def test_fewer_than_five_others_say_nothing() -> None:
    values = {name: [("x", 0.0)] for name in "abcde"}
    assert np.isnan(differences_of(values)["a"]).all()
    assert beside_others(values)["a"].difference is None
    assert not beside_others(values)["a"].is_below
    assert beside_others({}) == {}


def test_hard_items_first_accuse_nobody_and_a_poor_person_is_named() -> None:
    hard_first = np.linspace(0.5, 0.9, 300)
    found = beside_others(crowd(np.random.default_rng(4), hard_first, [-0.3] + [0.0] * 20))
    assert [name for name, each in found.items() if each.is_below] == ["person-00"]
    assert found["person-00"].difference == pytest.approx(-0.3, abs=0.08)


def test_a_crowd_that_is_poor_as_a_whole_is_not_seen() -> None:
    found = beside_others(crowd(np.random.default_rng(5), np.full(300, 0.2), [0.0] * 20))
    assert not any(each.is_below for each in found.values())


def test_an_item_twice_and_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="ann has one twice"):
        differences_of({"ann": [("x", 1.0), ("x", 0.0)]})
    with pytest.raises(ValueError, match="between 0 and 1"):
        differences_of({"ann": [("x", 1.5)]})
