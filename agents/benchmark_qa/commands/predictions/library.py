"""The only module that uses `faster-coco-eval`, an optional dependency."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.predictions.detections import Region, box_around


class EvaluatorMissingError(RuntimeError):
    """The library that evaluates predictions is not installed."""

    def __init__(self) -> None:
        super().__init__("evaluating predictions needs faster-coco-eval: pip install '.[predictions]' in a checkout")


def evaluator(truth: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], region: Region) -> Any:
    """A `COCOeval` over truth and predictions; works on copies, since the library writes into its input."""
    library = _library()
    known = library.COCO({**truth, "annotations": [dict(annotation) for annotation in truth["annotations"]]})
    results = with_boxes(predictions) if region == "bbox" else _with_areas(predictions, truth)
    return library.COCOeval_faster(known, known.loadRes(results), iouType=region)


def encoded(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """COCO's run-length encoding of a mask of zeros and ones, shape (height, width)."""
    encoding = _library().mask.encode(np.asfortranarray(pixels))
    counts = encoding["counts"]
    return {"size": list(encoding["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


def mask_of_rings(
    rings: Sequence[Sequence[float]], holes: Sequence[Sequence[float]], height: int, width: int
) -> dict[str, Any]:
    """The area of polygons [x, y, x, y, ...] in pixels, without their holes, run-length encoded."""
    mask = _library().mask
    inside = mask.decode(mask.merge(mask.frPyObjects(list(rings), height, width)))
    outside = mask.decode(mask.merge(mask.frPyObjects(list(holes), height, width)))
    return encoded(inside & (1 - outside))


def mask_area(encoding: Mapping[str, Any]) -> float:
    """Number of pixels in the mask."""
    return float(_library().mask.area(_compressed(encoding)))


def mask_box(encoding: Mapping[str, Any]) -> list[float]:
    """The bounding box [x, y, width, height] of the mask."""
    return [float(value) for value in _library().mask.toBbox(_compressed(encoding))]


def _compressed(encoding: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mask with its runs as a string, the only form that most of the library accepts."""
    if isinstance(encoding["counts"], str):
        return encoding
    compressed: Mapping[str, Any] = _library().mask.frPyObjects(dict(encoding), *encoding["size"])
    return compressed


def _library() -> Any:
    try:
        import faster_coco_eval  # type: ignore[import-untyped]
    except ImportError:
        raise EvaluatorMissingError from None
    return faster_coco_eval


def with_boxes(predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every prediction with a box; a missing one is drawn around its polygons or its mask."""
    boxed = []
    for prediction in predictions:
        item = dict(prediction)
        if "bbox" not in item:
            region = item["segmentation"]
            item["bbox"] = box_around(region) if isinstance(region, list) else mask_box(region)
        boxed.append(item)
    return boxed


def _with_areas(predictions: Sequence[Mapping[str, Any]], truth: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every prediction in the protocol's form: with boxes (whose area gives its size), or as bare masks."""
    if all("bbox" in prediction for prediction in predictions):
        return [dict(prediction) for prediction in predictions]
    mask = _library().mask
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    masked = []
    for prediction in predictions:
        region = prediction["segmentation"]
        if isinstance(region, list):
            region = mask.merge(mask.frPyObjects(region, *sizes[prediction["image_id"]]))
        else:
            region = _compressed(region)
        bare = {key: value for key, value in prediction.items() if key != "bbox"}
        masked.append({**bare, "segmentation": region})
    return masked
