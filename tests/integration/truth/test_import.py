"""Ground truth from COCO, from an export and from another project, onto a benchmark project over real sockets."""

import json
from pathlib import Path
from typing import Any

import pytest
from encord.objects import LabelRowV2, Object
from encord.objects.coordinates import BoundingBoxCoordinates

from tests.integration.service.sandbox import BENCHMARK, SERVICE, uuid
from tests.integration.truth.coco_files import coco_of, written
from tests.integration.truth.conftest import Open

pytestmark = pytest.mark.encord


def boxes_of(row: LabelRowV2) -> list[list[float]]:
    """Boxes in pixels."""
    found = []
    for instance in row.get_object_instances():
        at = instance.get_annotation(0).coordinates
        assert isinstance(at, BoundingBoxCoordinates)
        found.append([at.top_left_x * 1280, at.top_left_y * 720, at.width * 1280, at.height * 720])
    return sorted(found)


def said(result: Any) -> Any:
    return json.loads(result.stdout)


def test_a_coco_file_becomes_finished_truth_of_every_image(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"]))
    with opened() as bench:
        bench.sandbox.forget_requests()
        done = bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--json")
        assert done.exit_code == 0, done.output
        outcome = said(done)
        assert (len(outcome["written"]), outcome["completed"], outcome["faults"]) == (469, 469, [])
        assert bench.stages() == {"Annotate": 0, "Review": 0, "Complete": 469}
        # Five bundles of at most a hundred rows: made, saved, moved on.
        assert bench.writes() == 15
        rows = bench.rows()
        assert len(rows) == 469
        for image in pedestrians["images"]:
            expected = sorted([[float(number) for number in box] for box in image["ground_truth"]])
            assert boxes_of(rows[f"{image['id']}.jpg"]) == [pytest.approx(box, abs=1e-6) for box in expected]


def test_a_second_run_changes_nothing(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:60]))
    with opened(60) as bench:
        assert bench.run("truth", "import", source, "--complete", "--unannotated", "empty").exit_code == 0
        bench.sandbox.forget_requests()
        again = said(bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--json"))
        assert (again["written"], len(again["unchanged"]), again["completed"]) == ([], 60, 0)
        assert bench.writes() == 0


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:5]))
    with opened(5) as bench:
        done = bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--dry-run")
        assert done.exit_code == 0
        assert "5 data units would be written" in done.stdout
        assert "5 tasks would be moved to Complete" in done.stdout
        assert bench.writes() == 0
        assert bench.stages()["Annotate"] == 5


def test_sizes_that_a_file_does_not_tell_are_those_of_the_data_units(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    document = coco_of(pedestrians["images"][:6])
    for image in document["images"]:
        del image["width"], image["height"]
    with opened(6) as bench:
        done = bench.run("truth", "import", written(tmp_path / "truth.json", document), "--complete")
        assert done.exit_code == 0, done.output
        boxes = [len(row.get_object_instances()) for row in bench.rows().values() if row.label_hash]
        assert sum(boxes) == len(document["annotations"])


def test_images_of_which_a_file_says_nothing_are_left_alone_and_counted(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    document = coco_of(pedestrians["images"][:3])
    first = document["images"][0]["id"]
    document["annotations"] = [each for each in document["annotations"] if each["image_id"] == first][:1]
    with opened(3) as bench:
        done = bench.run("truth", "import", written(tmp_path / "truth.json", document), "--complete")
        assert done.exit_code == 0, done.output
        assert "2 images without annotations left as they are" in done.output
        assert bench.stages()["Complete"] == 1
        done = bench.run("truth", "import", tmp_path / "truth.json", "--complete", "--unannotated", "empty")
        assert bench.stages()["Complete"] == 3


def test_a_table_and_a_folder_of_yolo_become_truth(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    document = coco_of(pedestrians["images"][:1])
    (image,) = document["images"]
    box = document["annotations"][0]["bbox"]
    name = image.get("image_title") or image["file_name"]
    table = tmp_path / "truth.csv"
    table.write_text("image,class,x,y,w,h\n" + f"{name},pedestrian," + ",".join(map(str, box)) + "\n")
    (tmp_path / "yolo" / "labels").mkdir(parents=True)
    (tmp_path / "yolo" / "data.yaml").write_text("names: [pedestrian]\n")
    x, y, w, h = (number / image[side] for number, side in zip(box, ("width", "height") * 2, strict=True))
    labels = tmp_path / "yolo" / "labels" / f"{Path(name).stem}.txt"
    labels.write_text(f"0 {x + w / 2:.9f} {y + h / 2:.9f} {w:.9f} {h:.9f}\n")
    with opened(1) as bench:
        assert bench.run("truth", "import", table, "--complete").exit_code == 0
        ((drawn,),) = (row.get_object_instances() for row in bench.rows().values())
        first = drawn.get_annotation(0).coordinates
        assert first.top_left_x * image["width"] == pytest.approx(box[0])
        done = bench.run("truth", "import", tmp_path / "yolo", "--replace")
        assert done.exit_code == 0, done.output
        ((drawn,),) = (row.get_object_instances() for row in bench.rows().values())
        second = drawn.get_annotation(0).coordinates
        assert second.width == pytest.approx(first.width, abs=1e-6)


def test_images_and_classes_without_counterpart_are_named_and_nothing_is_written(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    document = coco_of(pedestrians["images"][:6])
    document["categories"].append({"id": 8, "name": "cyclist"})
    document["annotations"][0]["category_id"] = 8
    source = written(tmp_path / "truth.json", document)
    with opened(5) as bench:
        refused = bench.run("truth", "import", source)
        assert refused.exit_code == 2
        assert "the ontology has no class 'cyclist'" in refused.stderr
        assert "pedestrians/101270.jpg: is not among the images" in refused.stderr
        assert bench.writes() == 0
        done = bench.run("truth", "import", source, "--skip-unmatched")
        assert done.exit_code == 0
        assert sum(row.label_hash is not None for row in bench.rows().values()) == 5
        assert bench.stages()["Annotate"] == 5  # without --complete it is no finished truth


def test_a_stated_mapping_gives_other_peoples_classes_their_names_here(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:3], category="person"))
    names = written(tmp_path / "names.json", {"person": "pedestrian"})
    with opened(3) as bench:
        assert bench.run("truth", "import", source).exit_code == 2
        misspelt = bench.run("truth", "import", source, "--map", "person=Pedestrian")
        assert misspelt.exit_code == 2
        assert "no class 'Pedestrian'; it has 'pedestrian'" in misspelt.stderr
        assert bench.run("truth", "import", source, "--map", "person=pedestrian", "--dry-run").exit_code == 0
        assert bench.run("truth", "import", source, "--map-file", names).exit_code == 0
        assert all(row.label_hash for row in bench.rows().values())


def test_truth_that_says_something_else_is_left_alone_unless_asked(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    images = [image for image in pedestrians["images"] if image["ground_truth"]][:4]
    with opened(len(pedestrians["images"]), labelled=True) as bench:
        document = coco_of(images)
        document["annotations"][0]["bbox"] = [10, 20, 30, 40]
        source = written(tmp_path / "truth.json", document)
        kept = bench.run("truth", "import", source)
        assert kept.exit_code == 4
        assert "other truth is there" in kept.stderr
        assert bench.writes() == 0
        assert bench.run("truth", "import", source, "--replace").exit_code == 0
        row = bench.rows()[f"{images[0]['id']}.jpg"]
        assert pytest.approx([10, 20, 30, 40]) in boxes_of(row)


def test_an_interrupted_import_goes_on_where_it_stopped(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:250]))
    with opened(250) as bench:
        bench.sandbox.break_platform("status", status=503, operation="legacy labelrow.POST", skip=1, times=50)
        stopped = bench.run("truth", "import", source, "--complete", "--unannotated", "empty")
        bench.sandbox.mend_platform()
        assert stopped.exit_code == 3
        assert bench.stages()["Complete"] == 100
        bench.sandbox.forget_requests()
        again = said(bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--json"))
        # Of the bundle that was cut off, the rows were made: those whose truth is empty have it already.
        assert len(again["written"]) + len(again["unchanged"]) == 250
        assert 100 <= len(again["unchanged"]) < 200
        assert bench.stages()["Complete"] == 250


def test_an_export_of_label_rows_is_imported_like_a_coco_file(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    with opened(40, labelled=True) as there:
        rows = there.rows()
        export = [row.to_encord_dict() for row in rows.values()]
        expected = {title: boxes_of(row) for title, row in rows.items()}
    source = written(tmp_path / "export.json", export)
    with opened(40) as bench:
        done = bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--json")
        assert done.exit_code == 0, done.output
        assert len(said(done)["written"]) == 40
        assert {title: boxes_of(row) for title, row in bench.rows().items()} == expected
        assert (
            said(bench.run("truth", "import", source, "--complete", "--unannotated", "empty", "--json"))["written"]
            == []
        )


def test_another_projects_finished_labels_are_imported_under_a_mapping(
    opened: Open, pedestrians: dict[str, Any]
) -> None:
    other, dataset = uuid("other project"), uuid("other dataset")

    def with_another_project(world: dict[str, Any]) -> dict[str, Any]:
        """The same images in a project whose ontology calls them persons; two are not finished."""
        (pedestrian,) = world["ontologies"]
        persons = json.loads(json.dumps(pedestrian).replace("pedestrian", "person").replace("PedestrX", "PersonXX"))
        persons |= {"hash": uuid("other ontology"), "title": "Persons"}
        images = next(each for each in world["datasets"] if each["title"] == "Benchmark images")
        copies = [{**data, "hash": uuid(f"copy/{data['hash']}")} for data in images["data"]]
        truth = []
        for image in pedestrians["images"][:12]:
            own = uuid(f"copy/{uuid('benchmark/' + str(image['id']))}")
            objects = [
                {
                    "objectHash": f"object{index:02d}", "featureHash": "PersonXX", "name": "person",
                    "shape": "bounding_box",
                    "boundingBox": {"x": x / 1280, "y": y / 720, "w": w / 1280, "h": h / 720},
                }
                for index, (x, y, w, h) in enumerate(image["ground_truth"])
            ]  # fmt: skip
            truth.append(
                {
                    "project": other, "data_hash": own, "created_by": SERVICE,
                    "labels": {
                        "data_units": {
                            own: {"data_hash": own, "labels": {"objects": objects, "classifications": []}}
                        },
                        "object_answers": {
                            each["objectHash"]: {"objectHash": each["objectHash"], "classifications": []}
                            for each in objects
                        },
                        "classification_answers": {},
                        "object_actions": {},
                    },
                }
            )  # fmt: skip
        return {
            **world,
            "ontologies": [pedestrian, persons],
            "datasets": [
                *world["datasets"],
                {"hash": dataset, "title": "Copies", "users": {SERVICE: "admin"}, "data": copies},
            ],
            "projects": [
                *world["projects"],
                {
                    "hash": other, "title": "Other", "ontology": "Persons", "datasets": ["Copies"],
                    "users": {SERVICE: "admin"},
                    "tasks": [{"data_hash": data["hash"], "stage": "Complete"} for data in copies[:10]],
                },
            ],
            "labels": truth,
        }  # fmt: skip

    with opened(12, change=with_another_project) as bench:
        assert bench.run("truth", "import", other).exit_code == 2
        done = bench.run("truth", "import", other, "--map", "person=pedestrian", "--complete", "--json")
        assert done.exit_code == 0, done.output
        outcome = said(done)
        assert (len(outcome["written"]), outcome["unfinished_in_source"]) == (10, 2)
        assert bench.stages() == {"Annotate": 2, "Review": 0, "Complete": 10}
        rows = bench.rows()
        for image in pedestrians["images"][:10]:
            assert len(boxes_of(rows[f"{image['id']}.jpg"])) == len(image["ground_truth"])


def test_labels_drawn_by_hand_are_never_written_over(opened: Open, pedestrians: dict[str, Any], tmp_path: Path) -> None:
    image = next(image for image in pedestrians["images"][:20] if image["ground_truth"])
    source = written(tmp_path / "truth.json", coco_of([image]))
    with opened(20) as bench:
        row = bench.sandbox.client().get_project(BENCHMARK).list_label_rows_v2(data_title_eq=f"{image['id']}.jpg")[0]
        row.initialise_labels()
        pedestrian = row.ontology_structure.get_child_by_title("pedestrian", type_=Object)
        drawn = pedestrian.create_instance()
        drawn.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=0.5, top_left_y=0.5), frames=0)
        row.add_object_instance(drawn)
        row.save()
        assert bench.run("truth", "import", source).exit_code == 4
        assert len(boxes_of(bench.rows()[f"{image['id']}.jpg"])) == 1


def test_the_production_project_is_no_place_for_truth(
    opened: Open, pedestrians: dict[str, Any], tmp_path: Path
) -> None:
    from tests.integration.service.sandbox import PRODUCTION

    source = written(tmp_path / "truth.json", coco_of(pedestrians["images"][:1]))
    with opened(1) as bench:
        refused = bench.run("truth", "import", source, "--project", PRODUCTION)
        assert refused.exit_code == 2
        assert "is the production project" in refused.stderr
