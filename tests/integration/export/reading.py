"""What an export holds, and what the project holds, read by other means than the exporter's."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from encord.objects import LabelRowV2
from pycocotools.coco import COCO

from .gallery import PRODUCTION, TRUTH, WAITING, Gallery


def as_results(data: COCO, kind: str) -> list[dict[str, Any]]:
    """The annotations of a data set as a model's results, all of them certain."""
    said = {
        "bbox": lambda a: {"bbox": a["bbox"]},
        "segm": lambda a: {"segmentation": data.annToRLE(a)},  # results are masks, whatever the truth is
        "keypoints": lambda a: {"keypoints": a["keypoints"]},
    }[kind]
    return [
        {"image_id": a["image_id"], "category_id": a["category_id"], "score": 1.0, **said(a)}
        for a in data.anns.values()
        if kind != "segm" or a["segmentation"]  # boxes have no outline
    ]


def exported_rows(site: Gallery) -> Iterator[LabelRowV2]:
    """The rows that an export without options holds, by the SDK: finished ones of production that were opened."""
    for row in site.project().list_label_rows_v2():
        if row.label_hash is not None and row.data_title not in (WAITING, TRUTH):
            row.initialise_labels()
            yield row


def drawn_by_class(site: Gallery) -> Counter[str]:
    """Objects on frames, as the SDK's object instances count them."""
    found: Counter[str] = Counter()
    for row in exported_rows(site):
        for item in row.get_object_instances():
            found[item.object_name] += len(item.get_annotations())
    return found


def objects_in_the_world(site: Gallery) -> Counter[str]:
    """Object hashes by shape of every frame, out of the emulator's own dump of its state."""
    world = site.control("GET", "world")
    titles = {unit["hash"]: unit["title"] for dataset in world["datasets"] for unit in dataset["data"]}
    found: Counter[str] = Counter()
    for label in world["labels"]:
        if (
            label["project"] != PRODUCTION
            or label.get("branch_name", "main") != "main"
            or titles[label["data_hash"]] in (WAITING, TRUTH)
        ):
            continue
        found.update(_shapes(label["labels"]))
    return found


def _shapes(labels: dict[str, Any]) -> Iterator[str]:
    for unit in labels.get("data_units", {}).values():
        frames = [unit["labels"]] if "objects" in unit["labels"] else unit["labels"].values()
        yield from (item["shape"] for frame in frames for item in frame.get("objects", ()))
    for answer in labels.get("object_answers", {}).values():
        if answer.get("range"):
            yield answer.get("shape", "audio")


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
