"""Which image a name means, and ten thousand pairs of names of which none may be matched wrongly."""

import unicodedata

import pytest

from benchmark_qa.images.data_units import ImageMap, ImageMapError
from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage, Match, Refusal


def found(known: list[str], *asked: str) -> list[int | str]:
    """The place of the image that each name means, or the refusal in words."""
    matching = ImageIndex([KnownImage((name,)) for name in known]).all_of([Asked((name,)) for name in asked])
    return [
        match.at if match is not None else str(matching.refused[place]) for place, match in enumerate(matching.found)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café.jpg", unicodedata.normalize("NFD", "café.jpg")),
        ("val\\im2.jpg", "val/im2.jpg"),
        ("C:\\data\\val\\im1.jpg", "val/im1.jpg"),
        ("/data/train/0001.jpg", "train/0001.jpg"),
        ("./train//0001.jpg", "train/0001.jpg"),
        ("../images/x/../a.jpg", "images/a.jpg"),
        ("a b.jpg", "https://bucket.s3.amazonaws.com/x/a%20b.jpg"),
        ("c.jpg", "https://bucket.s3.amazonaws.com/x/c.jpg?X-Amz-Signature=1&X-Amz-Date=2"),
        ("s3://bucket/x/d.jpg", "https://bucket.s3.eu-central-1.amazonaws.com/x/d.jpg"),
        ("s3://bucket/x/d.jpg", "https://s3.eu-central-1.amazonaws.com/bucket/x/d.jpg?versionId=1"),
        ("gs://bucket/x/d.jpg", "https://storage.googleapis.com/bucket/x/d.jpg?X-Goog-Signature=1"),
        ("https://host/a.jpg?sig=1&se=2", "https://HOST:443/a.jpg"),
        ("file:///data/a%20b.jpg", "data/a b.jpg"),
        ("s3://bucket/x/d.jpg", "/mnt/mirror/x/d.jpg"),
    ],
)
def test_two_spellings_of_one_name_are_one_image(one: str, other: str) -> None:
    assert found([one], other) == [0]
    assert found([other], one) == [0]


@pytest.mark.parametrize(
    ("known", "asked", "reason"),
    [
        (["train/0001.jpg"], "val/0001.jpg", "the folder differs"),
        (["a%20b.jpg"], "a b.jpg", "is not among the images"),
        (["a.jpg"], "A.jpg", "but for upper and lower case"),
        (["train/a.jpg"], "/x/Train/a.jpg", "but for upper and lower case"),
        (["cam1/a.jpg", "cam2/a.jpg"], "a.jpg", "fits 'cam1/a.jpg' and 'cam2/a.jpg'"),
        (["https://host/i?id=1"], "https://host/i?id=2", "the folder differs"),
        (["s3://one/a.jpg"], "s3://two/a.jpg", "the folder differs"),
        (["https://host/a.jpg"], "https://host/x/a.jpg", "the folder differs"),
    ],
)
def test_what_contradicts_is_refused_with_both_names(known: list[str], asked: str, reason: str) -> None:
    (outcome,) = found(known, asked)
    assert reason in str(outcome)
    assert repr(asked) in str(outcome)
    assert reason == "is not among the images" or repr(known[0]) in str(outcome)


def test_the_longest_end_that_one_image_has_decides() -> None:
    known = ["0001.jpg", "cam1/0001.jpg", "cam2/0001.jpg"]
    assert found(known, "/data/cam2/0001.jpg") == [2]
    assert found(known, "0001.jpg") == [0]


def test_two_names_for_one_image_are_refused_unless_one_is_its_whole_name() -> None:
    one, other = found(["0001.jpg"], "cam1/0001.jpg", "cam2/0001.jpg")
    assert "'cam1/0001.jpg' and 'cam2/0001.jpg' both fit '0001.jpg'" in str(one)
    assert "'cam2/0001.jpg' and 'cam1/0001.jpg' both fit '0001.jpg'" in str(other)
    whole, part = found(["0001.jpg"], "0001.jpg", "cam2/0001.jpg")
    assert whole == 0
    assert "two names, one image" in str(part)


def test_one_image_by_two_names_that_mean_two_is_refused() -> None:
    index = ImageIndex([KnownImage(("a.jpg",)), KnownImage(("b.jpg",))])
    outcome = index.find(Asked(("a.jpg", "x/b.jpg")))
    assert isinstance(outcome, Refusal)
    assert "is 'a.jpg' by one of its names and 'b.jpg' by another" in outcome.reason


def test_the_rules_come_in_order_and_each_is_named() -> None:
    known = [
        KnownImage(("x/1.jpg",), ("hash-1",), ("7",)),
        KnownImage(("x/2.jpg",), ("hash-2",), ("8",)),
        KnownImage(("0042.jpg",)),
    ]
    index = ImageIndex(known)
    asked = [
        Asked(("x/2.jpg",), ("hash-1",)),
        Asked(("x/2.jpg",), ids=("7",)),
        Asked(("x/2.jpg",)),
        Asked(("2.jpg",)),
        Asked(ids=("42",)),
    ]
    matching = index.all_of(asked)
    assert [(one.at, one.rule) for one in matching.found if one] == [
        (0, "data hash"),
        (0, "image id"),
        (1, "path"),
        (2, "stem"),
    ]
    assert "2 of" not in matching.in_words()
    assert "two names, one image" in matching.in_words()  # 'x/2.jpg' and '2.jpg'
    assert "4 of 5 images found (1 by data hash, 1 by image id, 1 by full name" in matching.in_words()


def test_a_data_unit_and_its_only_image_of_one_name_are_the_image() -> None:
    index = ImageIndex([KnownImage(("a.jpg",), ("hash",)), KnownImage(("a.jpg",), within=0)])
    outcome = index.find(Asked(("a.jpg",)))
    assert isinstance(outcome, Match)
    assert outcome.at == 1


def test_another_size_is_another_image() -> None:
    index = ImageIndex([KnownImage(("a.jpg",), size=(10, 20))])
    outcome = index.find(Asked(("a.jpg",), size=(20, 10)))
    assert isinstance(outcome, Refusal)
    assert str(outcome) == "'a.jpg' is 20 x 10 pixels, 'a.jpg' is 10 x 20"


def test_a_list_is_believed_before_every_other_rule() -> None:
    index = ImageIndex([KnownImage(("a b.jpg",), ("hash-1",)), KnownImage(("a_b.jpg",), ("hash-2",))])
    rows = [{"file": "images/train/a_b.jpg", "data_hash": "hash-1", "id": 3}]
    asked = [Asked(("a_b.jpg",)), Asked(ids=("3",)), Asked(("yolo/images/train/a_b.jpg",))]
    matching = index.all_of(asked, ImageMap.of_rows(rows))
    assert [(one.at, one.rule) for one in matching.found if one] == [(0, "map")] * 3
    both = ImageMap.of_rows([*rows, {"file": "a_b.jpg", "data_hash": "hash-1"}])  # in two formats
    assert index.all_of(asked, both).by_rule == {"map": 3}
    gone = index.all_of(asked[:1], ImageMap.of_names({"a_b.jpg": "elsewhere"}))
    assert "is 'elsewhere' by the map, which is not among the images" in str(gone.refused[0])
    with pytest.raises(ImageMapError, match="means no image"):
        ImageMap.of_names({"a.jpg": 3})
    with pytest.raises(ImageMapError, match="entry 1 has no file or no data_hash"):
        ImageMap.of_rows([{"file": "a.jpg"}])


HASH = "66ad2d36-e402-593b-83a2-10847914587b"


@pytest.mark.parametrize("name", [f"{HASH}.jpg", f"train/a_b_{HASH}.png", f"film_{HASH}_f000012.jpg", HASH.upper()])
def test_a_file_called_after_a_data_hash_is_that_data_unit(name: str) -> None:
    outcome = ImageIndex([KnownImage(("other.jpg",), (HASH,))]).find(Asked((name,)))
    assert isinstance(outcome, Match)
    assert outcome.rule == "data hash"


@pytest.mark.parametrize("name", ["train/a_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "upload/1/0a1b2c3d-a.jpg"])
def test_a_file_that_a_tool_has_renamed_is_found_by_its_old_name(name: str) -> None:
    index = ImageIndex([KnownImage(("street/a.jpg",)), KnownImage(("b.jpg",))])
    outcome = index.find(Asked((name,)))
    assert isinstance(outcome, Match)
    assert (outcome.at, outcome.rule) == (0, "original")
    both = index.all_of([Asked((name,)), Asked(("street/a.jpg",))])
    assert "two names, one image" in str(both.refused[0])
