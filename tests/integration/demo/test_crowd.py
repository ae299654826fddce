"""The simulated crowd errs as the real one was measured to."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.crowd import Crowd
from demo.measure_crowd import CROWD_FILE, measure, tally

COMMITTED = json.loads(CROWD_FILE.read_text())


@pytest.fixture(scope="module")
def pedestrians_file(pedestrians: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pedestrians.json"
    path.write_text(json.dumps(pedestrians))
    return path


def test_the_committed_figures_are_those_of_the_real_crowd(pedestrians_file: Path) -> None:
    assert measure(pedestrians_file) == COMMITTED


def test_the_independent_matcher_finds_the_reference_figures_of_the_data() -> None:
    assert COMMITTED["pooled"] == {"tasks": 3283, "matches": 3556, "spurious": 340, "missing": 756}


def test_the_same_seed_gives_the_same_labels_and_another_seed_others() -> None:
    assert Crowd.measured(1).label_images(5) == Crowd.measured(1).label_images(5)
    assert Crowd.measured(1).label_images(5).images != Crowd.measured(2).label_images(5).images


def test_every_scene_is_labelled_by_seven_people_who_get_equal_shares() -> None:
    labels = Crowd.measured().label_images(40)
    assert {len(image.answers) for image in labels} == {7}
    shares = [sum(email in image.answers for image in labels) for email in labels.annotators]
    assert len(shares) == 41
    assert max(shares) - min(shares) <= 1


def test_each_simulated_annotator_misses_and_invents_at_the_measured_rates() -> None:
    tallies = tally(Crowd.measured().label_images(3000))
    for figures in COMMITTED["annotators"]:
        seen = tallies[figures["email"]]
        missed = 1 - len(seen.errors) / seen.true_boxes
        # An invented box now and then falls on a pedestrian that was missed, so a miss may be made good by chance.
        assert missed == pytest.approx(figures["miss_rate"], abs=0.08), figures["email"]
        assert seen.spurious / seen.tasks == pytest.approx(figures["spurious_per_task"], abs=0.12), figures["email"]


def test_simulated_boxes_lie_inside_their_image() -> None:
    for image in Crowd.measured().label_images(200):
        for boxes in (image.truth, *image.answers.values()):
            assert not isinstance(boxes, bool)
            for x, y, width, height in boxes:
                assert min(x, y) >= 0
                assert min(width, height) > 3
                assert x + width <= image.width + 0.02
                assert y + height <= image.height + 0.02
