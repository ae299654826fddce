"""A user's own labels file: read, or refused with the place and the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.labels_file import LabelsFileError, read_labels_file

BOXES: dict[str, Any] = {
    "class": "car",
    "images": [
        {
            "id": "a",
            "width": 100,
            "height": 50,
            "ground_truth": [[10, 10, 20, 20]],
            "annotations": {"ann@example.com": [[11, 10, 20, 20]], "ben@example.com": []},
        }
    ],
}
QUESTION: dict[str, Any] = {
    "question": "Is it a bird?",
    "images": ["a", "b"],
    "ground_truth": {"a": True, "b": False},
    "annotations": {"ann@example.com": {"a": True, "b": True}, "ben@example.com": {"a": False}},
}


def write(directory: Path, content: Any) -> Path:
    path = directory / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def image(**changes: Any) -> dict[str, Any]:
    return BOXES | {"images": [BOXES["images"][0] | changes]}


def test_boxes_are_read_with_an_empty_answer_kept_as_an_answer(tmp_path: Path) -> None:
    labels = read_labels_file(write(tmp_path, BOXES))
    (only,) = labels
    assert (labels.kind, labels.label, labels.annotators_per_image) == ("boxes", "car", 2)
    assert only.truth == ((10, 10, 20, 20),)
    assert only.answers == {"ann@example.com": ((11, 10, 20, 20),), "ben@example.com": ()}


def test_answers_to_a_question_are_read_and_absent_ones_are_not_answers(tmp_path: Path) -> None:
    labels = read_labels_file(write(tmp_path, QUESTION))
    assert [one.answers for one in labels] == [
        {"ann@example.com": True, "ben@example.com": False},
        {"ann@example.com": True},
    ]
    assert [one.truth for one in labels] == [True, False]


def test_images_that_more_or_fewer_people_answered_are_left_out_of_a_consensus(tmp_path: Path) -> None:
    three = [BOXES["images"][0] | {"id": name} for name in "abc"]
    three[1] = three[1] | {"annotations": {"ann@example.com": []}}
    labels = read_labels_file(write(tmp_path, BOXES | {"images": three}))
    assert [one.id for one in labels.evenly_annotated()] == ["a", "c"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1, column 2: not JSON"),
        ([], "the file holds a JSON list, not an object"),
        ({}, "exactly one of 'class' (boxes) and 'question' (yes or no) must be there"),
        (BOXES | QUESTION, "exactly one of 'class' (boxes) and 'question' (yes or no) must be there"),
        ({"class": "car"}, "the key 'images' is missing"),
        ({"class": "", "images": []}, "class: must not be empty"),
        ({"class": "car", "images": []}, "images: no image in the file"),
        ({"class": "car", "images": [7]}, "images[0]: a JSON whole number, not an object"),
        (BOXES | {"images": BOXES["images"] * 2}, "images[1]: the id 'a' is there twice"),
        (image(annotations={}), "annotations: no annotator answered any image"),
        (image(width=0), "images[0].width: must be a whole number of pixels above 0, not 0"),
        (image(height=1.5), "images[0].height: a JSON number where a whole number is needed"),
        (image(ground_truth=None), "images[0].ground_truth: a list of boxes is needed, here is a JSON null"),
        (image(ground_truth=[[1, 2, 3]]), "images[0].ground_truth[0]: a box is four numbers"),
        (image(ground_truth=[[1, 2, 3, "4"]]), "images[0].ground_truth[0]: a box is four numbers"),
        (image(ground_truth=[[1, 2, 0, 4]]), "images[0].ground_truth[0]: an empty box (width 0, height 4)"),
        (
            image(annotations={"ann@example.com": [[90, 10, 20, 20]]}),
            "images[0].annotations['ann@example.com'][0]: the box sticks 10 pixels out of the 100 x 50 image",
        ),
        (image(annotations={"ann": []}), "images[0].annotations: 'ann' is not an e-mail address"),
        (QUESTION | {"images": ["a", "a"]}, "images[1]: the id 'a' is there twice"),
        (QUESTION | {"images": ["a", 2]}, "images[1]: an image's id must be a text that is not empty"),
        (QUESTION | {"ground_truth": {"a": True}}, "ground_truth: no answer for image 'b'"),
        (QUESTION | {"ground_truth": {"a": 1, "b": True}}, "ground_truth['a']: an answer is true or false, not 1"),
        (
            QUESTION | {"annotations": {"ann@example.com": {"z": True}}},
            "annotations['ann@example.com']: image 'z' is not among 'images'",
        ),
    ],
)
def test_a_faulty_file_is_refused_with_the_place_and_the_reason(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(LabelsFileError) as error:
        read_labels_file(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsFileError, match=r"cannot be read \(No such file or directory\)"):
        read_labels_file(tmp_path / "none.json")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(LabelsFileError, match="not UTF-8 text"):
        read_labels_file(tmp_path / "image.png")
