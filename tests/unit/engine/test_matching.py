"""Pairs that may match, the best of them one to one, and what the rest is called."""

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest

from benchmark_qa.engine import pairs as module
from benchmark_qa.engine.config import ScoringConfig, ScoringRules
from benchmark_qa.engine.errors import TooManyPairsError
from benchmark_qa.engine.matching import ComparedSides, Matches, Scored, common_media, match_shape
from benchmark_qa.engine.pairs import Pairs, best_pairs, box_iou, padded_extents, ratio_or_same, touching
from benchmark_qa.labels.annotations import Annotations, Drawings, DynamicAnswer
from benchmark_qa.labels.ontology import Ontology, Shape
from tests.unit.rows import PEDESTRIAN_EDITOR

NOTE = {"id": "1.1", "name": "note", "type": "text", "required": False, "featureNodeHash": "NoteHash"}
(ONE,) = PEDESTRIAN_EDITOR["objects"]
CAR = ONE | {"id": "2", "name": "car", "featureNodeHash": "CarHash1"}
PEOPLE = Ontology.from_editor(PEDESTRIAN_EDITOR)
TRAFFIC = Ontology.from_editor(PEDESTRIAN_EDITOR | {"objects": [ONE, CAR]})
NOTED = Ontology.from_editor(PEDESTRIAN_EDITOR | {"objects": [ONE | {"attributes": [NOTE]}]})
Box = tuple[Any, ...]
"""Left, top, width, height; then class 0, frame 0 and space 0, or others"""


def side(*boxes: Box, names: str = "", spaces: tuple[str, ...] = ("",), **parts: Any) -> Annotations:
    """A label row with one object for each box, `names` one letter each."""
    full = [(*box, *(0, 0, 0)[len(box) - 4 :]) for box in boxes]
    table = np.array(full, float).reshape(-1, 7)
    media = np.tile([100.0, 100.0], (len(boxes), 1))
    numbers = np.arange(len(boxes), dtype=np.int32)
    drawn = Drawings(
        Shape.BOUNDING_BOX,
        table[:, 6].astype(np.int32),
        table[:, 5].astype(np.int64),
        table[:, 4].astype(np.int32),
        numbers,
        parts.pop("media", media),
        table[:, :4],
    )
    instances = tuple(names or "abcdefghij"[: len(boxes)])
    return Annotations(spaces=spaces, instances=instances, drawings={Shape.BOUNDING_BOX: drawn}, **parts)


def matched(truth: Annotations, label: Annotations, ontology: Ontology = TRAFFIC, **config: Any) -> Matches:
    rules = ScoringRules(ScoringConfig.model_validate(config), ontology)
    drawings = [each.drawings[Shape.BOUNDING_BOX] for each in (truth, label)]
    return match_shape(drawings[0], drawings[1], ComparedSides(truth, label), rules)


def told(scored: Scored) -> dict[tuple[int, int], float]:
    pairs = zip(scored.pairs.truth.tolist(), scored.pairs.label.tolist(), strict=True)
    return dict(zip(pairs, np.round(scored.similarity, 6).tolist(), strict=True))


FULL, HALF, FIFTH, FAR = (0, 0, 10, 10), (0, 0, 10, 5), (0, 0, 10, 2), (50, 50, 10, 10)


def test_a_box_is_matched_from_the_threshold_on_and_near_below_it() -> None:
    found = matched(side(FULL, FAR), side(HALF))
    assert (told(found.matched), told(found.near)) == ({(0, 0): 0.5}, {})
    assert (found.missing.tolist(), found.spurious.tolist()) == ([1], [])
    found = matched(side(FULL), side(HALF), iou_threshold=0.50001)
    assert (told(found.matched), told(found.near)) == ({}, {(0, 0): 0.5})
    assert (found.missing.tolist(), found.spurious.tolist()) == ([0], [0])
    rounded = matched(side(FULL), side(HALF), iou_threshold=0.5 + 5e-10)
    assert told(rounded.matched) == {(0, 0): 0.5}


def test_boxes_that_only_touch_or_lie_apart_are_no_candidates() -> None:
    found = matched(side(FULL), side((10, 0, 10, 10), FAR))
    assert (told(found.candidates), told(found.near)) == ({}, {})
    assert found.spurious.tolist() == [0, 1]


def test_only_boxes_of_one_frame_and_one_space_are_compared() -> None:
    spaces = ("left", "right")
    truth = side((*FULL, 0, 3, 0), (*FULL, 0, 3, 1), spaces=spaces)
    label = side((*FULL, 0, 3, 0), (*FULL, 0, 4, 0), spaces=("right", "left"))
    found = matched(truth, label)
    assert told(found.matched) == {(1, 0): 1.0}
    assert (told(found.near), told(found.mislabelled)) == ({}, {})


def test_places_are_numbered_alike_on_both_sides() -> None:
    truth = side((*FULL, 0, 7, 1), (*FULL, 0, 5, 0), spaces=("a", "b"))
    label = side((*FULL, 0, 7, 0), (*FULL, 0, 5, 1), (*FULL, 0, 7, 1), spaces=("b", "c"))
    drawings = [each.drawings[Shape.BOUNDING_BOX] for each in (truth, label)]
    first, second = ComparedSides(truth, label).places(*drawings)
    assert first[0] == second[0]
    assert len({*first.tolist(), *second.tolist()}) == 4


def test_another_class_at_or_above_the_threshold_is_mislabelled_and_below_it_nothing() -> None:
    found = matched(side(FULL, FAR), side((*HALF, 1)))
    assert told(found.mislabelled) == {(0, 0): 0.5}
    assert (found.missing.tolist(), found.spurious.tolist()) == ([0, 1], [0])
    assert (told(found.matched), told(found.candidates), told(found.near)) == ({}, {}, {})
    assert told(matched(side(FULL), side((*FIFTH, 1))).mislabelled) == {}


def test_what_is_matched_is_not_mislabelled_too_and_what_is_mislabelled_is_not_near() -> None:
    found = matched(side(FULL), side(FULL, (*FULL, 1)))
    assert (told(found.matched), told(found.mislabelled)) == ({(0, 0): 1.0}, {})
    found = matched(side(FULL, (0, 0, 10, 9, 1)), side((*FIFTH, 0), (*FULL, 1)))
    assert told(found.matched) == {(1, 1): 0.9}
    assert told(found.near) == {(0, 0): 0.2}
    found = matched(side(FULL), side((*HALF, 1), FIFTH))
    assert (told(found.mislabelled), told(found.near)) == ({(0, 0): 0.5}, {})
    found = matched(side(FULL, (*FIFTH, 1)), side((*HALF, 1)), iou_threshold=0.45)
    assert (told(found.mislabelled), told(found.near)) == ({(0, 0): 0.5}, {})


def test_what_is_free_on_one_side_is_not_taken_for_free_on_the_other() -> None:
    found = matched(side(FULL, FAR), side((50, 50, 10, 2), FULL))
    assert (told(found.matched), told(found.near)) == ({(0, 1): 1.0}, {(1, 0): 0.2})
    found = matched(side(FAR, FULL), side(FULL, (50, 50, 10, 2)))
    assert (told(found.matched), told(found.near)) == ({(1, 0): 1.0}, {(0, 1): 0.2})


def test_mislabelled_boxes_of_a_frame_keep_their_own_rows() -> None:
    truth = side(FULL, (*FAR, 1), (20, 20, 10, 10))
    label = side(FULL, (20, 20, 10, 10, 1), FAR)
    found = matched(truth, label)
    assert told(found.matched) == {(0, 0): 1.0}
    assert told(found.mislabelled) == {(1, 2): 1.0, (2, 1): 1.0}


def test_where_the_threshold_is_low_a_match_still_shows_half_of_its_place() -> None:
    found = matched(side(FULL, FAR), side(HALF, FAR), iou_threshold=0.2)
    assert found.localisation.tolist() == [pytest.approx(0.5 + 0.5 * 0.3 / 0.8), 1.0]
    assert matched(side(FULL), side(FIFTH), iou_threshold=0.2).localisation.tolist() == [0.5]
    assert matched(side(FULL), side(HALF), iou_threshold=0.5).localisation.tolist() == [0.5]
    assert matched(side(FULL), side((0, 0, 10, 6)), iou_threshold=0.55).localisation.tolist() == [0.6]
    assert matched(side(FULL), side(FULL), iou_threshold=1.0).localisation.tolist() == [1.0]


def test_thresholds_are_those_of_the_truths_class_and_area() -> None:
    curve = {"points": [{"area": 0, "threshold": 0.2}, {"area": 2_000_000, "threshold": 0.8}]}
    found = matched(side(FULL, (*FAR, 1)), side(FULL), thresholds={"car": 0.9, "pedestrian": curve})
    assert found.thresholds.tolist() == [pytest.approx(0.5), 0.9]


def test_each_drawings_best_is_over_all_of_its_class() -> None:
    found = matched(side(FULL, HALF, FAR), side((0, 0, 10, 8), FIFTH, (*FULL, 1)))
    best = found.best()
    assert best[0].round(6).tolist() == [0.8, 0.625, 0.0]
    assert best[1].round(6).tolist() == [0.8, 0.4, 0.0]


def test_an_object_moves_where_it_is_drawn_more_than_once() -> None:
    truth = side(FULL, (*FULL, 0, 1))
    assert not matched(truth, side(FULL)).moves
    twice = truth.drawings[Shape.BOUNDING_BOX]
    same = Drawings(
        twice.shape, twice.space, twice.frame, twice.feature, twice.instance * 0, twice.media, twice.geometry
    )
    again = Annotations(instances=("a",), drawings={Shape.BOUNDING_BOX: same})
    assert matched(again, side(FULL)).moves
    assert matched(side(FULL), again).moves


def test_of_equal_boxes_each_takes_the_one_whose_answers_are_alike() -> None:
    dynamic = {1: (DynamicAnswer("NoteHash", "second", ((0, 4),)),)}
    truth = side(FULL, FULL, FULL, attributes={0: {"NoteHash": "first"}}, dynamic_attributes=dynamic)
    for order in permutations(range(3)):
        label = side(
            FULL,
            FULL,
            FULL,
            names="".join("abc"[n] for n in order),
            attributes={order[0]: {"NoteHash": "first"}},
            dynamic_attributes={order[1]: dynamic[1]},
        )
        assert told(matched(truth, label, NOTED).matched) == {(n, order[n]): 1.0 for n in range(3)}


def test_the_more_of_their_answers_two_objects_share_the_more_alike_they_are() -> None:
    several = tuple(DynamicAnswer("NoteHash", word, ((0, 4),)) for word in "pqrs")
    truth = side(FULL, FULL, dynamic_attributes={0: several, 1: several[:1]})
    label = side(FULL, FULL, dynamic_attributes={0: several[:2], 1: several[:3]})
    # As shares: 2 of 4 and 1 of 3 beside 3 of 4 and 1 of 2.
    assert told(matched(truth, label, NOTED).matched) == {(0, 1): 1.0, (1, 0): 1.0}


def test_many_answers_do_not_make_objects_alike_that_share_one_of_them() -> None:
    several = tuple(DynamicAnswer("NoteHash", word, ((0, 4),)) for word in "pqrs")
    truth = side(FULL, FULL, dynamic_attributes={0: several[:1]})
    label = side(FULL, FULL, dynamic_attributes={0: several[:1], 1: several})
    assert told(matched(truth, label, NOTED).matched) == {(0, 0): 1.0, (1, 1): 1.0}


def test_answers_never_outweigh_similarity() -> None:
    truth = side(FULL, (0, 0, 10, 9.99), attributes={0: {"NoteHash": "x"}})
    label = side((0, 0, 10, 9.99), FULL, attributes={0: {"NoteHash": "x"}})
    assert told(matched(truth, label, NOTED).matched) == {(0, 1): 1.0, (1, 0): 1.0}


def sizes(*media: tuple[float, float]) -> Drawings:
    return side(*[FULL for _ in media], media=np.array(media, float).reshape(-1, 2)).drawings[Shape.BOUNDING_BOX]


def test_the_size_of_a_frame_is_the_truths_or_else_the_labels_or_else_one() -> None:
    nothing = (np.nan, np.nan)
    truth, label = sizes((10, 20), nothing, nothing, (10, np.nan)), sizes((30, 40), (50, 60), nothing, (70, 80))
    places = np.array([0, 1, 2, 3]), np.array([0, 1, 2, 3])
    wanted = [[10, 20], [50, 60], [1, 1], [70, 80]]
    assert [each.tolist() for each in common_media(truth, label, places)] == [wanted, wanted]
    other = common_media(sizes((10, 20), (1, 2)), sizes((5, 6)), (np.array([0, 4]), np.array([2])))
    assert [each.tolist() for each in other] == [[[10, 20], [1, 2]], [[5, 6]]]
    alike = common_media(sizes((10, 20)), sizes((10, 20), (10, 20)), (np.array([0]), np.array([0, 1])))
    assert [each.tolist() for each in alike] == [[[10, 20]], [[10, 20]] * 2]
    alone = common_media(sizes(), sizes((5, 6), (7, 8)), (np.array([], int), np.array([0, 1])))
    assert alone[1].tolist() == [[5, 6], [7, 8]]


def test_boxes_are_measured_in_the_pixels_of_their_own_frame() -> None:
    nothing = [np.nan, np.nan]
    truth = side(FULL, (*FAR, 0, 1), media=np.array([nothing, [100, 200]], float))
    label = side(FULL, media=np.array([[300, 400]], float))
    curve = {"points": [{"area": 0, "threshold": 0.1}, {"area": 20_000_000, "threshold": 1.0}]}
    found = matched(truth, label, iou_threshold=curve)
    assert [each.tolist() for each in found.media] == [[[300, 400], [100, 200]], [[300, 400]]]
    assert found.thresholds.tolist() == [pytest.approx(0.1 + 0.9 * area / 20e6) for area in (12e6, 2e6)]


def test_two_boxes_share_a_part_of_their_union() -> None:
    one = np.array([[0.0, 0, 4, 2], [0, 0, 4, 2], [1, 1, 0, 5], [1, 1, 0, 5], [0, 0, 1, 1], [0, 0, 3, 3]])
    two = np.array([[1.0, 1, 4, 2], [0, 0, 4, 2], [1, 1, 0, 5], [1, 1, 0, 6], [2, 2, 1, 1], [1, 2, 1, 1]])
    assert box_iou(one, two).tolist() == [pytest.approx(3 / 13), 1.0, 1.0, 0.0, 0.0, pytest.approx(1 / 9)]
    assert box_iou(one[:1], two[:1]).tolist() == [pytest.approx(3 / 13)]
    assert box_iou(np.array([[0.0, 5, 4, 2]]), np.array([[1.0, 6, 4, 3]])).tolist() == [pytest.approx(3 / 17)]


def test_a_ratio_beside_one_is_one_and_of_nothing_what_is_said() -> None:
    shared, union = np.array([1 - 5e-13, 1 - 5e-12, 0.0, 0.0]), np.array([1.0, 1.0, 0.0, -1e-9])
    ratio = ratio_or_same(shared, union, lambda flat: flat == 2)
    assert ratio.tolist() == [1.0, 1 - 5e-12, 1.0, 0.0]
    assert ratio_or_same(shared[:2], union[:2], lambda flat: flat == 9).tolist() == [1.0, 1 - 5e-12]


def test_an_extent_reaches_around_all_points_of_a_drawing_and_its_margin() -> None:
    points = np.array([[1.0, 5], [3, 2], [7, 7]])
    extents = padded_extents(points, np.array([0, 2, 3]), np.array([0.5, 1.0]))
    assert extents.tolist() == [[0.5, 1.5, 3.0, 4.0], [6.0, 6.0, 2.0, 2.0]]
    assert padded_extents(points[:0], np.array([0]), np.array([])).shape == (0, 4)
    assert padded_extents(points[2:], np.array([0, 1]), np.array([1.0])).tolist() == [[6.0, 6.0, 2.0, 2.0]]


def overlapping(truth: Any, groups: Any, label: Any, label_groups: Any) -> set[tuple[int, int]]:
    """By looking at every pair."""
    return {
        (t, n)
        for t, one in enumerate(truth)
        for n, two in enumerate(label)
        if groups[t] == label_groups[n]
        and all(one[a] <= two[a] + two[a + 2] and two[a] <= one[a] + one[a + 2] for a in (0, 1))
    }


def pairs_of(found: Pairs) -> list[tuple[int, int]]:
    return sorted(zip(found.truth.tolist(), found.label.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(30))
def test_the_sweep_finds_each_pair_that_touches_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(seed)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", int(random.integers(1, 9)))
    truth, label = (random.integers(0, 9, (int(random.integers(1, 14)), 4)).astype(float) for _ in range(2))
    truth[:, :2] -= 4
    spread = int(random.choice([1, 1000]))
    groups, label_groups = (random.integers(0, 3, len(each)) * spread for each in (truth, label))
    found = touching(truth, groups, label, label_groups)
    assert pairs_of(found) == sorted(overlapping(truth, groups, label, label_groups))


def test_a_side_without_drawings_has_no_pairs() -> None:
    nothing, some, group = np.empty((0, 4)), np.array([[0.0, 0, 1, 1]]), np.array([0])
    assert len(touching(nothing, group[:0], some, group)) == len(touching(some, group, nothing, group[:0])) == 0


def test_more_pairs_than_may_overlap_are_refused() -> None:
    three, group = np.tile([0.0, 0, 1, 1], (3, 1)), np.zeros(3, int)
    assert len(touching(three, group, three, group, most=9)) == 9
    with pytest.raises(TooManyPairsError, match="more than"):
        touching(three, group, three, group, most=8)


def test_more_pairs_than_may_be_looked_at_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    three, group = np.tile([0.0, 0, 1, 1], (3, 1)), np.zeros(3, int)
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 9)
    assert len(touching(three, group, three, group)) == 9
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 8)
    with pytest.raises(TooManyPairsError, match="lie on top"):
        touching(three, group, three, group)


def test_the_limit_of_pairs_is_over_all_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    three, group = np.tile([0.0, 0, 1, 1], (3, 1)), np.zeros(3, int)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 1)
    with pytest.raises(TooManyPairsError):
        touching(three, group, three, group, most=8)


def best_by_trying(pairs: list[tuple[int, int]], similarity: Any) -> tuple[int, float]:
    """The most pairs one to one, and their greatest total similarity."""
    best = (0, 0.0)
    for number in range(1, len(pairs) + 1):
        for chosen in combinations(range(len(pairs)), number):
            one_to_one = len({pairs[n][0] for n in chosen}) == len({pairs[n][1] for n in chosen}) == number
            if one_to_one:
                best = max(best, (number, float(sum(similarity[n] for n in chosen))))
    return best


def chosen_of(pairs: list[tuple[int, int]], similarity: Any, **options: Any) -> list[tuple[int, int]]:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    ranks = np.arange(1 + (int(table.max()) if len(table) else 0))
    flags = best_pairs(Pairs(table[:, 0], table[:, 1]), np.array(similarity, float), ranks, ranks, **options)
    return [pair for pair, flag in zip(pairs, flags.tolist(), strict=True) if flag]


@pytest.mark.parametrize("most_square", [2000, 0])
@pytest.mark.parametrize("seed", range(25))
def test_as_many_pairs_as_possible_are_chosen_and_of_these_the_most_similar(
    seed: int, most_square: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SQUARE", most_square)
    random = np.random.default_rng(seed)
    every = [(t, n) for t in range(int(random.integers(1, 6))) for n in range(int(random.integers(1, 5)))]
    pairs = [every[n] for n in sorted(random.permutation(len(every))[: int(random.integers(1, 9))])]
    similarity = random.random(len(pairs)).round(3)
    chosen = chosen_of(pairs, similarity)
    assert len({t for t, _ in chosen}) == len({n for _, n in chosen}) == len(chosen)
    total = sum(similarity[pairs.index(pair)] for pair in chosen)
    assert (len(chosen), pytest.approx(total)) == best_by_trying(pairs, similarity)


@pytest.mark.parametrize("most_square", [2000, 0])
def test_two_pairs_are_better_than_one_that_is_perfect(most_square: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SQUARE", most_square)
    assert chosen_of([(0, 0), (0, 1), (1, 1)], [0.1, 1.0, 0.1]) == [(0, 0), (1, 1)]
    chain = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)]
    assert chosen_of(chain, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]) == [(1, 0), (2, 1), (3, 2)]
    longer = [*chain, (3, 3)]
    assert chosen_of(longer, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]) == [(0, 0), (1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("most_square", [2000, 0])
def test_what_has_no_partner_left_is_in_no_pair(most_square: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SQUARE", most_square)
    star = [(0, 0), (1, 0), (2, 0), (0, 1), (0, 2)]
    assert chosen_of(star, [0.1, 0.2, 0.9, 0.3, 0.8]) == [(2, 0), (0, 2)]
    assert chosen_of(star, [0.1, 0.9, 0.2, 0.8, 0.3]) == [(1, 0), (0, 1)]


def test_nothing_to_choose_from_and_nothing_contested() -> None:
    assert chosen_of([], []) == []
    alone = [(0, 1), (1, 0), (2, 2)]
    assert chosen_of(alone, [0.0, 0.1, 0.2], preference=None) == alone


def test_a_preference_decides_between_equal_pairings_only() -> None:
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    crossed = chosen_of(pairs, [0.5] * 5, preference=lambda asked: np.isin(asked, [1, 2]).astype(float))
    straight = chosen_of(pairs, [0.5] * 5, preference=lambda asked: np.isin(asked, [0, 3]).astype(float))
    assert crossed == [(0, 1), (1, 0), (2, 2)]
    assert straight == [(0, 0), (1, 1), (2, 2)]
    similar = [0.6, 0.5, 0.5, 0.5, 0.5]
    assert chosen_of(pairs, similar, preference=lambda asked: np.isin(asked, [1, 2]).astype(float)) == straight


def test_the_choice_leaves_the_similarities_as_they_are() -> None:
    similarity = np.array([0.5, 0.5])
    flags = best_pairs(
        Pairs(np.array([0, 0]), np.array([0, 1])), similarity, np.arange(2), np.arange(2), preference=lambda c: c * 1.0
    )
    assert similarity.tolist() == [0.5, 0.5]
    assert flags.tolist() == [False, True]


def test_of_equal_pairings_the_ranks_decide_and_not_the_order_of_the_input() -> None:
    pairs = np.array([(t, n) for t in range(3) for n in range(3)])
    names = []
    for order in permutations(range(3)):
        ranks = np.array(order)
        flags = best_pairs(Pairs(pairs[:, 0], pairs[:, 1]), np.full(9, 0.5), ranks, ranks)
        names.append({(order[t], order[n]) for t, n in pairs[flags].tolist()})
    assert names == [names[0]] * 6
