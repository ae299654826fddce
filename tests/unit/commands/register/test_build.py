"""Manifests to registration files."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from benchmark_qa.commands.register.build import Built, build
from benchmark_qa.commands.register.check import check
from benchmark_qa.commands.register.errors import ManifestRefused, RulesError
from benchmark_qa.commands.register.files import Limits
from benchmark_qa.commands.register.key_frames import MetadataSchema
from benchmark_qa.commands.register.kinds import RegisteredKind
from benchmark_qa.commands.register.listing import Location
from benchmark_qa.commands.register.manifest import ManifestRow, Rows, csv_rows, json_rows, parquet_rows
from benchmark_qa.commands.register.rows import ManifestRules, natural_key


class Directory:
    """Real files in a temporary directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def part(self, number: int) -> BinaryIO:
        return (self.path / f"part-{number}.json").open("wb")

    def data_groups(self) -> BinaryIO:
        return (self.path / "groups.jsonl").open("wb")

    def parts(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(self.path.glob("part-*.json"))]


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def rows_of(*fields: dict[str, Any]) -> Iterator[ManifestRow]:
    return (ManifestRow(line, each) for line, each in enumerate(fields, start=1))


def csv_of(text: str) -> Rows:
    return csv_rows(io.StringIO(text, newline=""))


S3 = ManifestRules(location=Location.S3)


def faults_of(rows: Rows, rules: ManifestRules, directory: Directory, **options: Any) -> list[str]:
    with pytest.raises(ManifestRefused) as refused:
        build(rows, rules, directory, **options)
    assert refused.value.total == len(refused.value.faults)
    return [str(fault) for fault in refused.value.faults]


LONG = "x" * 16_400
SCHEMA = MetadataSchema({"hour": "number", "weather": {"ty": "enum", "values": ["sun", "rain"]}})

FAULTY: dict[str, tuple[str, ManifestRules, list[str]]] = {
    "no URL": (
        "url,kind\ns3://bucket/a.png,\n,image\n",
        S3,
        ["line 3: 'url' is missing or empty"],
    ),
    "a URL of another storage": (
        "url\ngs://bucket/a.png\n",
        S3,
        [
            "line 2: the URL is not one of s3, which look like https://BUCKET.s3.REGION.amazonaws.com/KEY or "
            "s3://BUCKET/KEY"
        ],
    ),
    "white space in a URL": (
        "url\ns3://bucket/a b.png\n",
        S3,
        ["line 2: the URL has white space in it, which must be percent-encoded"],
    ),
    "a URL that is too long": (f"url\ns3://bucket/{LONG}.png\n", S3, ["line 2: the URL is longer than 16,384 bytes"]),
    "a title that is too long": (
        f"url,title\ns3://bucket/a.png,{'t' * 301}\n",
        S3,
        ["line 2: the title has 301 characters, at most 300 are allowed"],
    ),
    "the same URL twice": (
        "url\ns3://bucket/a.png\ns3://bucket/b.png\ns3://bucket/a.png\ns3://bucket/a.png\n",
        S3,
        ["line 4: the same URL as on line 2", "line 5: the same URL as on line 2"],
    ),
    "a kind that there is not": (
        "url,kind\ns3://bucket/a.png,picture\n",
        S3,
        [f"line 2: 'picture' is not a kind: {', '.join(RegisteredKind)}"],
    ),
    "an ending that tells nothing": (
        "url\ns3://bucket/a.xyz\n",
        S3,
        ["line 2: the kind is not said, and the ending of the name does not tell it"],
    ),
    "a series without a name": (
        "url\ns3://bucket/1.dcm\n",
        S3,
        ["line 2: a file of kind dicom_series needs a group: a column 'group', or a pattern"],
    ),
    "metadata of the wrong type": (
        "url,metadata.hour,metadata.weather\ns3://bucket/a.png,noon,sun\ns3://bucket/b.png,12,fog\n",
        ManifestRules(location=Location.S3, schema=SCHEMA),
        ["line 2: metadata 'hour': 'noon' is not a number", "line 3: metadata 'weather': 'fog' is none of rain, sun"],
    ),
    "metadata that the schema does not know": (
        "url,metadata.colour\ns3://bucket/a.png,red\n",
        ManifestRules(location=Location.S3, schema=SCHEMA),
        ["line 2: metadata 'colour' is not in the organisation's schema"],
    ),
    "metadata with numbers that JSON does not have": (
        'url,metadata\ns3://bucket/a.png,"{""a"": {""b"": [NaN]}}"\ns3://bucket/b.png,"{""a"": -Infinity}"\n',
        S3,
        ["line 2: metadata: is not JSON: NaN is not JSON", "line 3: metadata: is not JSON: -Infinity is not JSON"],
    ),
    "metadata that is not JSON": (
        'url,metadata\ns3://bucket/a.png,{"a":\n',
        S3,
        ["line 2: metadata: is not JSON"],
    ),
    "a file that is half described": (
        "url,width,height\ns3://bucket/a.png,640,480\n",
        S3,
        ["line 2: a file of kind image is described completely or not at all: mime_type, file_size missing"],
    ),
    "a description that is no number": (
        "url,width,height,mime_type,file_size\ns3://bucket/a.png,wide,480,image/png,1\n",
        S3,
        ["line 2: width: must be a whole number"],
    ),
    "frames that contradict each other": (
        "url,group,title\ns3://bucket/1.png,walk,Walk\ns3://bucket/2.png,walk,\ns3://bucket/3.png,walk,Run\n",
        S3,
        ["line 4: its title differs from that of line 2 of the same group"],
    ),
    "a line that is no row": (
        "url,kind\ns3://bucket/a.png\ns3://bucket/b.png,image\n",
        S3,
        ["line 2: has 1 columns, the header has 2"],
    ),
    "nothing": ("url\n", S3, ["line 1: the manifest names no file"]),
}


@pytest.mark.parametrize("case", FAULTY)
def test_a_faulty_manifest_is_refused_with_line_and_reason(case: str, directory: Directory) -> None:
    text, rules, expected = FAULTY[case]
    assert faults_of(csv_of(text), rules, directory) == expected


def test_every_fault_is_counted_and_the_first_hundred_are_told(directory: Directory) -> None:
    with pytest.raises(ManifestRefused) as refused:
        build(csv_of("url\n" + "nowhere\n" * 250), S3, directory)
    assert refused.value.total == 250
    assert len(refused.value.faults) == 100
    assert directory.parts() == []


@pytest.mark.parametrize("text", [b'{"url": "s3://bucket/a.png"}\nnot JSON\n[1]\n\xff\n'])
def test_json_lines_that_are_no_objects_are_named(text: bytes, directory: Directory) -> None:
    assert faults_of(json_rows(io.BytesIO(text)), S3, directory) == [
        "line 2: is not JSON: Expecting value",
        "line 3: is not a JSON object",
        "line 4: is not JSON: not UTF-8",
    ]


def test_frames_are_in_the_order_that_people_expect_whatever_the_order_of_the_manifest(directory: Directory) -> None:
    names = ["f10", "f9", "f1", "f011", "f2"]
    rows = rows_of(*({"url": f"s3://bucket/{name}.png", "group": "walk"} for name in names))
    build(rows, S3, directory)
    (group,) = directory.parts()[0]["image_groups"]
    assert [group[f"objectUrl_{n}"] for n in range(5)] == [
        f"s3://bucket/{name}.png" for name in ("f1", "f2", "f9", "f10", "f011")
    ]
    assert group["title"] == "walk"


def test_natural_order_holds_for_numbers_of_any_length() -> None:
    huge = f"a{10**40}"
    names = ["b1", "a10b10", huge, "a10", "a2", "a10b2", "a", "a1"]
    assert sorted(names, key=natural_key) == ["a", "a1", "a2", "a10", "a10b2", "a10b10", huge, "b1"]
    assert natural_key("f009") == natural_key("f9")


def test_groups_come_from_a_pattern_in_the_path(directory: Directory) -> None:
    rows = rows_of(*({"url": f"s3://bucket/{study}/{n}.dcm"} for n in (2, 1) for study in ("one", "two")))
    build(rows, ManifestRules(location=Location.S3, group_pattern=r"(?P<group>[^/]+)/[^/]+$"), directory)
    assert directory.parts()[0]["dicom_series"] == [
        {"title": study, "objectUrl_0": f"s3://bucket/{study}/1.dcm", "objectUrl_1": f"s3://bucket/{study}/2.dcm"}
        for study in ("one", "two")
    ]


def test_titles_come_from_a_template_of_the_path_and_of_columns(directory: Directory) -> None:
    rules = ManifestRules(location=Location.S3, title="{folder} / {stem}, camera {camera}")
    build(rows_of({"url": "s3://bucket/day/a.b.png", "camera": 3}), rules, directory)
    assert directory.parts()[0]["images"][0]["title"] == "day / a.b, camera 3"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"title": "{name"}, "expected '}' before end of string"),
        ({"title": "{name.upper}"}, "'name.upper' is not the name of a field"),
        ({"group_pattern": "("}, "missing ), unterminated subpattern"),
        ({"group_pattern": "a+"}, "has no (?P<group>...)"),
    ],
)
def test_rules_that_make_no_sense_are_refused_before_any_row(
    rules: dict[str, str], reason: str, directory: Directory
) -> None:
    with pytest.raises(RulesError) as refused:
        build(rows_of({"url": "s3://bucket/a.png"}), ManifestRules(location=Location.S3, **rules), directory)
    assert reason in str(refused.value)


def test_paths_are_put_below_the_base_url_and_percent_encoded(directory: Directory) -> None:
    base = "https://pictures.s3.eu-west-2.amazonaws.com"
    build(rows_of({"url": "a b/ü#1.png"}), ManifestRules(location=Location.S3, base_url=base), directory)
    (image,) = directory.parts()[0]["images"]
    assert image == {"objectUrl": f"{base}/a%20b/%C3%BC%231.png", "title": "ü#1.png"}


URLS = {
    Location.S3: [
        "https://bucket.s3.eu-west-2.amazonaws.com/a.png",
        "https://s3.amazonaws.com/bucket/a.png",
        "s3://bucket/a.png",
    ],
    Location.GCS: ["gs://bucket/a.png", "https://storage.googleapis.com/bucket/a.png"],
    Location.AZURE: ["https://acme.blob.core.windows.net/container/a.png"],
    Location.OTC: ["https://bucket.obs.eu-de.otc.t-systems.com/a.png"],
    Location.S3_MULTI_REGION: [
        "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/a.png",
        "s3://arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap/a.png",
    ],
}


@pytest.mark.parametrize("location", Location)
def test_each_storage_takes_its_own_urls_and_nobody_elses(location: Location, directory: Directory) -> None:
    own = [{"url": url} for url in URLS[location]]
    build(rows_of(*own), ManifestRules(location=location), directory)
    assert [image["objectUrl"] for image in directory.parts()[0]["images"]] == URLS[location]
    others = [url for other, urls in URLS.items() if other is not location for url in urls]
    faults = faults_of(rows_of(*({"url": url} for url in others)), ManifestRules(location=location), directory)
    assert len(faults) == len(others)


def test_metadata_is_typed_by_the_schema(directory: Directory) -> None:
    schema = MetadataSchema(
        {"n": "number", "yes": "boolean", "at": "datetime", "id": "uuid", "v": {"ty": "variant", "hint": "number"}}
    )
    text = "url,metadata.n,metadata.yes,metadata.at,metadata.id,metadata.v\n"
    line = "s3://bucket/a.png,1.5,true,2026-03-01T10:00:00+00:00,7A000000-0000-4000-8000-000000000001,2\n"
    build(csv_of(text + line), ManifestRules(location=Location.S3, schema=schema), directory)
    assert directory.parts()[0]["images"][0]["clientMetadata"] == {
        "n": 1.5,
        "yes": True,
        "at": "2026-03-01T10:00:00+00:00",
        "id": "7a000000-0000-4000-8000-000000000001",
        "v": 2,
    }


def test_a_file_that_is_full_is_followed_by_another_and_no_group_is_torn(directory: Directory) -> None:
    singles = [{"url": f"s3://bucket/{n}.png"} for n in range(5)]
    frames = [{"url": f"s3://bucket/{group}/{n}.png", "group": group} for group in "ab" for n in range(3)]
    built = build(rows_of(*singles, *frames), S3, directory, limits=Limits(items=3, urls=4))
    assert built == Built(items=built.items, urls=11, parts=4)
    sizes = [
        {key: len(value) for key, value in part.items() if key != "skip_duplicate_urls"} for part in directory.parts()
    ]
    assert sizes == [{"images": 3}, {"images": 2}, {"image_groups": 1}, {"image_groups": 1}]
    for path in directory.path.glob("part-*.json"):
        assert check(path.open(), limits=Limits(items=3, urls=4)).total_faults == 0


def test_a_group_that_no_file_can_hold_is_refused_with_the_line_that_is_too_many(directory: Directory) -> None:
    frames = [{"url": f"s3://bucket/{n}.png", "group": "walk"} for n in range(6)]
    assert faults_of(rows_of(*frames), S3, directory, limits=Limits(items=3, urls=4)) == [
        "line 5: group 'walk' has more than the 4 files a file can hold"
    ]


def test_parquet_and_csv_and_json_lines_of_the_same_rows_build_the_same_file(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    urls = [f"s3://bucket/{n}.png" for n in range(3)]
    parquet.write_table(pyarrow.table({"url": urls, "title": ["a", "b", None]}), tmp_path / "rows.parquet")
    manifests = {
        "csv": csv_of(
            "url,title\n" + "".join(f"{url},{title}\n" for url, title in zip(urls, ["a", "b", ""], strict=True))
        ),
        "json": json_rows(
            io.BytesIO(
                "\n".join(
                    json.dumps({"url": url, "title": title}) for url, title in zip(urls, ["a", "b", None], strict=True)
                ).encode()
            )
        ),
        "parquet": parquet_rows((tmp_path / "rows.parquet").open("rb")),
    }
    written = []
    for name, rows in manifests.items():
        (tmp_path / name).mkdir()
        build(rows, S3, Directory(tmp_path / name))
        written.append((tmp_path / name / "part-1.json").read_bytes())
    assert written[0] == written[1] == written[2]
    assert [image["title"] for image in json.loads(written[0])["images"]] == ["a", "b", "2.png"]
