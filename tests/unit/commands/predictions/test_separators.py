"""Tables of predictions as spreadsheets write them."""

from pathlib import Path

import pytest

from benchmark_qa.commands.predictions.files import given_by_table
from benchmark_qa.images.identity import Asked
from benchmark_qa.terminal.files import ExportError, load_json
from benchmark_qa.terminal.image_maps import load_map
from benchmark_qa.terminal.label_files import read_labels, table_rows

ROW = {"image": "1,5.jpg", "class": "1,5", "confidence": "0.9", "x": "10.5", "y": "10", "w": "50", "h": "50"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'image,class,confidence,x,y,w,h\n"1,5.jpg","1,5",0.9,10.5,10,50,50\n'),
        ("a.csv", b"image;class;confidence;x;y;w;h\r\n1,5.jpg;1,5;0,9;10,5;10;50;50\r\n"),
        ("a.csv", b"\xef\xbb\xbfsep=;\r\nimage;class;confidence;x;y;w;h\r\n1,5.jpg;1,5;0,9;10,5;10;50;50\r\n"),
        ("a.tsv", b"image\tclass\tconfidence\tx\ty\tw\th\n1,5.jpg\t1,5\t0,9\t10,5\t10\t50\t50\n"),
        ("a.csv", b'image, class, confidence, x, y, w, h\n"1,5.jpg", "1,5", 0.9, 10.5, 10, 50, 50\n'),
    ],
)
def test_however_the_table_is_written_its_rows_are_the_same(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(table_rows(tmp_path / name)) == [ROW]
    (found,) = given_by_table(table_rows(tmp_path / name)).objects
    assert (found["score"], found["bbox"]) == (0.9, [10.5, 10.0, 50.0, 50.0])


def test_tables_in_utf_16_and_with_other_letters_in_the_header_are_read(tmp_path: Path) -> None:
    text = "Image; Class ;Confidence;X;Y;W;H\r\n1,5.jpg;1,5;0,9;10,5;10;50;50\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode("utf-16"))
    assert list(table_rows(tmp_path / "a.csv")) == [ROW]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"image,class,confidence,x,y,w,h\na.jpg,car,0,9,10,5,10,50,50\n", "line 2: has more cells than the header"),
        (b"image,Image,class\na,b,c\n", "the column 'image' is there twice"),
        (b"image\n\xe9.jpg\n", "is not UTF-8"),
    ],
)
def test_a_table_whose_cells_cannot_be_told_apart_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ExportError, match=said):
        list(table_rows(tmp_path / "a.csv"))


def test_a_list_of_names_by_hand_may_have_semicolons_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfimage;data_hash\nfilm.mp4;hash-a\n")
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"file": "film.mp4", "data_hash": "hash-a"}\n')
    for name in ("a.csv", "a.jsonl"):
        found = load_map(tmp_path / name)
        assert found is not None
        meant = found.images.find(Asked(("film.mp4",), ("film.mp4",), ()))
        assert meant is not None
        assert meant.name == "hash-a"


def test_json_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('{"a": "\u00e9"}'.encode("utf-16"))
    assert load_json(tmp_path / "a.json") == {"a": "\u00e9"}


def test_links_out_of_a_folder_of_labels_are_told(tmp_path: Path) -> None:
    for folder, name in (("labels", "a.txt"), ("elsewhere", "b.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("0 0.5 0.5 0.2 0.2 0.9\n")
    (tmp_path / "labels" / "classes.txt").write_text("car\n")
    (tmp_path / "labels" / "b.txt").symlink_to(tmp_path / "elsewhere" / "b.txt")
    read = read_labels(tmp_path / "labels")
    assert read is not None
    assert len(read.document["annotations"]) == 1
    assert read.left_out == ("1 links out of the folder are not followed: 'b.txt'",)
