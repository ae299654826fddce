"""The index file: what is known, forgotten, taken, and what is refused."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark_qa.commands.curate.index import Entry, Index, IndexedItem, IndexFileError
from benchmark_qa.commands.curate.indexing import index_source, local_source, vectors_in_metadata, vectors_of
from benchmark_qa.images.encoder import Encoder, Preprocessing
from tests.integration.curation.pictures import busy
from tests.unit.commands.curate.entries import entry_of
from tests.unit.images.networks import PREPROCESSING, mean_colour


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, one of them below, a text, and one that is none."""
    place = tmp_path / "pictures"
    (place / "below").mkdir(parents=True)
    for number in range(4):
        busy(number).save(place / f"{number}.png")
    busy(4).save(place / "below" / "4.png")
    (place / "notes.txt").write_text("x")
    (place / "broken.jpg").write_bytes(b"no picture")
    return place


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "x.index", make=True) as opened:
        yield opened


def encoder(std: int = 255) -> Encoder:
    return Encoder(mean_colour(), Preprocessing.of_json(PREPROCESSING.replace("255", str(std)), ""), source="c")


def test_a_folder_is_read_once_and_a_changed_file_again(folder: Path, index: Index) -> None:
    first = index_source(local_source(folder), index, encoder())
    assert (first.read, first.known, first.unread) == (5, 0, 1)
    assert local_source(folder).left_out == {".txt": 1}
    assert sorted(index.pictures.titles) == ["0.png", "1.png", "2.png", "3.png", "below/4.png"]
    assert index.vectors().shape == (5, 3)
    Image.new("RGB", (50, 40), "red").save(folder / "2.png")
    again = index_source(local_source(folder), index, encoder())
    assert (again.read, again.known, again.unread) == (1, 4, 1)


def test_another_network_makes_all_vectors_anew(folder: Path, index: Index) -> None:
    index_source(local_source(folder), index, encoder())
    assert index_source(local_source(folder), index, encoder(200)).read == 5
    assert index_source(local_source(folder), index, None).read == 0  # vectors stay


def test_a_picture_that_is_gone_is_forgotten_unless_another_place_has_it(index: Index) -> None:
    one, other = IndexedItem("one", "1", "one.jpg"), IndexedItem("other", "1", "other.jpg")
    index.settle("A", [one, other])
    index.settle("B", [other])
    index.write([entry_of(one, busy(1), None), entry_of(other, busy(2), None)], None)
    assert index.pictures.places == [("A",), ("A", "B")]
    assert index.settle("A", []) == 1
    assert list(index.known()) == ["other"]


def test_a_renamed_item_gets_its_title_without_being_read(index: Index) -> None:
    index.settle("A", [IndexedItem("one", "1", "one.jpg")])
    index.write([entry_of(IndexedItem("one", "1", "one.jpg"), busy(1), None)], None)
    index.settle("A", [IndexedItem("one", "1", "new.jpg", {"hour": 3})])
    assert (index.pictures.titles, index.pictures.items[0].metadata) == (["new.jpg"], {"hour": 3})
    assert index.pictures.place_of("new.jpg") == index.pictures.place_of("one") == 0
    with pytest.raises(IndexFileError, match=r"no picture is called 'one\.jpg'"):
        index.pictures.place_of("one.jpg")


def test_entries_come_back_as_they_were_written(index: Index) -> None:
    item = IndexedItem("one", "7", "one.jpg", {"a": [1, {"b": None}]})
    entry = entry_of(item, busy(3), np.array([3.0, 4.0]))
    index.settle("A", [item])
    index.write([entry], "net")
    assert index.pictures.items == [item]
    assert index.pictures.measures == [entry.measures]
    assert index.pictures.fingerprints == [entry.fingerprint]
    assert np.allclose(index.vectors(), [[0.6, 0.8]], atol=1e-3)
    assert list(index.thumbnails()) == [("one", entry.thumbnail)]
    assert index.known() == {"one": ("7", "net")}


def test_the_largest_hash_is_kept(index: Index) -> None:
    index.settle("A", [IndexedItem("one", "1", "one")])
    known = entry_of(IndexedItem("one", "1", "one"), busy(1), None)
    index.write([Entry(known.item, None, "d", known.measures, 2**64 - 1)], None)
    assert index.pictures.fingerprints == [2**64 - 1]


def test_without_vectors_or_with_vectors_of_two_lengths_nothing_is_compared(index: Index) -> None:
    items = [IndexedItem("one", "1", "one"), IndexedItem("two", "1", "two")]
    index.settle("A", items)
    index.write([entry_of(items[0], busy(1), None)], None)
    with pytest.raises(IndexFileError, match="has no vectors"):
        index.vectors()
    index.write([entry_of(items[0], busy(1), np.ones(3)), entry_of(items[1], busy(2), np.ones(4))], "net")
    with pytest.raises(IndexFileError, match="several lengths"):
        index.vectors()


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00 broken"])
def test_another_file_is_no_index(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(IndexFileError, match="no index of pictures"), Index.open(path):
        pass


def test_an_index_of_another_version_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match="there is no index"), Index.open(tmp_path / "none"):
        pass
    with Index.open(tmp_path / "x", make=True):
        pass
    with sqlite3.connect(tmp_path / "x") as connection:
        connection.execute("update facts set value = '0' where name = 'format'")
    with pytest.raises(IndexFileError, match="another version"), Index.open(tmp_path / "x"):
        pass


@pytest.mark.parametrize(
    ("items", "vectors"),
    [(["a"], np.zeros((2, 3))), (["a"], np.zeros(3)), (["a"], np.full((1, 3), np.nan)), ([], np.zeros((0, 3)))],
)
def test_vectors_that_do_not_fit_their_items_are_refused(tmp_path: Path, items: list[str], vectors: object) -> None:
    np.savez(tmp_path / "v.npz", items=np.array(items, dtype=str), vectors=vectors)
    with pytest.raises(IndexFileError, match="one vector of finite numbers"):
        vectors_of(tmp_path / "v.npz")


def test_a_file_that_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("x")
    np.savez(tmp_path / "v.npz", other=np.zeros(3))
    for name, said in (("v.txt", "read from .npz"), ("v.npz", "needs items and vectors")):
        with pytest.raises(IndexFileError, match=said):
            vectors_of(tmp_path / name)
    np.savez(tmp_path / "p.npz", items=np.array([object()]), vectors=np.zeros((1, 3)))
    with pytest.raises(IndexFileError):  # would run code if it were unpickled
        vectors_of(tmp_path / "p.npz")


def test_metadata_without_vectors_of_one_length_is_refused() -> None:
    for metadata in ({}, {"v": "text"}, {"v": []}, {"v": ["a"]}):
        with pytest.raises(IndexFileError, match="no item has a list of numbers under 'v'"):
            vectors_in_metadata([IndexedItem("one", "1", "one", metadata)], "v")
    two = [IndexedItem("one", "1", "one", {"v": [1, 2]}), IndexedItem("two", "1", "two", {"v": [1]})]
    with pytest.raises(IndexFileError):
        vectors_in_metadata(two, "v")
