"""The report as one value: breakdowns, items, suspects, people, and the files made of it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyarrow import parquet

from benchmark_qa.quality.breakdown import monday_of
from benchmark_qa.quality.report import Report, ReportEvidence, ReportQuestion, build_report
from benchmark_qa.quality.verdict import Bar
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.records.sketch import Mark, Sketch
from benchmark_qa.report.files import TABLES, render, rows_of
from tests.records import NOON, PROJECT, data_hash, record

QUESTION = ReportQuestion(PROJECT, bar=Bar(0.7, 2), asked_at=NOON)


def details(**parts: Any) -> dict[str, Any]:
    return {"conflicts": [], "by_class": {}, "confusion": [], "requirements": [], **parts}


def objects(tp: int, fp: int, fn: int) -> dict[str, Any]:
    return {"true_positives": tp, "false_positives": fp, "false_negatives": fn, "similarity_sum": 0.8 * tp}


def by_class(**counts: tuple[int, int, int]) -> dict[str, Any]:
    return {
        f"hash-{name}": {"name": name, "objects": objects(*count), "classifications": None, "attributes": None}
        for name, count in counts.items()
    }


def report(records: list[ScoreRecord], **evidence: Any) -> Report:
    return build_report(QUESTION, ReportEvidence(records, **evidence))


def test_a_week_begins_on_monday_at_midnight_of_the_zone_that_was_asked_for() -> None:
    late_sunday = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert monday_of(late_sunday, UTC) == "2026-02-23"
    assert monday_of(late_sunday, ZoneInfo("Europe/Zurich")) == "2026-03-02"
    assert monday_of(datetime(2026, 3, 2, 4, tzinfo=UTC), ZoneInfo("America/New_York")) == "2026-02-23"


def test_the_weakest_class_comes_first_and_conflicts_are_counted_by_kind() -> None:
    missing = {"kind": "missing", "feature": "bus", "other": None}
    whole = report(
        [
            record(1, details=details(by_class=by_class(car=(9, 1, 0), bus=(1, 0, 3)), conflicts=[missing] * 3)),
            record(2, details=details(by_class=by_class(car=(5, 0, 0), bus=(0, 0, 1)), conflicts=[missing])),
        ]
    )
    assert [group.name for group in whole.classes] == ["bus", "car"]
    assert whole.classes[0].figures.recall.estimate == pytest.approx(1 / 5)
    assert whole.classes[0].figures.tasks == 2
    (line,) = whole.conflicts
    assert (line.count, line.tasks, line.annotators) == (4, 2, 1)


def test_the_confusion_matrix_adds_up_by_name() -> None:
    classes = by_class(car=(1, 0, 0), bus=(0, 1, 1))
    cells = [["hash-car", "hash-car", 2], ["hash-bus", "hash-car", 1], [None, "hash-bus", 1], ["hash-car", None, 3]]
    whole = report([record(n, details=details(by_class=classes, confusion=cells)) for n in (1, 2)])
    assert whole.confusion.classes == ("bus", "car")
    assert whole.confusion.counts == ((0, 2, 0), (0, 4, 6), (2, 0, 0))


def test_a_requirement_that_does_not_apply_is_neither_met_nor_missed() -> None:
    def verdict(value: float | None, passed: bool | None) -> dict[str, Any]:
        entry = {"name": "vehicles", "metric": "f1", "threshold": 0.8, "value": value, "passed": passed}
        return details(requirements=[entry | {"reason": None}])

    whole = report(
        [
            record(1, details=verdict(0.9, True)),
            record(2, details=verdict(0.5, False)),
            record(3, details=verdict(None, None)),
        ]
    )
    (line,) = whole.requirements
    assert line.passed.estimate == 0.5
    assert line.passed.n == 2
    assert line.value is not None
    assert line.value.estimate == pytest.approx(0.7)
    assert line.not_applicable == 1


def test_excluded_items_are_in_no_figure_and_are_named() -> None:
    whole = report([record(1), record(2, false_negatives=100)], excluded={data_hash(2): "blurred"})
    assert whole.leaderboard.pooled.false_negatives == 0
    assert [item.data_hash for item in whole.items] == [data_hash(1)]
    assert whole.to_dict()["excluded"] == {data_hash(2): "blurred"}


def test_the_hardest_item_comes_first_with_its_rating() -> None:
    records = [
        record(1, annotator="a@x.org", branch_name="encord-1", score=0.9),
        record(1, annotator="b@x.org", branch_name="encord-2", score=0.8),
        record(2, annotator="a@x.org", branch_name="encord-1", score=0.1),
        record(2, annotator="b@x.org", branch_name="encord-2", score=0.9),
    ]
    hardest, easy = report(records, exposures={data_hash(2): {"a@x.org": 3, "b@x.org": 1}}).items
    assert hardest.data_hash == data_hash(2)
    assert hardest.score.estimate == pytest.approx(0.5)
    assert hardest.rating == pytest.approx((1 + 1) / (2 + 1))
    assert (hardest.exposures, hardest.most_seen_by_one) == (4, 3)
    assert easy.rating == 1.0


def test_somebody_who_got_the_hard_items_is_held_against_those_items() -> None:
    records = [
        record(1, annotator="a@x.org", score=0.5, branch_name="1"),
        record(1, annotator="b@x.org", score=0.3, branch_name="2"),
        record(2, annotator="c@x.org", score=0.9, branch_name="1"),
    ]
    people = {person.name: person for person in report(records).people}
    assert people["a@x.org"].above_items == pytest.approx(0.1)
    assert people["c@x.org"].above_items == 0.0


def test_first_pass_counts_the_first_version_of_the_labels() -> None:
    first, second = record(1, score=0.2), record(1, score=0.9, edited=NOON + timedelta(days=1))
    other = record(2, score=0.9)
    whole = report([second, other], first_versions=[first, other])
    assert whole.people[0].rated.rating.parts.first_pass == 0.5


def test_the_worst_tasks_come_with_a_link_into_the_label_editor() -> None:
    sketch = Sketch(frame=7, truth=(Mark("car", 0.1, 0.1, 0.2, 0.2),))
    whole = report([record(1, score=0.9), record(2, score=0.1, sketch=sketch), record(3, score=1.0)])
    worst = whole.people[0].worst
    assert [task.record.identity.data_hash for task in worst] == [data_hash(2), data_hash(1)]
    assert worst[0].link == f"https://app.encord.com/label_editor/{PROJECT}/{data_hash(2)}/7"


def crowd_of_boxes(truth: tuple[Mark, ...], drawn: tuple[Mark, ...], number: int) -> list[ScoreRecord]:
    return [
        record(
            number,
            branch_name=f"encord-{person}",
            annotator=f"{person}@x.org",
            sketch=Sketch(aspect=1.5, truth=truth, labels=drawn),
        )
        for person in range(6)
    ]


def test_an_object_that_everybody_draws_and_the_truth_has_not_is_suspect() -> None:
    seen, unseen = Mark("car", 0.1, 0.1, 0.2, 0.2), Mark("car", 0.6, 0.6, 0.2, 0.2)
    records = [one for number in range(20) for one in crowd_of_boxes((seen,), (seen,), number)]
    records += crowd_of_boxes((seen,), (seen, unseen), 99)
    (suspect,) = report(records).suspects
    assert (suspect.data_hash, suspect.fault, suspect.feature) == (data_hash(99), "missing", "car")
    assert suspect.box == pytest.approx((0.6, 0.6, 0.2, 0.2))
    assert (suspect.voices, suspect.answered) == (6, 6)


def test_scores_against_an_older_truth_do_not_speak_about_the_newer_one() -> None:
    seen, unseen = Mark("car", 0.1, 0.1, 0.2, 0.2), Mark("car", 0.6, 0.6, 0.2, 0.2)
    records = [one for number in range(20) for one in crowd_of_boxes((seen,), (seen,), number)]
    old = crowd_of_boxes((seen,), (seen, unseen), 99)
    mended = replace(
        old[0],
        identity=replace(old[0].identity, truth_edited_at=NOON),
        scored_at=NOON + timedelta(days=1),
        sketch=Sketch(aspect=1.5, truth=(seen, unseen), labels=(seen, unseen)),
    )
    assert report([*records, mended, *old[1:]]).suspects == ()


def test_every_table_is_the_same_in_json_csv_and_parquet() -> None:
    verdict = {"name": "r", "metric": "f1", "threshold": 0.8, "value": 0.9, "passed": True, "reason": None}
    whole = report(
        [
            record(n, details=details(by_class=by_class(car=(3, 1, 0)), requirements=[verdict]), annotator=f"{n}@x.org")
            for n in range(4)
        ]
    )
    in_json = json.loads(render(whole, "json"))
    for table in TABLES:
        rows = rows_of(whole, table)
        assert len(rows) == len(in_json[table])
        if not rows:
            continue
        from_csv = list(csv.DictReader(io.StringIO(render(whole, "csv", table=table).decode())))
        from_parquet = parquet.read_table(io.BytesIO(render(whole, "parquet", table=table))).to_pylist()
        assert from_parquet == rows
        for row, text in zip(rows, from_csv, strict=True):
            assert {name: "" if value is None else str(value) for name, value in row.items()} == text
    line = in_json["annotators"][0]
    row = rows_of(whole, "annotators")[0]
    assert (row["f1"], row["f1_low"], row["f1_high"]) == (
        line["f1"]["estimate"],
        line["f1"]["low"],
        line["f1"]["high"],
    )


def test_a_name_that_looks_like_a_formula_is_harmless_in_a_spreadsheet() -> None:
    whole = report([record(1, annotator='=HYPERLINK("http://x","y")')])
    row = next(csv.DictReader(io.StringIO(render(whole, "csv").decode())))
    assert row["annotator"].startswith("'=")


def test_the_digest_names_who_is_below_the_bar_and_cannot_be_broken_by_a_name() -> None:
    bad = [
        record(n, annotator="a*b_c|d@x.org", true_positives=0, false_negatives=5, similarity_sum=0) for n in range(30)
    ]
    text = render(report(bad), "markdown").decode()
    assert "Below the bar of 0.7: a\\*b\\_c\\|d@x.org 0.000 [0.00, " in text
    assert "30 tasks by 1 annotators" in text


def test_a_link_leads_to_a_frame_with_a_fault_also_where_another_one_was_kept() -> None:
    kept = Sketch(frame=0, frames=51)
    conflict = {"kind": "missing", "feature": "car", "other": None, "frame": 4, "last_frame": 50}
    old = record(1, sketch=kept, details=details(conflicts=[conflict]))
    new = record(2, sketch=replace(kept, frame=20), details=details(conflicts=[conflict]))
    fine = record(3, sketch=replace(kept, frame=2), details=details())
    assert [task.frame for task in report([old, new, fine]).tasks] == [4, 20, 2]
    assert [task.link.rsplit("/", 1)[1] for task in report([old, new, fine]).tasks] == ["4", "20", "2"]
