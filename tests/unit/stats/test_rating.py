from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.stats.ranking import WEIGHTS, Parts, Work, rate

USUAL = Work(
    quality=0.9, done=40, assigned=50, reviewed=40, accepted_at_once=30, rejections=10, timed=40, hours=8.0, objects=400
)


def test_a_rating_worked_by_hand() -> None:
    slow = replace(USUAL, hours=16.0)
    ratings = rate({"usual": USUAL, "usual too": USUAL, "slow": slow})
    expected = Parts(quality=0.9, first_pass=0.75, completion=0.8, not_rejected=0.8, time=1.0, pace=1.0)
    assert ratings["usual"].parts == expected
    by_hand = 100 * (0.6 * 0.9 + 0.15 * 0.75 + 0.1 * 0.8 + 0.05 * 0.8 + 0.05 + 0.05)
    assert ratings["usual"].rating == pytest.approx(by_hand)
    assert ratings["slow"].parts == expected._replace(time=0.5, pace=0.5)
    assert ratings["slow"].rating == pytest.approx(by_hand - 5)


def test_the_weights_add_up_to_one() -> None:
    assert sum(weight for weight in WEIGHTS if weight is not None) == pytest.approx(1.0)


def test_a_part_that_is_not_known_is_left_out_and_not_taken_for_nothing() -> None:
    ratings = rate({"known": USUAL, "new": Work(quality=0.9), "unscored": replace(USUAL, quality=None)})
    assert ratings["new"].rating == pytest.approx(90.0)
    assert ratings["new"].parts == Parts(0.9, None, None, None, None, None)
    assert ratings["unscored"].rating is None
    assert str(ratings["unscored"]).startswith("not applicable (first pass 0.75")
    assert str(ratings["new"]) == "90 of 100 (quality 0.90)"


def test_nothing_done_yet_divides_by_nothing() -> None:
    idle = Work(
        quality=0.5, done=0, assigned=0, reviewed=0, accepted_at_once=0, rejections=0, timed=0, hours=0.0, objects=0
    )
    assert rate({"idle": idle})["idle"].rating == pytest.approx(50.0)


def test_haste_does_not_pay() -> None:
    hasty = replace(USUAL, hours=2.0)
    ratings = rate({"a": USUAL, "b": USUAL, "hasty": hasty})
    assert ratings["hasty"].rating == ratings["a"].rating


WORK = st.builds(
    Work,
    quality=st.floats(0, 1),
    done=st.integers(0, 50),
    assigned=st.just(50),
    reviewed=st.just(40),
    accepted_at_once=st.integers(0, 40),
    rejections=st.integers(0, 100),
    timed=st.just(40),
    hours=st.floats(0.5, 50),
    objects=st.integers(0, 999),
)


@given(WORK)
def test_a_rating_lies_between_0_and_100_and_better_work_never_rates_lower(work: Work) -> None:
    better = replace(
        work,
        quality=min(work.quality + 0.1, 1.0),
        accepted_at_once=min(work.accepted_at_once + 1, 40),
        rejections=max(work.rejections - 1, 0),
        objects=work.objects + 1,
    )
    lesser = rate({"x": work, "usual": USUAL, "usual too": USUAL})["x"].rating
    greater = rate({"x": better, "usual": USUAL, "usual too": USUAL})["x"].rating
    assert lesser is not None
    assert greater is not None
    assert 0.0 <= lesser <= greater + 1e-9 <= 100.0 + 1e-6


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ({"quality": 1.2}, "quality lies between"),
        ({"hours": float("nan")}, "hours is not nan"),
        ({"done": -1}, "done is not -1"),
        ({"reviewed": 3, "accepted_at_once": 4}, "4 tasks accepted at once of 3 reviewed"),
    ],
)
def test_work_that_cannot_be_is_refused(work: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Work(**work)  # type: ignore[arg-type]


def test_weights_without_quality_are_refused() -> None:
    with pytest.raises(ValueError, match="quality needs a weight"):
        rate({"a": USUAL}, weights=WEIGHTS._replace(quality=0.0))
    with pytest.raises(ValueError, match="zero or more"):
        rate({"a": USUAL}, weights=WEIGHTS._replace(pace=-1.0))
