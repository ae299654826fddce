"""Registration files of any origin, checked."""

import io
import json
from typing import Any

import pytest

from benchmark_qa.commands.register.check import check, registered_entries
from benchmark_qa.commands.register.files import Limits, values


def check_text(text: str, **options: Any) -> list[str]:
    found = check(io.StringIO(text), **options)
    assert found.total_faults == len(found.faults)
    return [str(fault) for fault in found.faults]


VALID: dict[str, Any] = {
    "skip_duplicate_urls": True,
    "videos": [{"objectUrl": "s3://b/a.mp4", "clientMetadata": {"a": [1, {"b": None}]}}],
    "imageGroups": [{"title": "as the SDK has it", "images": [{"url": "s3://b/1.png"}, {"url": "s3://b/2.png"}]}],
    "image_groups": [{"title": "as documented", "createVideo": True, "objectUrl_0": "s3://b/3.png"}],
    "dicom_series": [{"title": "ct", "objectUrl_1": "s3://b/2.dcm", "objectUrl_0": "s3://b/1.dcm"}],
    "audio": [{"objectUrl": "s3://b/a.wav"}],
    "pdf": [{"objectUrl": "s3://b/a.pdf"}],
    "time_series": [{"objectUrl": "s3://b/a.csv"}],
    "scenes": [{"title": "scene", "scene": {"url": "s3://b/a.pcd", "format": "pcd"}}],
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_valid_file_in_either_form_is_valid_however_it_is_laid_out(indent: int | None) -> None:
    found = check(io.StringIO(json.dumps(VALID, indent=indent)))
    assert (found.faults, found.urls) == ((), 9)
    assert dict(found.items) == {
        "videos": 1,
        "image_groups": 2,
        "dicom_series": 1,
        "audio": 1,
        "pdfs": 1,
        "time_series": 1,
        "scenes": 1,
    }


def test_files_of_a_series_are_in_the_order_of_their_numbers() -> None:
    (entry,) = registered_entries(io.StringIO(json.dumps({"dicom_series": VALID["dicom_series"]})))
    assert [file.url for file in entry.model.dicom_files] == ["s3://b/1.dcm", "s3://b/2.dcm"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["line 1: ends before '{'"]),
        ("[]", ["line 1: expected '{', found '['"]),
        ('{"images": [\n{"objectUrl": "s3://b/a.png"},\n{"objectUrl": }]}', ["line 3: is not JSON: Expecting value"]),
        ('{"images": [{"objectUrl": "s3://b/a.png"}]', ["line 1: ends before '}'"]),
        ('{"images": [{"objectUrl": "s3://b/a.png"}]} x', ["line 1: something follows the end of the object"]),
        ('{"images": {}}', ["line 1: images: must be a list"]),
        (
            '{"skip_duplicate_urls": "yes", "images": [{"objectUrl": "s3://b/a.png"}]}',
            ["line 1: skip_duplicate_urls: must be true or false"],
        ),
        (
            '{"version": 3, "images": [{"objectUrl": "s3://b/a.png"}]}',
            ["line 1: 'version' is not a key of a registration file"],
        ),
        ('{"images": [\n5]}', ["line 2: must be an object"]),
        ('{"images": [\n{"tittle": "a"}]}', ["line 2: 'tittle' is no field of an entry of images"]),
        ('{"images": [\n{"title": "a"}]}', ["line 2: objectUrl: missing: set it"]),
        ('{"images": [\n{"objectUrl": 5}]}', ["line 2: objectUrl: must be a text in quotes"]),
        ('{"images": [{"objectUrl": ""}]}', ["line 1: the URL is empty"]),
        (
            '{"images": [{"objectUrl": "s3://b/a b"}]}',
            ["line 1: the URL has white space in it, which must be percent-encoded"],
        ),
        ('{"image_groups": [{"title": "empty"}]}', ["line 1: images: missing: set it"]),
        ('{"image_groups": [{"objectUrl_0": "s3://b/a.png"}]}', ["line 1: a group or series needs a title"]),
        (
            '{"images": [{"objectUrl": "s3://b/a.png", "imageMetadata": {"width": 5}}]}',
            ["line 1: imageMetadata.mimeType: missing: set it"],
        ),
        ('{"images": []}', ["line 1: there is nothing to register in it"]),
        (
            '{"images": [\n{"objectUrl": "s3://b/a"},\n{"objectUrl": "s3://b/a"}]}',
            ["line 3: the same URL as on line 2: it would be skipped, or registered twice"],
        ),
    ],
)
def test_each_fault_is_explained_with_its_line(text: str, expected: list[str]) -> None:
    assert check_text(text) == expected


def test_a_kind_that_cannot_be_registered_is_named() -> None:
    (fault,) = check_text('{"pictures": [{"objectUrl": "s3://b/a.png"}]}')
    assert fault.startswith("line 1: 'pictures' is not a kind of data that can be registered: videos, images")


def test_a_file_beyond_the_limits_is_refused() -> None:
    text = json.dumps({"image_groups": [{"title": "g", **{f"objectUrl_{n}": f"s3://b/{n}" for n in range(5)}}] * 1})
    assert check_text(text, limits=Limits(items=1, urls=4)) == ["line 1: 5 URLs, at most 4 are allowed in a file"]


@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_values_are_the_same_however_small_the_pieces_that_are_read(chunk: int) -> None:
    class Slow(io.StringIO):
        """Gives a few characters at a time, as a pipe may."""

        def read(self, size: int | None = -1) -> str:
            return super().read(min(chunk, size) if size is not None and size > 0 else chunk)

    document = {"skip_duplicate_urls": True, "n": 12345, "images": [{"a": "ü\n\\u00e4", "b": [1.5e3]}, {}], "text": []}
    found = [(value.key, value.value) for value in values(Slow(json.dumps(document, indent=1)))]
    assert found == [
        ("skip_duplicate_urls", True),
        ("n", 12345),
        ("images", document["images"][0]),  # type: ignore[index]
        ("images", {}),
    ]
