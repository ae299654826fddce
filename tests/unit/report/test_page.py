"""The page of a project with questions: what both sides answered stands where nothing is drawn."""

from typing import Any

import orjson

from benchmark_qa.quality.report import ReportEvidence, ReportQuestion, build_report
from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.records.sketch import Answered, PackedSketch, Sketch
from benchmark_qa.report.files import render
from tests.records import PROJECT, record

SKETCH = Sketch(answers=(Answered("q", "Indigo Bunting", "yes", None),))
NOTHING_DRAWN: dict[str, Any] = {"true_positives": 0, "false_positives": 0, "similarity_sum": 0.0}


def page_of(*records: ScoreRecord) -> str:
    return render(build_report(ReportQuestion(PROJECT), ReportEvidence(records)), "html").decode()


def answered(number: int, sketch: Sketch | PackedSketch) -> ScoreRecord:
    fields: dict[str, Any] = {"classifications_total": 1, "score": 0.0, "details": {}, "sketch": sketch}
    return record(number, **NOTHING_DRAWN, **fields)


def test_answers_are_shown_also_from_packed_sketches() -> None:
    packed = PackedSketch.of(orjson.dumps(SKETCH.to_dict()).decode())
    for sketch in (SKETCH, packed):
        page = page_of(*(answered(number, sketch) for number in range(6)))
        assert "<dt>Indigo Bunting</dt>" in page
        assert "labels: <strong>not answered</strong>" in page
