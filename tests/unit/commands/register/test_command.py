"""`benchmark-qa register build` and `check`, without Encord."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from benchmark_qa.cli import app


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["register", *(str(argument) for argument in arguments)])


def built(out: Path) -> dict[str, Any]:
    (path,) = out.iterdir()
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def test_a_folder_of_this_machine_is_registered_as_what_lies_below_a_base_url(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/10.png", "a.mp4", "ct/1.dcm", "readme.unknown"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    base = "https://acme.blob.core.windows.net/pictures"
    options = ("--storage", "azure", "--base-url", base, "--group-pattern", "(?P<group>[^/]+)/[^/]+$")
    done = run("build", tmp_path / "data", "--out", tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    assert "1 video, 1 image_group, 1 dicom_series: 4 URLs in 1 files" in done.output
    assert built(tmp_path / "out") == {
        "skip_duplicate_urls": True,
        "videos": [{"objectUrl": f"{base}/a.mp4", "title": "a.mp4"}],
        "image_groups": [{"title": "b", "objectUrl_0": f"{base}/b/2.png", "objectUrl_1": f"{base}/b/10.png"}],
        "dicom_series": [{"title": "ct", "objectUrl_0": f"{base}/ct/1.dcm"}],
    }


def test_what_fsspec_lists_is_registered(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    bucket = fsspec.filesystem("memory")
    for name in ("day 1/a.png", "day 1/b.png", "c.wav", "c.bin"):
        bucket.pipe(f"/pictures/{name}", b"")
    options = ("--storage", "s3", "--base-url", "https://pictures.s3.eu-west-2.amazonaws.com", "--allow-duplicates")
    done = run("build", "memory://pictures", "--out", tmp_path / "out", *options)
    assert done.exit_code == 0, done.output
    base = "https://pictures.s3.eu-west-2.amazonaws.com"
    assert built(tmp_path / "out") == {
        "skip_duplicate_urls": False,
        "images": [{"objectUrl": f"{base}/day%201/{n}.png", "title": f"{n}.png"} for n in "ab"],
        "audio": [{"objectUrl": f"{base}/c.wav", "title": "c.wav"}],
    }


def test_a_refused_manifest_leaves_no_file_and_tells_line_and_reason(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url,group,title\ns3://bucket/1.png,g,One\ns3://bucket/2.png,g,Two\n")
    done = run("build", manifest, "--out", tmp_path / "out", "--storage", "s3")
    assert done.exit_code == 2
    assert done.stderr == f"{manifest} line 3: its title differs from that of line 2 of the same group\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_registration_files_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url\ns3://bucket/1.png\n")
    command = ("build", manifest, "--out", tmp_path / "out", "--storage", "s3")
    assert run(*command).exit_code == 0
    before = built(tmp_path / "out")
    again = run(*command)
    assert (again.exit_code, built(tmp_path / "out")) == (2, before)
    assert "holds registration files already" in again.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("manifest.csv",), "say with --storage where the objects lie"),
        (
            ("manifest.csv", "--storage", "floppy"),
            "--storage 'floppy': is none of s3, gcs, azure, otc, s3-multi-region",
        ),
        (("manifest.csv", "--storage", "s3", "--kind", "film"), "--kind 'film': is none of video, image"),
        (("nowhere.csv", "--storage", "s3"), "nowhere.csv: there is no such file or folder"),
        (
            ("manifest.txt", "--storage", "s3"),
            "manifest.txt: a manifest ends in .csv, .tsv, .jsonl, .ndjson or .parquet",
        ),
        (("broken.parquet", "--storage", "s3"), "is not a Parquet file"),
        (("nosuch://bucket/", "--storage", "s3"), "nosuch://bucket/: Protocol not known: nosuch"),
        (("manifest.csv", "--storage", "s3", "--schema", "manifest.csv"), "manifest.csv: is not JSON (Expecting value"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(
    options: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("manifest.csv", "manifest.txt", "broken.parquet"):
        Path(name).write_text("url\ns3://bucket/1.png\n")
    done = run("build", *options, "--out", "out")
    assert done.exit_code == 2
    assert reason in done.stderr


def test_a_faulty_registration_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "registration-0001.json").write_text('{"images": [\n{"objectUrl": "s3://b/a.png"},\n{"title": "b"}]}')
    done = run("check", tmp_path)
    assert (done.exit_code, done.stderr) == (
        2,
        f"{tmp_path / 'registration-0001.json'} line 3: objectUrl: missing: set it\n",
    )


def test_all_that_is_left_out_of_a_folder_is_written_where_one_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.png", *(f"{n:02d}.psd" for n in range(25))):
        (tmp_path / "data" / name).write_bytes(bytes(16))
    options = ("--storage", "s3", "--base-url", "s3://bucket", "--left-out", tmp_path / "left.csv")
    done = run("build", tmp_path / "data", "--out", tmp_path / "out", *options)
    assert (done.exit_code, "left out: 25, the kind is not known (.psd 25)" in done.stderr) == (0, True)
    lines = (tmp_path / "left.csv").read_text().splitlines()
    assert lines == ["file,reason", *(f"{n:02d}.psd,the kind is not known" for n in range(25))]


@pytest.mark.parametrize("option", ["--left-out", "--out"])
def test_a_place_that_cannot_be_written_is_refused_in_one_line(option: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").touch()
    (tmp_path / "file").touch()
    options = {"--out": tmp_path / "out", option: tmp_path / "file" / "x"}
    arguments = [part for pair in options.items() for part in pair]
    done = run("build", tmp_path / "data", "--storage", "s3", "--base-url", "s3://bucket", *arguments)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)


def test_a_registration_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "registration-0001.json"
    path.write_bytes(b'\xef\xbb\xbf{"images": [{"objectUrl": "s3://b/a.png"}]}')
    assert run("check", path).exit_code == 0
