"""Conflicts as a record keeps them: bounded one by one, exact in number."""

import json
from dataclasses import replace
from typing import Any

from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from benchmark_qa.quality.breakdown import conflicts_by_kind
from benchmark_qa.quality.leaderboard import Bar
from benchmark_qa.quality.report import ReportEvidence, ReportQuestion, build_report
from benchmark_qa.records.score import CONFLICTS_KEPT, ScoreRecord, conflict_counts, details_of
from benchmark_qa.records.sketch import Sketch, sketch_of
from benchmark_qa.report.plots import draw
from benchmark_qa.tasks.feedback import hints_of
from benchmark_qa.tasks.write_back import issue_comment
from tests.records import NOON, PROJECT, record
from tests.unit.rows import PEDESTRIAN_EDITOR, box_row

BOXES = Ontology.from_editor(PEDESTRIAN_EDITOR)
EMPTY_FRAMES = CONFLICTS_KEPT + 500
BUSY_FRAME = 2 * EMPTY_FRAMES
CROWD = [[100.0 * n, 50.0, 40.0, 90.0] for n in range(5)]


def video(boxes: dict[int, list[list[float]]], owner: str) -> Annotations:
    """Objects that are drawn on one frame each."""
    row = box_row("v", [])
    row["data_type"] = "video"
    unit = row["data_units"]["v"]
    unit["labels"] = {}
    for frame, drawn in boxes.items():
        objects = box_row("v", drawn)["data_units"]["v"]["labels"]["objects"]
        unit["labels"][str(frame)] = {
            "objects": [{**each, "objectHash": f"{owner}{frame:05d}{n}"} for n, each in enumerate(objects)]
        }
    return read_label_row(row, BOXES)


def a_bad_row() -> tuple[TaskScore, Sketch]:
    """Every frame's object missed; of the last frame, which the sketch shows, three of five found and one invented."""
    truth = video({**dict.fromkeys(range(EMPTY_FRAMES), CROWD[:1]), BUSY_FRAME: CROWD}, "t")
    labels = video({BUSY_FRAME: [*CROWD[:3], [900.0, 500.0, 20.0, 20.0]]}, "l")
    return score_task(truth, labels, BOXES), sketch_of(truth, labels, BOXES)


def kept_and_whole() -> tuple[ScoreRecord, ScoreRecord]:
    score, sketch = a_bad_row()
    kept = record(1, details=json.loads(json.dumps(details_of(score, sketch))), sketch=sketch)
    return kept, replace(kept, details=score.to_dict())


def test_a_record_keeps_so_many_conflicts_and_the_number_of_all() -> None:
    score, sketch = a_bad_row()
    details = details_of(score, sketch)
    assert len(details["conflicts"]) == CONFLICTS_KEPT
    assert len(json.dumps(details)) < 400 * CONFLICTS_KEPT
    assert details["conflicts_total"] == len(score.conflicts) == EMPTY_FRAMES + 3
    assert conflict_counts(details) == {
        ("missing", "pedestrian", None): EMPTY_FRAMES + 2,
        ("spurious", "pedestrian", None): 1,
    }
    assert replace(TaskScore.from_dict(details), conflicts=score.conflicts) == score


def test_few_conflicts_are_all_kept_in_their_order() -> None:
    truth, labels = video({0: CROWD, 9: CROWD[:1]}, "t"), video({0: CROWD[:2]}, "l")
    score = score_task(truth, labels, BOXES)
    details = details_of(score, sketch_of(truth, labels, BOXES))
    assert details["conflicts"] == score.to_dict()["conflicts"]
    assert details["conflicts_total"] == 4


def test_the_report_is_the_same_as_from_all_conflicts() -> None:
    def report(one: ScoreRecord) -> dict[str, Any]:
        question = ReportQuestion(PROJECT, bar=Bar(0.7, 2), asked_at=NOON)
        return build_report(question, ReportEvidence([one])).to_dict()

    kept, whole = kept_and_whole()
    assert report(kept) == report(whole)
    assert [line["count"] for line in report(kept)["conflicts"]] == [EMPTY_FRAMES + 2, 1]


def test_what_the_drawing_shows_is_as_matched_as_from_all_conflicts() -> None:
    kept, whole = kept_and_whole()
    drawings = [draw(one.sketch, conflicts=one.details["conflicts"]) for one in (kept, whole) if one.sketch]
    assert drawings[0] == drawings[1]
    assert drawings[0] is not None
    assert drawings[0].words.endswith("2 of the truth unmatched, 1 of the labels unmatched")


def test_hints_and_issues_say_the_same_as_from_all_conflicts() -> None:
    kept, whole = kept_and_whole()
    assert hints_of(conflict_counts(kept.details)) == ["missing: pedestrian"]
    assert hints_of(conflict_counts(whole.details)) == ["missing: pedestrian"]
    comment = issue_comment([kept])
    assert comment == issue_comment([whole])
    assert comment is not None
    assert f"{EMPTY_FRAMES + 2}x missing: pedestrian; 1x spurious: pedestrian" in comment


def test_identity_switches_of_one_class_are_one_line_whatever_objects_they_go_to() -> None:
    switches = [{"kind": "identity_switch", "feature": "car", "other": f"object{n}"} for n in range(4)]
    (line,) = conflicts_by_kind([record(1, details={"conflicts": switches})])
    assert (line.kind, line.feature, line.other, line.count) == ("identity_switch", "car", None, 4)
