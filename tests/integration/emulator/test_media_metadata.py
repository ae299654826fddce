"""`LabelRowV2.metadata`: the children of a data group, the series and the slices of DICOM."""

from typing import Any

from encord.objects import LabelRowV2
from encord.objects.metadata import DataGroupMetadata, DICOMSeriesMetadata, DICOMSliceMetadata

from emulator.spec import new_uuid

from .conftest import KEYS, OPERATOR, PROJECT, Site, Start
from .everything import COORDINATES, EDITOR

FIELDS = {"dicom_study_uid": "1.2", "dicom_series_uid": "1.3"}


def begin(start: Start, *data: dict[str, Any], folders: list[dict[str, Any]] | None = None) -> Site:
    return start(
        {
            "folders": folders or [],
            "users": [{"email": OPERATOR, "public_keys": [KEYS[OPERATOR].public]}],
            "ontologies": [{"title": "Everything", "editor": EDITOR}],
            "datasets": [{"title": "Data", "data": list(data)}],
            "projects": [
                {
                    "hash": PROJECT,
                    "title": "P",
                    "ontology": "Everything",
                    "datasets": ["Data"],
                    "users": {OPERATOR: "admin"},
                }
            ],
        }
    )


def opened(site: Site, title: str) -> LabelRowV2:
    (row,) = site.project().list_label_rows_v2(data_title_eq=title)
    row.initialise_labels()
    return row


def slices(row: LabelRowV2) -> list[tuple[Any, ...]]:
    found = []
    for frame in range(row.number_of_frames):
        one = row.get_frame_view(frame).metadata
        assert isinstance(one, DICOMSliceMetadata)
        assert one.file_uri.startswith("http")
        found.append((one.dicom_instance_uid, one.multiframe_frame_number, one.width, one.height))
    return found


def test_a_data_group_names_its_children_in_the_order_of_its_layout(start: Start) -> None:
    members = [
        {"hash": new_uuid(), "uuid": new_uuid(), "title": f"{side}.png", "width": 9, "height": 9}
        for side in ("left", "right")
    ]
    item = {"name": "alone.png", "uuid": new_uuid(), "width": 9, "height": 9}
    contents = {"first": members[1]["uuid"], "second": members[0]["uuid"], "third": item["uuid"]}
    pair = {
        "title": "pair",
        "type": "group",
        "members": [members[1]["uuid"], members[0]["uuid"], item["uuid"]],
        "layout": {"layoutContents": contents},
    }
    site = begin(start, *members, pair, folders=[{"name": "More", "items": [item]}])
    left = opened(site, "left.png")
    metadata = opened(site, "pair").metadata
    assert isinstance(metadata, DataGroupMetadata)
    assert [(c.layout_key, c.name, c.data_hash, c.label_hash) for c in metadata.children_] == [
        ("first", "right.png", members[1]["hash"], None),
        ("second", "left.png", members[0]["hash"], left.label_hash),
        ("third", "alone.png", item["uuid"], None),
    ]


def test_a_series_and_its_slices_are_described_and_stay_so_when_labels_are_saved(start: Start) -> None:
    files = [
        {"name": f"{n}.dcm", "type": "dicom_file", "width": 64, "height": 48, "dicom_instance_uid": f"1.4.{n}"}
        for n in range(3)
    ]
    site = begin(start, {"title": "ct", "type": "dicom", "dicom_patient_id": "P1", **FIELDS, "children": files})
    row = opened(site, "ct")
    assert row.metadata == DICOMSeriesMetadata(patient_id="P1", study_uid="1.2", series_uid="1.3")
    expected = [(f"1.4.{n}", None, 64, 48) for n in range(3)]
    assert slices(row) == expected
    box = next(o for o in row.ontology_structure.objects if o.shape.value == "bounding_box").create_instance()
    box.set_for_frames(COORDINATES["bounding_box"][0], frames=1)
    row.add_object_instance(box)
    row.save()
    again = opened(site, "ct")
    assert slices(again) == expected
    assert [len(again.get_frame_view(n).get_object_instances()) for n in range(3)] == [0, 1, 0]


def test_a_file_of_several_frames_has_a_slice_for_each(start: Start) -> None:
    files = [
        {"name": "m.dcm", "type": "dicom_file", "frames": 2, "width": 8, "height": 6, "dicom_instance_uid": "1.4.1"},
        {"name": "s.dcm", "type": "dicom_file", "width": 8, "height": 6, "dicom_instance_uid": "1.4.2"},
    ]
    row = opened(begin(start, {"title": "us", "type": "dicom", **FIELDS, "children": files}), "us")
    assert slices(row) == [("1.4.1", 0, 8, 6), ("1.4.1", 1, 8, 6), ("1.4.2", None, 8, 6)]


def test_one_dicom_file_is_its_own_series(start: Start) -> None:
    file = {"title": "x.dcm", "type": "dicom_file", "width": 8, "height": 6, "dicom_instance_uid": "1.4.1", **FIELDS}
    row = opened(begin(start, file), "x.dcm")
    assert row.metadata == DICOMSeriesMetadata(patient_id=None, study_uid="1.2", series_uid="1.3")
    assert slices(row) == [("1.4.1", None, 8, 6)]


def test_other_media_have_no_metadata(start: Start) -> None:
    site = begin(start, {"title": "a.png", "width": 9, "height": 9}, {"title": "n", "type": "nifti", "frames": 2})
    assert opened(site, "a.png").metadata is None
    assert opened(site, "n").metadata is None


def test_a_world_keeps_the_patient_when_it_is_dumped(start: Start) -> None:
    site = begin(start, {"title": "x", "type": "dicom_file", "dicom_patient_id": "P1", **FIELDS})
    dumped = site.control("GET", "world")
    patients = [item["dicom_patient_id"] for folder in dumped["folders"] for item in folder["items"]]
    assert patients == ["P1"]
