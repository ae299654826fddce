"""The parts of a rating: from the scores, and from what Encord's analytics say of people's work."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmark_qa.encord_api.analytics import TaskAction, TimeAtWork
from benchmark_qa.quality.report import Report, ReportEvidence, ReportQuestion, build_report
from benchmark_qa.quality.verdict import Bar
from benchmark_qa.records.score import PersonsWork, WorkReading
from benchmark_qa.report.files import render
from benchmark_qa.report.reading_work import people_at_work, seconds_at_work
from tests.records import NOON, PROJECT, data_hash, record

KINDS = {
    "annotate": "ANNOTATION",
    "consensus": "CONSENSUS_ANNOTATION",
    "review": "REVIEW",
    "refine": "CONSENSUS_REVIEW",
}
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def acts(*steps: tuple[str, str, str, str]) -> list[TaskAction]:
    """(actor, what, data unit, stage), an hour apart."""
    return [
        TaskAction(START + timedelta(hours=hour), kind, actor, unit, stage)
        for hour, (actor, kind, unit, stage) in enumerate(steps)
    ]


def test_a_rejection_counts_for_whoever_submitted_last_before_it() -> None:
    people = people_at_work(
        acts(
            ("ann", "submit", "one", "annotate"),
            ("rex", "reject", "one", "review"),
            ("ann", "submit", "one", "annotate"),
            ("rex", "approve", "one", "review"),
            ("bob", "submit", "two", "annotate"),
            ("rex", "approve", "two", "review"),
        ),
        [("ann", "three")],
        KINDS,
    )
    assert people == {
        "ann": PersonsWork(done=1, assigned=2, reviewed=1, accepted_at_once=0, rejections=1),
        "bob": PersonsWork(done=1, assigned=1, reviewed=1, accepted_at_once=1, rejections=0),
    }


def test_actions_count_in_the_order_in_which_they_happened() -> None:
    steps = acts(("ann", "submit", "one", "annotate"), ("rex", "reject", "one", "review"))
    assert people_at_work(reversed(steps), [], KINDS)["ann"].rejections == 1


def test_what_came_back_is_in_hand_and_no_longer_done() -> None:
    steps = acts(("ann", "submit", "one", "annotate"), ("rex", "reject", "one", "review"))
    (ann,) = people_at_work(steps, [("ann", "one")], KINDS).values()
    assert (ann.done, ann.assigned) == (0, 1)
    (ann,) = people_at_work(steps, None, KINDS).values()
    assert ann.assigned is None


def test_reviews_of_consensus_blocks_speak_of_nobody_alone() -> None:
    steps = acts(
        ("ann", "submit", "one", "consensus"), ("bob", "submit", "one", "consensus"), ("rex", "reject", "one", "refine")
    )
    people = people_at_work(steps, [], KINDS)
    assert {name: (work.done, work.reviewed) for name, work in people.items()} == {"ann": (1, 0), "bob": (1, 0)}


def test_time_counts_at_annotation_stages_and_for_scored_data_units() -> None:
    times = [
        TimeAtWork("ann", "one", "annotate", 60.0, NOON),
        TimeAtWork("ann", "one", None, 5.0, NOON),
        TimeAtWork("ann", "one", "review", 900.0, NOON),
        TimeAtWork("ann", "unscored", "annotate", 900.0, NOON),
    ]
    assert seconds_at_work(times, KINDS, {"one"}) == {("ann", "one"): 65.0}


def rated_report(reading: WorkReading | None) -> Report:
    records = [record(n, annotator=f"{name}@x.org", branch_name=name) for n in range(10) for name in ("ann", "bob")]
    return build_report(
        ReportQuestion(PROJECT, bar=Bar(0.7, 2), asked_at=NOON),
        ReportEvidence(records, first_versions=records, reading=reading),
    )


def test_time_and_pace_are_those_of_the_tasks_whose_time_is_known() -> None:
    reading = WorkReading(
        since=START,
        read_at=NOON,
        people={"ann@x.org": PersonsWork(done=8, assigned=10, reviewed=6, accepted_at_once=3, rejections=4)},
        seconds={("ann@x.org", data_hash(n)): 90.0 for n in range(4)}
        | {("bob@x.org", data_hash(n)): 180.0 for n in range(2)},
    )
    ratings = {line.annotator: line for line in rated_report(reading).ratings}
    ann, bob = ratings["ann@x.org"], ratings["bob@x.org"]
    assert ann.seconds_per_task == pytest.approx(90.0)
    assert bob.seconds_per_task == pytest.approx(180.0)
    assert ann.work.objects_per_hour == pytest.approx(4 / (90 / 3600))  # 3 right and 1 spurious a task
    assert ann.rating.parts.completion == pytest.approx(0.8)
    assert ann.rating.parts.first_pass == pytest.approx((0 + 3) / (10 + 6))  # ten scored below the bar, six reviewed
    assert ann.rating.parts.not_rejected == pytest.approx(16 / 20)
    assert bob.rating.parts.completion is None, "Encord said nothing of bob's tasks"
    page = render(rated_report(reading), "html").decode()
    assert "1 min 30 s" in page


def test_without_a_reading_the_parts_are_left_out() -> None:
    line = rated_report(None).ratings[0]
    assert (line.seconds_per_task, line.rating.parts.completion, line.rating.parts.time) == (None, None, None)
    assert rated_report(None).to_dict()["analytics"] is None
