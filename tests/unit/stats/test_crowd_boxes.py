import numpy as np
import pytest

from benchmark_qa.stats.crowd_boxes import BoxItem, SuspectKind, suspect_boxes

CROWD = tuple(f"annotator-{number}" for number in range(7))


def street(items: int = 40, seed: int = 1) -> list[BoxItem]:
    """Images with three boxes each; seven annotators find nine of ten and draw them a little off."""
    random = np.random.default_rng(seed)
    made = []
    for index in range(items):
        truth = np.array([[100.0, 50, 40, 80], [300.0, 60, 40, 80], [500.0, 40, 40, 80]])
        answers = {name: (truth + random.normal(0, 2, truth.shape))[random.random(3) < 0.9] for name in CROWD}
        made.append(BoxItem(f"image-{index}", truth, answers))
    return made


def with_truth(item: BoxItem, truth: list[list[float]]) -> BoxItem:
    return BoxItem(item.key, np.array(truth), item.answers)


def test_a_sound_truth_is_not_suspected() -> None:
    assert suspect_boxes(street()) == ()


def test_a_box_that_nobody_sees_is_spurious() -> None:
    items = street()
    items[3] = with_truth(items[3], [*items[3].truth.tolist(), [700.0, 50, 40, 80]])
    (suspect,) = suspect_boxes(items)
    assert (suspect.key, suspect.fault, suspect.truth_index) == ("image-3", SuspectKind.SPURIOUS, 3)
    assert suspect.crowd_box is None
    assert suspect.silent == CROWD
    assert str(suspect).startswith("image-3: spurious (7 of 7 annotators see nothing there; ")


def test_a_box_moved_by_half_its_width_is_misplaced_and_the_crowds_place_is_given() -> None:
    items = street()
    moved = items[5].truth.copy()
    moved[1, 0] += 20
    (suspect,) = suspect_boxes([*items[:5], with_truth(items[5], moved.tolist()), *items[6:]])
    assert (suspect.key, suspect.fault, suspect.truth_index) == ("image-5", SuspectKind.MISPLACED, 1)
    assert suspect.crowd_box == pytest.approx([300, 60, 40, 80], abs=4)


def test_an_object_that_the_truth_lacks_is_missing() -> None:
    items = street()
    items[0] = with_truth(items[0], items[0].truth[:2].tolist())
    (suspect,) = suspect_boxes(items)
    assert (suspect.key, suspect.fault, suspect.truth_index) == ("image-0", SuspectKind.MISSING, None)
    assert suspect.crowd_box == pytest.approx([500, 40, 40, 80], abs=4)
    assert set(suspect.voices) | set(suspect.silent) == set(CROWD)
    assert suspect.voices


def test_annotators_who_miss_everything_do_not_make_the_truth_suspect() -> None:
    blind = {name: np.empty((0, 4)) for name in ("blind-1", "blind-2", "blind-3")}
    items = [BoxItem(item.key, item.truth, {**item.answers, **blind}) for item in street()]
    assert suspect_boxes(items) == ()


def test_one_annotator_alone_never_makes_the_truth_suspect() -> None:
    items = [BoxItem(item.key, item.truth, {"alone": item.truth.copy()}) for item in street()]
    items[2] = BoxItem("image-2", items[2].truth, {"alone": items[2].truth[:0]})
    assert suspect_boxes(items) == ()


def test_the_order_of_items_annotators_and_boxes_does_not_matter() -> None:
    items = street()
    items[3] = with_truth(items[3], items[3].truth[:2].tolist())
    items[8] = with_truth(items[8], [[900.0, 10, 40, 80], *items[8].truth.tolist()])
    turned = [
        BoxItem(item.key, item.truth[::-1], {name: item.answers[name][::-1] for name in reversed(CROWD)})
        for item in reversed(items)
    ]
    told = {(suspect.key, suspect.fault, round(suspect.wrong, 9)) for suspect in suspect_boxes(items)}
    assert told == {(suspect.key, suspect.fault, round(suspect.wrong, 9)) for suspect in suspect_boxes(turned)}
    assert len(told) == 2


@pytest.mark.parametrize("items", [[], [BoxItem("empty", np.empty((0, 4)), {"a": np.empty((0, 4))})]])
def test_nothing_to_compare_is_nothing_to_suspect(items: list[BoxItem]) -> None:
    assert suspect_boxes(items) == ()


def test_boxes_that_are_none_are_named() -> None:
    with pytest.raises(ValueError, match="image-9: boxes are finite"):
        suspect_boxes([BoxItem("image-9", np.array([[0.0, 0.0, np.nan, 1.0]]), {})])
    with pytest.raises(ValueError, match="image-9: boxes are finite"):
        suspect_boxes([BoxItem("image-9", np.zeros((2, 3)), {})])


def chance(marks: list[bool], rates: list[float], coincidence: float, prior: float) -> float:
    """That an object is at a place, by the formulas of docs/statistics/suspects.md: one in ten is hard to see."""
    easy = hard = nothing = 1.0
    for marked, rate in zip(marks, rates, strict=True):
        easy *= rate if marked else 1 - rate
        hard *= 0.3 if marked else 0.7
        nothing *= coincidence if marked else 1 - coincidence
    real = (0.9 * easy + 0.1 * hard) * prior
    return real / (real + nothing * (1 - prior))


@pytest.mark.parametrize("see_it", [0, 1])
@pytest.mark.parametrize("see_another", [2, 3, 7])
def test_marks_beside_the_truth_are_coincidences_at_their_own_rates(see_it: int, see_another: int) -> None:
    """At a place of the truth one in twenty is one, where others mark, too, one in ten."""
    kept, drawn = [100.0, 50, 40, 80], [500.0, 50, 40, 80]
    sound = [BoxItem(f"sound {n}", np.array([kept]), {name: np.array([kept]) for name in CROWD}) for n in range(20)]
    doubtful = {name: np.array([kept] if n < see_it else []).reshape(-1, 4) for n, name in enumerate(CROWD)}
    beside = {name: np.array([drawn] if n < see_another else []).reshape(-1, 4) for n, name in enumerate(CROWD)}
    items = [*sound, BoxItem("doubtful", np.array([kept]), doubtful), BoxItem("beside", np.empty((0, 4)), beside)]
    hits, asked = 20 * 7 + see_it, 21 * 7
    group = (hits + 1) / (asked + 2)
    of_doubtful = [(20 + 4 * group) / (20 + 4)] * 7
    of_beside = [(20 + (n < see_it) + 4 * group) / (21 + 4) for n in range(7)]
    wrong = {
        "doubtful": 1 - chance([n < see_it for n in range(7)], of_doubtful, 0.05, 0.95),
        "beside": chance([n < see_another for n in range(7)], of_beside, 0.1, 0.05),
    }
    found = {suspect.key: suspect.wrong for suspect in suspect_boxes(items)}
    assert found == {key: pytest.approx(one) for key, one in wrong.items() if one >= 0.5}
