"""A consensus block: annotators work on branches of their own, and what the review has approved is on `main`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.workflow.stages.consensus_annotation import ConsensusAnnotationStage
from encord.workflow.stages.consensus_review import ConsensusReviewStage

from tests.unit.sdk_rows import HEIGHT, WIDTH

from .gallery import ADMIN, ANNOTATORS, PRODUCTION, REVIEWER, Gallery, add, data_hash, gallery

pytestmark = pytest.mark.encord

APPROVED, IN_REVIEW, HALF_DONE = "approved.png", "in review.png", "half done.png"
LEFT = {ANNOTATORS[0]: 0.1, ANNOTATORS[1]: 0.6}
STAGES = [word for stage in ("Complete", "Consensus", "Review & Refine") for word in ("--stage", stage)]


def _with_consensus(world: dict[str, Any]) -> None:
    """Three more images, at a consensus block beside the other stages."""
    titles = (APPROVED, IN_REVIEW, HALF_DONE)
    world["datasets"][0]["data"] += [
        {"hash": data_hash(title), "title": title, "width": WIDTH, "height": HEIGHT} for title in titles
    ]
    production = world["projects"][0]
    production["workflow"]["stages"] += [
        {"type": "consensus_annotation", "title": "Consensus", "annotators": 2, "next": "Review & Refine"},
        {"type": "consensus_review", "title": "Review & Refine", "next": "Complete", "reject": "Consensus"},
    ]
    production["tasks"] = [
        {
            "data_hash": data_hash(title),
            "stage": "Consensus",
            "subtasks": [{"branch_name": f"encord-{part}-{data_hash(title)}"} for part in ("one", "two")],
        }
        for title in titles
    ]


def _label(site: Gallery, title: str, annotator: str) -> None:
    project = site.project(annotator)
    stage = project.workflow.get_stage(name="Consensus", type_=ConsensusAnnotationStage)
    (task,) = stage.get_tasks(data_hash=data_hash(title))
    part = next(part for part in task.subtasks if part.assignee in (None, annotator))
    part.assign(annotator)
    row = site.row(title, annotator, branch_name=part.label_branch_name)
    box = BoundingBoxCoordinates(height=0.2, width=0.2, top_left_x=LEFT[annotator], top_left_y=0.2)
    add(row, "box", box)
    row.save()
    part.submit()


@pytest.fixture(scope="module")
def consensus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    ann, bob = ANNOTATORS
    with gallery(tmp_path_factory.mktemp("consensus"), _with_consensus) as site:
        for title, people in ((APPROVED, (ann, bob)), (IN_REVIEW, (ann, bob)), (HALF_DONE, (ann,))):
            for annotator in people:
                _label(site, title, annotator)
        review = site.project(REVIEWER).workflow.get_stage(name="Review & Refine", type_=ConsensusReviewStage)
        (task,) = review.get_tasks(data_hash=data_hash(APPROVED))
        branch = task.options[0].label_branch_name
        taken = [box.object_hash for box in site.row(APPROVED, ADMIN, branch_name=branch).get_object_instances()]
        chosen = {"labels": {branch: taken}}
        site.control("POST", f"projects/{PRODUCTION}/tasks/{task.uuid}/consensus", json=chosen)
        task.approve()
        yield site


def boxes(out: Path) -> dict[str, list[list[float]]]:
    """Boxes by the title of their image."""
    data = json.loads((out / "coco" / "annotations" / "instances_train.json").read_text(encoding="utf-8"))
    return {
        image["data_title"]: [a["bbox"] for a in data["annotations"] if a["image_id"] == image["id"]]
        for image in data["images"]
    }


def test_the_world_has_branches_that_an_export_could_take_by_mistake(consensus: Gallery) -> None:
    rows = consensus.project().list_label_rows_v2(include_all_label_branches=True)
    labelled = [row.data_title for row in rows if row.branch_name.startswith("encord-") and row.label_hash]
    assert sorted(labelled) == sorted([APPROVED] * 2 + [IN_REVIEW] * 2 + [HALF_DONE])


def test_what_the_review_has_approved_is_exported_once(consensus: Gallery, tmp_path: Path) -> None:
    consensus.export(tmp_path / "out", "--format", "coco")
    found = boxes(tmp_path / "out")
    assert {IN_REVIEW, HALF_DONE}.isdisjoint(found)
    (box,) = found[APPROVED]
    main = consensus.row(APPROVED, ADMIN).get_object_instances()[0].get_annotation(0).coordinates
    assert isinstance(main, BoundingBoxCoordinates)
    assert box[0] == pytest.approx(main.top_left_x * WIDTH, abs=1e-3)


@pytest.mark.parametrize("snapshot", [(), ("--snapshot", "asked-for")], ids=["live", "frozen"])
def test_branches_that_nobody_has_approved_are_not_exported_though_their_stage_is_asked_for(
    consensus: Gallery, tmp_path: Path, snapshot: tuple[str, ...]
) -> None:
    consensus.export(tmp_path / "out", "--format", "coco", "--format", "encord", *STAGES, *snapshot)
    found = boxes(tmp_path / "out")
    assert len(found[APPROVED]) == 1
    assert found.get(IN_REVIEW, []) == []
    assert found.get(HALF_DONE, []) == []
    files = sorted((tmp_path / "out" / "encord" / "label_rows").glob("*.json"))
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    assert {row["branch_name"] for row in rows} == {snapshot[1] if snapshot else "main"}
    assert len({row["data_hash"] for row in rows}) == len(rows)
