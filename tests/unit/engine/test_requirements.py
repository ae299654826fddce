"""Requirements, and metrics of a team's own."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from benchmark_qa.engine.config import FIGURES, ScoringConfig
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.engine.metrics import METRICS, MetricNotFoundError, find_metric
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.annotations import Annotations
from tests.unit.engine.test_task_score import ONTOLOGY, read

TRUTH = read(("carBox00", [0, 0, 10, 10]), ("carBox00", [50, 50, 10, 10]), ("truckBox", [80, 80, 10, 10]), frames=2)
LABELS = read(("carBox00", [0, 0, 10, 10]), ("truckBox", [80, 86, 10, 10]), frames=2)


def verdicts(*requirements: dict[str, Any], **rules: Any) -> dict[str, Any]:
    config = ScoringConfig.model_validate({"requirements": requirements, **rules})
    return {verdict.name: verdict for verdict in score_task(TRUTH, LABELS, ONTOLOGY, config).requirements}


def test_a_requirement_holds_a_figure_against_a_threshold() -> None:
    found = verdicts(
        {"name": "recall", "metric": "recall", "threshold": 0.3},
        {"name": "precision", "metric": "precision", "threshold": 0.9},
    )
    assert (found["recall"].value, found["recall"].passed) == (pytest.approx(1 / 3), True)
    assert (found["precision"].value, found["precision"].passed) == (0.5, False)
    assert str(found["precision"]) == "failed, precision 0.5000 against 0.9"


def test_a_filter_looks_at_some_classes_shapes_or_frames_only() -> None:
    found = verdicts(
        {"name": "cars", "metric": "precision", "threshold": 1, "filter": {"features": ["car"]}},
        {"name": "trucks", "metric": "f1", "threshold": 1, "filter": {"features": ["truckBox"]}},
        {"name": "boxes", "metric": "recall", "threshold": 0, "filter": {"shapes": ["bounding_box"]}},
        {"name": "later", "metric": "recall", "threshold": 0, "filter": {"first_frame": 11, "last_frame": 11}},
        {"name": "polygons", "metric": "recall", "threshold": 0, "filter": {"shapes": ["polygon"]}},
    )
    assert found["cars"].passed is True
    assert found["trucks"].value == 0.0
    assert found["boxes"].value == pytest.approx(1 / 3)
    assert found["later"].value == pytest.approx(1 / 3)
    assert found["polygons"].passed is None
    assert found["polygons"].reason == "neither the ground truth nor the labels hold objects"


def test_every_figure_that_a_requirement_can_name_is_there() -> None:
    assert tuple(METRICS) == FIGURES
    requirements = [{"name": figure, "metric": figure, "threshold": 0} for figure in FIGURES]
    assert {name: v.value is None for name, v in verdicts(*requirements).items()} == {
        figure: figure in ("classification_accuracy", "attribute_accuracy") for figure in FIGURES
    }


def test_a_child_has_from_its_parent_what_it_leaves_out() -> None:
    found = verdicts(
        {"name": "base", "metric": "f1", "threshold": 0.9, "filter": {"features": ["truck"]}},
        {"name": "lenient", "parent": "base", "overrides": {"iou_threshold": 0.2}},
        {"name": "grandchild", "parent": "lenient", "threshold": 0.5, "filter": {"first_frame": 11}},
    )
    assert (found["base"].value, found["base"].passed) == (0.0, False)
    assert (found["lenient"].value, found["lenient"].threshold, found["lenient"].passed) == (1.0, 0.9, True)
    assert (found["grandchild"].value, found["grandchild"].threshold) == (1.0, 0.5)


def test_a_task_passes_when_every_enabled_and_applicable_requirement_does() -> None:
    def passed(*requirements: dict[str, Any]) -> bool | None:
        config = ScoringConfig.model_validate({"requirements": requirements})
        return score_task(TRUTH, LABELS, ONTOLOGY, config).passed

    met = {"name": "met", "metric": "recall", "threshold": 0.1}
    failed = {"name": "failed", "metric": "recall", "threshold": 0.9}
    silent = {"name": "silent", "metric": "hota", "threshold": 0.1, "filter": {"shapes": ["polygon"]}}
    assert passed(met, silent) is True
    assert passed(met, failed) is False
    assert passed(met, {**failed, "enabled": False}) is True
    assert passed({**failed, "enabled": False}, {"name": "child", "parent": "failed"}) is None
    assert passed(silent) is None


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ([{"name": "a", "threshold": 1}], "has no metric"),
        ([{"name": "a", "metric": "f1", "threshold": 1}] * 2, "the same name"),
        ([{"name": "a", "parent": "b", "metric": "f1", "threshold": 1}], "unknown parent 'b'"),
        ([{"name": "a", "parent": "a", "metric": "f1", "threshold": 1}], "its own ancestor"),
        ([{"name": "a", "metric": "f2", "threshold": 1}], "no metric is called 'f2'"),
        ([{"name": "a", "metric": "f1", "threshold": 1, "colour": "red"}], "colour"),
    ],
)
def test_faulty_requirements_are_refused_by_name(requirements: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ScoringConfig.model_validate({"requirements": requirements})


OWN = "tests.unit.engine.own_metric:drawings_per_object"


def test_a_metric_of_ones_own_is_reported_and_can_be_required() -> None:
    config = ScoringConfig.model_validate(
        {"metrics": [OWN], "requirements": [{"name": "effort", "metric": OWN, "threshold": 0.9}]}
    )
    score = score_task(TRUTH, LABELS, ONTOLOGY, config)
    assert score.metrics == {OWN: pytest.approx(2 / 3)}
    assert score.passed is False
    assert score_task(Annotations.empty(), LABELS, ONTOLOGY, config).metrics == {OWN: None}


def test_an_installed_package_offers_its_metric_under_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "team_metrics-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: team-metrics\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[benchmark_qa.metrics]\nteam-effort = {OWN}\n")
    monkeypatch.syspath_prepend(tmp_path)
    score = score_task(TRUTH, LABELS, ONTOLOGY, ScoringConfig(metrics=("team-effort",)))
    assert score.metrics == {"team-effort": pytest.approx(2 / 3)}


@pytest.mark.parametrize("name", ["no_such_entry_point", "no_such_module:metric", "math:no_such_function", "math:pi"])
def test_a_metric_that_cannot_be_found_is_named_when_the_rules_are_read(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ScoringConfig(metrics=(name,))
    with pytest.raises(MetricNotFoundError, match=name):
        find_metric(name)


@pytest.mark.parametrize(("name", "words"), [("math:hypot", "raised TypeError"), ("builtins:repr", "neither None nor")])
def test_a_metric_that_fails_is_named_instead_of_taking_the_score_down_silently(name: str, words: str) -> None:
    with pytest.raises(ScoringError, match=words):
        score_task(TRUTH, LABELS, ONTOLOGY, ScoringConfig(metrics=(name,)))
