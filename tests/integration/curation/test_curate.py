"""`curate` against the emulator: an Encord folder to lists, a choice, a Collection and vectors in metadata."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import requests

from tests.integration.curation.pictures import again, jpeg, scene
from tests.integration.curation.test_kills import kill_when
from tests.integration.registration.conftest import OPERATOR, Site, open_site
from tests.unit.images.networks import PREPROCESSING, colour_words, mean_colour, tokenizer

SCENES, COPIES = 40, 6
MINE = {"users": {OPERATOR: "admin"}}


def picture(name: str, content: str, **metadata: Any) -> dict[str, Any]:
    kind = {"type": "image", "width": 160, "height": 120, "mime_type": "image/jpeg"}
    return {"name": name, "content_base64": content, "client_metadata": metadata, **kind}


def world() -> dict[str, Any]:
    """Forty scenes below two top-level folders, six of them again in the second, one that is no picture, a film."""
    street = [picture(f"{n}.jpg", jpeg(scene(n)), hour=n % 4, camera={"id": n}) for n in range(SCENES)]
    street.append(picture("broken.jpg", "bm8gcGljdHVyZQ=="))
    film = {"name": "film.mp4", "type": "video", "width": 160, "height": 120, "frames": 10, "fps": 5, "duration": 2}
    copies = [picture(f"{n}-again.jpg", jpeg(again(scene(n)), 70)) for n in range(COPIES)]
    return {
        "folders": [
            {"name": "Street", **MINE, "items": [*street, film]},
            {"name": "Archive", **MINE, "items": copies},
        ]
    }


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site(world()) as running:
        yield running


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A pair of small networks."""
    folder = tmp_path / "colours"
    folder.mkdir()
    (folder / "image.onnx").write_bytes(mean_colour())
    (folder / "image.json").write_text(PREPROCESSING)
    (folder / "text.onnx").write_bytes(colour_words())
    (folder / "tokenizer.json").write_text(tokenizer())
    return folder


def run(site: Site, *arguments: Any, code: int = 0) -> Any:
    done = site.run("curate", *arguments)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def index(site: Site, tmp_path: Path, *more: Any, code: int = 4) -> tuple[Path, Any]:
    place = tmp_path / "pictures.index"
    return place, run(
        site, "index", "--folder", "Street", "--folder", "Archive", "--index", place, "--json", *more, code=code
    )


def requests_for(site: Site, operation: str) -> int:
    counts = requests.get(f"{site.running.url}/_emulator/requests", timeout=10).json()["counts"]
    return sum(each["count"] for each in counts if operation in each["operation"])


def test_a_folder_is_read_once_and_what_cannot_be_read_is_named(site: Site, tmp_path: Path, network: Path) -> None:
    place, first = index(site, tmp_path, "--model", network / "image.onnx")
    street, archive = first["sources"]
    assert (street["read"], street["unread"], street["left_out"]) == (SCENES, 1, {"video": 1})
    assert archive["read"] == COPIES
    assert first["unread"] == [["broken.jpg", "no picture in a known format"]]
    _, second = index(site, tmp_path, "--model", network / "image.onnx")
    assert [(one["read"], one["known"]) for one in second["sources"]] == [(0, SCENES), (0, COPIES)]
    (network / "image.json").write_text(PREPROCESSING.replace("255", "254"))  # other vectors
    _, third = index(site, tmp_path, "--model", network / "image.onnx")
    assert [one["read"] for one in third["sources"]] == [SCENES, COPIES]
    assert place.is_file()


def test_an_item_that_is_deleted_is_forgotten(site: Site, tmp_path: Path) -> None:
    index(site, tmp_path, "--no-vectors")
    folder = site.folder("Street")
    folder.delete_storage_items([next(item.uuid for item in folder.list_items() if item.name == "7.jpg")])
    _, second = index(site, tmp_path, "--no-vectors")
    assert second["sources"][0]["gone"] == 1


def test_killed_runs_go_on_and_read_nothing_twice(site: Site, tmp_path: Path, network: Path) -> None:
    place = tmp_path / "pictures.index"
    fault = {"kind": "latency", "seconds": 0.05, "operation": "signed", "times": 10_000}
    requests.post(f"{site.running.url}/_emulator/faults", json=fault, timeout=10)
    command = ("index", "--folder", "Street", "--index", place, "--model", network / "image.onnx", "--parallel", "1")

    def known() -> int:
        from benchmark_qa.commands.curate.index import Index

        if not place.exists():
            return 0
        with Index.open(place) as opened:
            return len(opened.known())

    kill_when(site, lambda: known() > 0, "curate", *command)
    there = known()
    assert 0 < there < SCENES
    found = run(site, *command, "--json", code=4)
    assert (found["sources"][0]["known"], found["sources"][0]["read"]) == (there, SCENES - there)


def test_from_lists_to_a_collection_that_a_second_run_leaves_alone(site: Site, tmp_path: Path, network: Path) -> None:
    place, _ = index(site, tmp_path, "--model", network / "image.onnx")
    at = ("--index", place)
    lists = run(site, "quality", *at, "--page", tmp_path / "q.html", "--json")
    assert {one["name"]: len(one["pictures"]) for one in lists["lists"]}["misnamed"] == 0
    assert lists["unreadable"] == [{"title": "broken.jpg", "reason": "no picture in a known format"}]
    found = run(site, "duplicates", *at, "--no-vectors", "--page", tmp_path / "d.html", "--json")
    assert sorted(sorted(group["pictures"]) for group in found["groups"]) == [
        [f"{n}-again.jpg", f"{n}.jpg"] for n in range(COPIES)
    ]
    assert len(found["leaks"]) == COPIES  # a picture of one folder stands in the other
    chosen = run(site, "choose", "--out", tmp_path / "s.json", "--count", 12, "--stratify", "hour", "--no-duplicates",
                 "--without", "dark", *at, "--json")  # fmt: skip
    assert len(chosen["items"]) == 12
    dry = run(site, "collect", tmp_path / "s.json", "--json")
    assert [row["collection"] for row in dry] == [None] * len(dry)
    assert list(site.client.list_collections()) == []
    made = run(site, "collect", tmp_path / "s.json", "--apply", "--json")
    again_ = run(site, "collect", tmp_path / "s.json", "--apply", "--json")
    assert sum(row["added"] for row in made) == 12
    assert [row["added"] for row in again_] == [0] * len(made)
    items = {str(item.uuid) for row in made for item in site.client.get_collection(row["collection"]).list_items()}
    assert items == {one["item"] for one in chosen["items"]}


def test_benchmark_items_are_chosen_from_a_selection(site: Site, tmp_path: Path) -> None:
    place, _ = index(site, tmp_path, "--no-vectors")
    chosen = run(site, "choose", "--out", tmp_path / "s.json", "--count", 9, "--index", place, "--json")
    done = site.run("benchmark", "choose", "--folder", "Street", "--folder", "Archive", "--only", tmp_path / "s.json",
                    "--count", 4, "--out", tmp_path / "items.json", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    items = {one["uuid"] for one in json.loads(done.stdout)["items"]}
    assert len(items) == 4
    assert items <= {one["item"] for one in chosen["items"]}
    (tmp_path / "s.json").write_text("{}")
    refused = site.run(
        "benchmark", "choose", "--folder", "Street", "--only", tmp_path / "s.json", "--out", tmp_path / "i"
    )
    assert refused.exit_code == 2
    assert "is not a selection of pictures" in refused.output


def test_the_cluster_becomes_a_field_for_slices(site: Site, tmp_path: Path) -> None:
    place, _ = index(site, tmp_path, "--no-vectors")
    names = [f"{n}.jpg" for n in range(SCENES)]
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(2, 6)), SCENES // 2, axis=0) + 0.05 * random.normal(size=(SCENES, 6))
    np.savez(tmp_path / "v.npz", items=np.array(names), vectors=rows.astype(np.float32))
    index(site, tmp_path, "--vectors", tmp_path / "v.npz")
    (tmp_path / "failed.csv").write_text(
        "item,failed,count\n" + "".join(f"{name},{4 if n < SCENES // 2 else 0},5\n" for n, name in enumerate(names))
    )
    found = run(site, "clusters", "--index", place, "--least", 6, "--failures", tmp_path / "failed.csv",
                "--fields", tmp_path / "fields.json", "--page", tmp_path / "c.html", "--json")  # fmt: skip
    worst = found["failing"][0]
    assert (worst["inside"], worst["certain"], worst["pictures"]) == (0.8, True, SCENES // 2)
    fields = json.loads((tmp_path / "fields.json").read_text())
    assert {fields[name]["cluster"] for name in names[: SCENES // 2]} == {f"cluster {worst['cluster']}"}
    assert "<h2>cluster" in (tmp_path / "c.html").read_text()


def test_a_preset_that_somebody_saved_becomes_a_collection(site: Site) -> None:
    filters = {"global_filters": {"filters": [{"key": "hour", "values": [2]}]}}
    site.client.create_preset("At two", filters)
    (row,) = run(site, "collect", "--preset", "At two", "--folder", "Street", "--apply", "--json")
    titles = {item.name for item in site.client.get_collection(row["collection"]).list_items()}
    assert titles == {f"{n}.jpg" for n in range(2, SCENES, 4)}
    assert (
        "there are 0 presets"
        in site.run("curate", "collect", "--preset", "None", "--folder", "Street", "--apply").output
    )


def test_vectors_are_pushed_beside_other_keys_and_once(site: Site, tmp_path: Path, network: Path) -> None:
    place, _ = index(site, tmp_path, "--model", network / "image.onnx")
    push = ("push", "--index", place, "--key", "our_vector", "--size", "2", "--json")
    assert run(site, *push) == {"key": "our_vector", "size": 2, "key_exists": False, "items": 46, "written": 0}
    assert not site.client.metadata_schema().has_key("our_vector")
    assert run(site, *push, "--apply")["written"] == 46
    assert run(site, *push, "--apply")["written"] == 0
    assert site.client.metadata_schema().get_embedding_size("our_vector") == 2
    seven = next(item for item in site.folder("Street").list_items() if item.name == "7.jpg")
    metadata = seven.client_metadata
    assert metadata is not None
    assert (metadata["hour"], metadata["camera"]) == (3, {"id": 7})
    assert np.linalg.norm(metadata["our_vector"]) == pytest.approx(1, abs=1e-3)
    assert "takes 2 numbers" in site.run("curate", *push[:-3], "--size", "3").output
    schema = site.client.metadata_schema()
    schema.add_scalar("words", data_type="varchar")
    schema.save()
    refused = site.run("curate", "push", "--index", place, "--key", "words", "--size", "2")
    assert refused.exit_code == 3
    assert "is no embedding" in refused.output


def test_vectors_that_the_team_has_are_taken_from_files_and_from_metadata(site: Site, tmp_path: Path) -> None:
    place, _ = index(site, tmp_path, "--no-vectors")
    names = [f"{n}.jpg" for n in range(SCENES)]
    rows = np.random.default_rng(0).normal(size=(SCENES, 5)).astype(np.float32)
    np.savez(tmp_path / "v.npz", items=np.array(names), vectors=rows)
    pyarrow.parquet.write_table(pa.table({"item": names, "vector": rows.tolist()}), tmp_path / "v.parquet")
    answers = []
    for file in ("v.npz", "v.parquet"):
        _, found = index(site, tmp_path, "--vectors", tmp_path / file)
        assert found["without_vector"] == COPIES
        answers.append(run(site, "similar", "3.jpg", "--index", place, "--count", 5, "--json"))
    assert answers[0] == answers[1]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[3]))
    assert [one["title"] for one in answers[0]] == [names[at] for at in order[1:6]]
    run(site, "push", "--index", place, "--key", "theirs", "--size", "5", "--apply")
    _, found = index(site, tmp_path, "--vectors-key", "theirs")
    assert found["without_vector"] == COPIES
    assert run(site, "similar", "3.jpg", "--index", place, "--count", 5, "--json") == answers[0]


def test_words_find_pictures_with_a_pair_of_networks(site: Site, tmp_path: Path, network: Path) -> None:
    place, _ = index(site, tmp_path, "--model", network / "image.onnx")
    search = ("search", "blue", "--index", place, "--model", network)
    bluest = run(site, *search, "--count", 1, "--json")[0]["title"]
    means = {f"{n}.jpg": np.asarray(scene(n), dtype=float).mean(axis=(0, 1)) for n in range(SCENES)}
    share = {name: mean[2] / np.linalg.norm(mean) for name, mean in means.items()}
    assert bluest.removesuffix("-again.jpg").removesuffix(".jpg") == max(share, key=lambda n: share[n]).removesuffix(
        ".jpg"
    )
    (network / "tokenizer.json").unlink()
    assert "tokenizer.json missing" in site.run("curate", *search).output
    (network / "tokenizer.json").write_text(tokenizer())
    (network / "image.onnx").write_bytes(mean_colour(side=16))
    assert "vectors of another network" in site.run("curate", *search).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("index",), "say what to read"),
        (("index", "--local", "/no/such"), "is no folder"),
        (("index", "--folder", "Nowhere"), "there is no folder 'Nowhere'"),
        (("index", "--dataset", "Nowhere"), "there is no dataset 'Nowhere'"),
        (("index", "--project", "Nowhere"), "there is no project 'Nowhere'"),
        (("index", "--folder", "Street", "--no-vectors", "--vectors", "v.npz"), "give one of"),
        (("quality", "--index", "none.index"), "there is no index"),
        (("duplicates", "--keep", "best"), "--keep is one of"),
        (("map", "--flat", "globe"), "--flat is tsne or pca"),
        (("collect",), "give a selection file"),
    ],
)
def test_a_mistake_is_refused_in_one_line(site: Site, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = site.run("curate", *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output
