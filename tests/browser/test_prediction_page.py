"""The page of an evaluation in a real browser: no console error, no request, accessible, and the JSON's own numbers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from benchmark_qa.commands.predictions.detections import Detections
from benchmark_qa.commands.predictions.evaluation import compare_predictions, evaluate_predictions
from benchmark_qa.commands.predictions.page import Evaluation, evaluation_page
from benchmark_qa.commands.predictions.slices import find_slices
from tests.browser.watched import SIZES, Watched
from tests.unit.commands.findings.simulation import GOOD, WEAK, case


@pytest.fixture(scope="module")
def evaluation(pedestrians: dict[str, Any]) -> Evaluation:
    few = {**pedestrians, "images": pedestrians["images"][:150]}
    # Without planted faults both models stand before the same labels.
    detections, other = (case(few, seed=3, predictor=model, share=0).detections for model in (GOOD, WEAK))
    fields = [{"weather": ("sun", "rain", "fog")[n % 7 % 3], "hour": n * 7 % 24} for n in range(150)]
    return Evaluation(
        score=evaluate_predictions(detections),
        differences=compare_predictions(other, detections).differences,
        slices=find_slices(detections, fields),
        truth="labels.json",
        predictions="model-2.json",
        against="model-1.json",
        asked_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )


class WatchedEvaluation(Watched):
    """The page of an evaluation."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Each row's figures by name; None where the cell says n/a."""
        rows: list[dict[str, Any]] = self.page.evaluate(
            """id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => ({
                name: row.dataset.name ?? row.cells[0].innerText,
                ...Object.fromEntries([...row.querySelectorAll('[data-figure]')].map(cell => [
                    cell.dataset.figure, cell.querySelector('data') && Number(cell.querySelector('data').value)]))
            }))""",
            table,
        )
        return rows


@pytest.mark.parametrize("look", SIZES)
def test_the_page_is_accessible_quiet_and_fits_the_screen(
    browser: Browser, tmp_path: Path, evaluation: Evaluation, look: tuple[int, str]
) -> None:
    width, scheme = look
    watched = WatchedEvaluation(browser, tmp_path, evaluation_page(evaluation), width=width, scheme=scheme)
    assert watched.violations() == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.complaints == []
    watched.page.close()


def test_the_numbers_on_the_page_are_those_of_the_json(
    browser: Browser, tmp_path: Path, evaluation: Evaluation
) -> None:
    in_json = evaluation.to_dict()
    watched = WatchedEvaluation(browser, tmp_path, evaluation_page(evaluation), width=1440, scheme="light")
    by_class = {each["name"]: each for each in in_json["classes"]}
    for table, figures in (("classes", 7), ("sizes", 5)):
        shown = watched.rows(table)
        assert sorted(row["name"] for row in shown) == sorted(by_class)
        for row in shown:
            known = by_class[row.pop("name")]
            assert len(row) == figures
            assert row == {name: _plain(known[name]) for name in row}
    assert {row["name"]: row[row["name"]] for row in watched.rows("protocol")} == in_json["summary"]
    for row, known in zip(watched.rows("differences"), in_json["differences"], strict=True):
        said = {name: known[name] for name in ("name", "first", "second")}
        assert row == said | {"difference": known["difference"]["estimate"]}
    for row, known in zip(watched.rows("slices"), in_json["slices"], strict=False):
        assert row["name"] == known["title"]
        assert (row["inside"], row["gap"]) == (known["inside"]["estimate"], known["gap"]["estimate"])
    matrix = watched.page.evaluate(
        "[...document.querySelectorAll('#confusion tbody tr')].map(r => [...r.querySelectorAll('td')].map(c => "
        "Number(c.innerText.replaceAll(',', ''))))"
    )
    assert matrix == [list(row) for row in in_json["confusion"]["cells"]]
    for row, known in zip(watched.rows("calibration"), in_json["calibration"]["bins"], strict=True):
        assert (row["confidence"], row["precision"]) == (known["confidence"], known["precision"])
    watched.page.close()


def test_hostile_names_are_text_and_what_does_not_apply_says_so(browser: Browser, tmp_path: Path) -> None:
    hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    truth = {
        "images": [{"id": 1, hostile: hostile}],
        "categories": [{"id": 1, "name": hostile}, {"id": 2, "name": "never labelled"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}],
    }
    detections = Detections.from_coco(truth, [])
    evaluation = Evaluation(
        score=evaluate_predictions(detections), differences=None, slices=find_slices(detections), truth=hostile,
        predictions=hostile, against=None, asked_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )  # fmt: skip
    watched = WatchedEvaluation(browser, tmp_path, evaluation_page(evaluation), width=390, scheme="dark")
    assert watched.page.title().startswith("Model predictions")
    assert (watched.violations(), watched.complaints) == ([], [])
    rows = {row["name"]: row for row in watched.rows("classes")}
    assert rows["never labelled"]["ap"] is None
    assert rows[hostile]["ap"] == 0
    assert "No part has enough images" in watched.page.inner_text("main")
    watched.page.close()


def _plain(value: Any) -> Any:
    return value["estimate"] if isinstance(value, dict) else value
