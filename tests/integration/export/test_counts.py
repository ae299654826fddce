"""What the manifest says is in an export, against Encord's own figures, found by other ways."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from encord.objects import LabelRowV2
from encord.orm.label_row import LabelRowMetadata
from pyarrow import parquet

from .gallery import EVERY_SHAPE, PRODUCTION, SOUND, VIDEO, Gallery
from .reading import content, drawn_by_class, exported_rows, objects_in_the_world


@pytest.fixture(scope="module")
def exported(site: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("counts") / "out"
    site.export(out, "--format", "encord", "--format", "parquet", "--format", "coco")
    return out


def manifest(exported: Path) -> dict[str, object]:
    return json.loads((exported / "manifest.json").read_text())


def test_objects_drawings_and_classifications_are_as_many_as_the_sdk_finds(site: Gallery, exported: Path) -> None:
    counts = manifest(exported)["counts"]
    instances: Counter[str] = Counter()
    classifications: Counter[str] = Counter()
    for row in exported_rows(site):
        instances.update(item.object_name for item in row.get_object_instances())
        classifications.update(item.classification_name for item in row.get_classification_instances())
    assert counts["objects"] == instances
    assert counts["drawings"] == drawn_by_class(site)
    assert counts["classifications"] == classifications == {"weather": 1, "remark": 1}
    assert counts["rows"] == len(list(exported_rows(site))) + 1  # one was submitted without ever being opened


def test_shapes_are_as_many_as_in_the_emulators_own_state(site: Gallery, exported: Path) -> None:
    assert manifest(exported)["counts"]["shapes"] == objects_in_the_world(site)


def test_the_manifest_names_every_file_with_its_hash_and_nothing_else(exported: Path) -> None:
    files = {name: hashlib.sha256(data).hexdigest() for name, data in content(exported).items()}
    del files["manifest.json"]
    assert manifest(exported)["files"] == files


def test_the_manifest_says_where_the_labels_come_from(site: Gallery, exported: Path) -> None:
    said, project = manifest(exported), site.project()
    assert said["project"] == {"hash": PRODUCTION, "title": "Production"}
    assert said["ontology"]["hash"] == project.ontology_hash
    assert said["branch"] == "main"
    assert said["filters"] == {"with_benchmark": False, "below_the_bar": "kept", "weights": False}
    assert said["counts"]["data_units"] == {"image": 8, "video": 1, "img_group": 1, "audio": 1}


def test_exported_label_rows_are_read_by_the_sdk_object_for_object(site: Gallery, exported: Path) -> None:
    listed = json.loads((exported / "encord" / "label_rows" / "00000.json").read_text(encoding="utf-8"))
    by_title = {row["data_title"]: row for row in listed}
    for title in (EVERY_SHAPE, VIDEO, SOUND):
        live = site.row(title)
        again = LabelRowV2(metadata_of(live), None, live._ontology)
        again.from_labels_dict(by_title[title])
        assert facts(again) == facts(live)
    assert all(row["label_status"] == "LABELLED" for row in listed)
    assert "signature=" not in json.dumps(listed)


def metadata_of(row: LabelRowV2) -> LabelRowMetadata:
    return row._project_client.list_label_rows(data_hashes=[row.data_hash])[0]


def facts(row: LabelRowV2) -> list[object]:
    return sorted(
        (item.object_hash, item.object_name, a.frame, str(a.coordinates.to_dict()), a.created_by, a.confidence)
        for item in row.get_object_instances()
        for a in item.get_annotations()
    ) + sorted(
        (item.classification_hash, item.classification_name, str(item.get_answer()))
        for item in row.get_classification_instances()
    )


def test_the_scoring_of_exports_reads_them(site: Gallery, exported: Path) -> None:
    rows, ontology = exported / "encord" / "label_rows", exported / "encord" / "ontology.json"
    done = site.run("score", rows, rows, "--ontology", ontology, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tasks"]


def test_the_tables_hold_every_image_and_every_label(site: Gallery, exported: Path) -> None:
    images = parquet.read_table(exported / "parquet" / "images.parquet").to_pylist()
    labels = parquet.read_table(exported / "parquet" / "labels.parquet").to_pylist()
    objects = [label for label in labels if label["kind"] == "object"]
    assert Counter(label["class"] for label in objects) == drawn_by_class(site)
    assert sum(image["objects"] for image in images) == len([label for label in objects if label["frame"] is not None])
    assert {label["created_by"] for label in labels} == {"ann@example.com", "bob@example.com"}
    (box,) = [label for label in objects if label["class"] == "box" and label["data_title"] == EVERY_SHAPE]
    assert (box["left"], box["box_width"]) == pytest.approx((6.4, 16.0))
    assert json.loads(box["geometry"]) == {"boundingBox": {"x": 0.1, "y": 0.2, "w": 0.25, "h": 0.3}}
    assert json.loads(box["answers"]) == {"note": "tall"}
