"""Broken predictions, by the hundred: either they are evaluated or a named error says what is wrong, never a crash."""

import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.commands.predictions.detections import Detections, PredictionInputError
from benchmark_qa.commands.predictions.evaluation import evaluate_predictions
from benchmark_qa.commands.predictions.label_rows import detections_from_label_rows
from tests.unit.rows import box_row, image_row

MASK = {"size": [40, 60], "counts": [100, 50, 2250]}
TRUTH = {
    "images": [{"id": 1, "width": 60, "height": 40}, {"id": 2, "width": 60, "height": 40}],
    "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [1, 2, 10, 10],
            "area": 100,
            "iscrowd": 0,
            "segmentation": MASK,
        },
        {
            "id": 2,
            "image_id": 1,
            "category_id": 2,
            "bbox": [0, 0, 9, 9],
            "iscrowd": 1,
            "segmentation": [[0, 0, 0, 9, 9, 9]],
        },
    ],
}
RESULTS = [
    {"image_id": 1, "category_id": 1, "segmentation": MASK, "score": 0.9},
    {"image_id": 1, "category_id": 2, "bbox": [5, 5, 9, 9], "segmentation": [[5, 5, 5, 14, 14, 14]], "score": 0.4},
]
BITMASK = {
    "objectHash": "m", "featureHash": "f", "name": "cell", "shape": "bitmask", "confidence": 0.5,
    "bitmask": {"top": 0, "left": 0, "height": 720, "width": 1280, "rleString": "0"},
}  # fmt: skip
POLYGON = {**BITMASK, "objectHash": "p", "shape": "polygon", "polygons": [[[0.1, 0.1, 0.1, 0.4, 0.4, 0.4]]]}
ROWS = [box_row("a", [[0, 0, 9, 9]]), image_row("b", objects=[BITMASK, POLYGON])]

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["bitmask", "polygon", "bounding_box", "point", "a", "f", 0, 1, -1, 1e308, "~~~~~~", "PP"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every holder and key inside some JSON."""
    keys = content.keys() if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [(content, key) for key in keys] + [place for key in keys for place in places(content[key])]


def spoil(data: st.DataObject, content: Any) -> Any:
    """The same JSON with one to three values replaced or removed."""
    spoiled = copy.deepcopy(content)
    for _ in range(data.draw(st.integers(1, 3))):
        choices = places(spoiled)
        if choices:
            holder, key = choices[data.draw(st.integers(0, len(choices) - 1))]
            if data.draw(st.booleans()):
                holder[key] = data.draw(anything)
            else:
                del holder[key]
    return spoiled


def assert_evaluated_or_named(load: Callable[[], Detections]) -> None:
    for region in ("bbox", "segm"):
        with contextlib.suppress(PredictionInputError):
            score = evaluate_predictions(load(), region=region)  # type: ignore[arg-type]
            json.dumps(score.to_dict(), allow_nan=False)
            figures = [value for value in score.summary.values() if value is not None]
            assert all(0 <= value <= 1 for value in figures)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spoiled_coco_files_are_evaluated_or_named(data: st.DataObject) -> None:
    truth, results = spoil(data, TRUTH), spoil(data, RESULTS)
    assert_evaluated_or_named(lambda: Detections.from_coco(truth, results))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spoiled_label_rows_are_evaluated_or_named(data: st.DataObject) -> None:
    truth, model = spoil(data, ROWS), spoil(data, ROWS)
    assert_evaluated_or_named(lambda: detections_from_label_rows(truth, model))


def test_what_is_spoiled_is_sound() -> None:
    for detections in (Detections.from_coco(TRUTH, RESULTS), detections_from_label_rows(ROWS, ROWS)):
        assert evaluate_predictions(detections).summary["AP"] is not None
