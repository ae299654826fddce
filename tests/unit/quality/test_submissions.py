"""The order of submissions, where the moment of some is not known."""

from datetime import timedelta

from benchmark_qa.quality.submissions import in_order
from tests.records import NOON, record

PERSON = "ann@example.com"
LATE = NOON + timedelta(days=1)


def known(number: int):
    at = NOON + timedelta(minutes=number)
    return record(number, annotator=PERSON, edited=at, scored=LATE)


def unknown(number: int, scored=LATE):
    return record(number, annotator=PERSON, labels_edited_at=None, label_hash=None, scored=scored)


def places(records) -> list[int]:
    """Places of the work of unknown moment."""
    return [place for place, each in enumerate(in_order(records)) if not each.is_moment_known]


def test_empty_answers_that_were_all_scored_in_the_end_do_not_all_come_last() -> None:
    found = places([*(known(number) for number in range(60)), *(unknown(number) for number in range(60, 90))])
    assert len(found) == 30
    assert min(found) < 20
    assert sum(place < 45 for place in found) >= 8


def test_work_that_was_scored_between_other_work_stays_there() -> None:
    records = [*(known(number) for number in range(10)), unknown(50, scored=NOON + timedelta(minutes=4, seconds=30))]
    assert places(records) == [5]


def test_the_place_does_not_depend_on_when_it_was_scored() -> None:
    others = [known(number) for number in range(10)]
    assert places([*others, unknown(50)]) == places([*others, unknown(50, scored=LATE + timedelta(days=3))])
