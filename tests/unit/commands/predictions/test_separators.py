"""Tables of predictions as spreadsheets write them."""

from pathlib import Path

import pytest

from benchmark_qa.commands.predictions.files import given_by_table
from benchmark_qa.terminal.label_files import table_rows

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
