"""Manifests as spreadsheets and Windows write them: read right, or refused with the reason."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from benchmark_qa.cli import app
from benchmark_qa.commands.register.manifest import ManifestRow, csv_rows, json_rows
from benchmark_qa.commands.register.upload_command import _of_files
from benchmark_qa.formats.separated_values import opened_table


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["register", "build", *(str(argument) for argument in arguments)])


def built_of(tmp_path: Path, content: bytes, *options: str, name: str = "manifest.csv") -> tuple[Result, Any]:
    (tmp_path / name).write_bytes(content)
    done = run(tmp_path / name, "--out", tmp_path / "out", "--storage", "s3", *options)
    files = list((tmp_path / "out").glob("*.json")) if done.exit_code == 0 else []
    return done, json.loads(files[0].read_bytes()) if files else None


EXPECTED = [{"objectUrl": "s3://bucket/a.jpg", "title": "One, two", "clientMetadata": {"site": "A"}}]


@pytest.mark.parametrize(
    "content",
    [
        b'url,title,metadata.site\ns3://bucket/a.jpg,"One, two",A\n',
        b"url;title;metadata.site\ns3://bucket/a.jpg;One, two;A\n",
        b"url\ttitle\tmetadata.site\ns3://bucket/a.jpg\tOne, two\tA\n",
        b"url|title|metadata.site\ns3://bucket/a.jpg|One, two|A\n",
        b"\xef\xbb\xbfurl;title;metadata.site\r\ns3://bucket/a.jpg;One, two;A\r\n",
        b'"url";"title";"metadata.site"\r\n"s3://bucket/a.jpg";"One, two";"A"\r\n',
        b"sep=;\r\nurl;title;metadata.site\r\ns3://bucket/a.jpg;One, two;A\r\n",
        b'url, title, metadata.site\ns3://bucket/a.jpg, "One, two", A\n',
        b'url ,title ,metadata.site\ns3://bucket/a.jpg,"One, two",A\n',
        b'url,title,metadata.site\rs3://bucket/a.jpg,"One, two",A\r',
        b'url,title,metadata.site,\ns3://bucket/a.jpg,"One, two",A,\n,,,\n\n',
        "url\ttitle\tmetadata.site\r\ns3://bucket/a.jpg\tOne, two\tA\r\n".encode("utf-16"),
    ],
)
def test_however_a_spreadsheet_writes_it_the_items_are_the_same(content: bytes, tmp_path: Path) -> None:
    done, built = built_of(tmp_path, content)
    assert done.exit_code == 0, done.output
    assert (built["images"], done.stderr) == (EXPECTED, "")


@pytest.mark.parametrize(
    "content", ["url\ns3://b/a.png\n".encode("utf-16")[:-1], "url,title\ns3://b/a.png,Zürich\n".encode("cp1252")]
)
def test_another_encoding_is_refused_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    done, _ = built_of(tmp_path, content)
    assert done.exit_code == 2
    assert "is not UTF-8 (save it as 'CSV UTF-8')" in done.stderr


def test_lines_are_counted_from_the_top_of_the_file() -> None:
    rows = list(csv_rows(io.StringIO("sep=;\nurl;title\ns3://b/1.png;x\n;\ns3://b/2.png\n", newline="")))
    assert [row.line for row in rows] == [3, 5]


def test_decimal_commas_are_numbers_in_tables_without_commas(tmp_path: Path) -> None:
    header = b"url;fps;duration;width;height;file_size;mime_type\n"
    done, built = built_of(tmp_path, header + b"s3://bucket/a.mp4;29,97;2,5;64;48;1000;video/mp4\n")
    assert done.exit_code == 0, done.output
    metadata = built["videos"][0]["videoMetadata"]
    assert (metadata["fps"], metadata["duration"]) == (29.97, 2.5)


@pytest.mark.parametrize(("header", "told"), [
    ("titel", "the column 'titel' is not known and left out of 1 rows: is 'title' meant?"),
    ("Title", "is 'title' meant?"),
    ("weather", "for client metadata call it 'metadata.weather'"),
])  # fmt: skip
def test_a_column_that_no_rule_knows_is_told(header: str, told: str, tmp_path: Path) -> None:
    done, built = built_of(tmp_path, f"url,{header}\ns3://bucket/a.jpg,First\n".encode())
    assert done.exit_code == 0
    assert (told in done.stderr, built["images"][0]["title"]) == (True, "a.jpg")


def test_columns_of_a_title_or_of_other_names_are_known(tmp_path: Path) -> None:
    content = b"link,camera,walk\ns3://bucket/a.jpg,left,1\n"
    options = ("--url-column", "link", "--title", "{camera} {stem}", "--group-column", "walk", "--kind", "image")
    done, built = built_of(tmp_path, content, *options)
    assert (done.stderr, built["images"][0]["title"]) == ("", "left a")


def test_where_no_row_has_a_url_the_columns_that_are_there_are_named(tmp_path: Path) -> None:
    done, _ = built_of(tmp_path, b"URL\ns3://bucket/a.jpg\n")
    assert done.exit_code == 2
    assert "'url' is missing or empty; there is 'URL'" in done.stderr


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_metadata_that_json_cannot_hold_is_refused_with_its_line(constant: str, tmp_path: Path) -> None:
    row = f's3://bucket/a.jpg,"{{""a"": {constant}}}"\n'
    done, _ = built_of(tmp_path, f"url,metadata\ns3://bucket/b.jpg,\n{row}".encode())
    assert done.exit_code == 2
    assert "line 3: metadata" in done.stderr
    lines = f'{{"url": "s3://b/1.png"}}\n{{"url": "s3://b/2.png", "metadata": {{"a": [{constant}]}}}}\n'
    done, _ = built_of(tmp_path, lines.encode(), name="manifest.jsonl")
    assert (done.exit_code, "line 2: " in done.stderr) == (2, True)


def test_a_description_that_is_no_number_is_refused(tmp_path: Path) -> None:
    header = b"url,fps,duration,width,height,file_size,mime_type\n"
    done, _ = built_of(tmp_path, header + b"s3://bucket/a.mp4,nan,1,64,48,1000,video/mp4\n")
    assert (done.exit_code, "line 2: fps: 'nan' is not a finite number" in done.stderr) == (2, True)


def test_json_lines_with_a_byte_order_mark_are_json() -> None:
    assert list(json_rows(io.BytesIO(b'\xef\xbb\xbf{"url": "a"}\n'))) == [ManifestRow(1, {"url": "a"})]


def test_frames_are_ordered_by_number_without_regard_to_case(tmp_path: Path) -> None:
    rows = "".join(f"s3://bucket/{n}.jpg,walk,image_group\n" for n in ("frame1", "Frame3", "frame2", "FRAME10"))
    _, built = built_of(tmp_path, f"url,group,kind\n{rows}".encode())
    group = built["image_groups"][0]
    names = [group[f"objectUrl_{n}"].rpartition("/")[2] for n in range(4)]
    assert names == ["frame1.jpg", "frame2.jpg", "Frame3.jpg", "FRAME10.jpg"]


def test_backslashes_are_folders_in_paths_and_refused_in_urls(tmp_path: Path) -> None:
    base = ("--base-url", "https://bucket.s3.eu-west-1.amazonaws.com")
    _, built = built_of(tmp_path, b"url\nday 1\\a.jpg\n", *base)
    assert built["images"][0]["objectUrl"] == "https://bucket.s3.eu-west-1.amazonaws.com/day%201/a.jpg"
    done, _ = built_of(tmp_path / "..", b"url\ns3://bucket/day\\a.jpg\n", name=f"{tmp_path.name}/other.csv")
    assert (done.exit_code, "the URL has a backslash in it" in done.stderr) == (2, True)


def test_files_of_a_manifest_are_found_below_its_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "day").mkdir(parents=True)
    for path in (root / "day" / "a.png", root / "b\\c.png", tmp_path / "private.png"):
        path.touch()
    (root / "link.png").symlink_to(tmp_path / "private.png")
    names = ["day\\a.png", "b\\c.png", "../private.png", str(tmp_path / "private.png"), "link.png", "none.png"]
    rows = list(_of_files(iter([ManifestRow(n, {"url": name}) for n, name in enumerate(names)]), root, "url"))
    assert [row.fields["url"] for row in rows if isinstance(row, ManifestRow)] == ["day/a.png", "b\\c.png"]
    reasons = [row.reason for row in rows if not isinstance(row, ManifestRow)]
    assert ["leads out of" in reason for reason in reasons] == [True, True, True, False]


@pytest.mark.parametrize(
    ("header", "separator"), [("url", ","), ("a;b", ";"), ("a,b;c", ","), ("", ","), ("a\tb,c\td", "\t")]
)
def test_the_separator_is_the_one_that_parts_the_header_most(header: str, separator: str) -> None:
    assert opened_table([header]).separator == separator


@pytest.mark.parametrize("letter", ["\0", "\x07", "\x7f"])
def test_a_control_character_in_a_url_is_refused(letter: str, tmp_path: Path) -> None:
    done, _ = built_of(tmp_path, f"url\ns3://bucket/a{letter}.jpg\n".encode())
    assert (done.exit_code, "line 2: the URL has a control character in it" in done.stderr) == (2, True)
