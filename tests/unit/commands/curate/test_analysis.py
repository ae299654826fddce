"""Duplicates, failures and choices of an index."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark_qa.commands.curate.analysis import Wish, cluster, duplicates_of, read_failures, select
from benchmark_qa.commands.curate.index import Index, IndexedItem, IndexFileError
from tests.integration.curation.pictures import busy
from tests.unit.commands.curate.entries import entry_of


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Forty pictures in two clusters of 20; 0 and 20 are in both places; each has an hour."""
    with Index.open(tmp_path / "x.index", make=True) as opened:
        random = np.random.default_rng(0)
        centres = np.eye(8)[:2]
        items = [IndexedItem(f"item{n:02d}", "1", f"{n}.jpg", {"hour": n % 4, "split": "train"}) for n in range(40)]
        opened.settle("A", items)
        opened.settle("B", [items[0], items[20]])
        vectors = [centres[n // 20] + 0.05 * random.normal(size=8) for n in range(40)]
        opened.write([entry_of(one, busy(n), vectors[n]) for n, one in enumerate(items)], "net")
        opened.use_model("net")
        opened.write([entry_of(one, busy(n), vectors[n]) for n, one in enumerate(items)], "net")
        yield opened


def test_the_picture_that_is_kept_is_the_sharpest_the_largest_or_a_labelled_one(index: Index) -> None:
    base = entry_of(IndexedItem("item00", "1", "0.jpg"), busy(0), None)
    assert base.measures is not None
    sharp = replace(base.measures, sharpness=50.0)
    large = replace(base.measures, width=9_000)
    for item, measures in (("item01", sharp), ("item02", large), ("item03", base.measures)):
        index.write([replace(base, item=IndexedItem(item, "1", item), measures=measures)], None)
    index.write([base], None)
    index.note_figures("data_hash", {"item03": "hash"})
    kept = {}
    for keep in ("sharpest", "largest", "labelled"):
        index.__dict__.pop("pictures", None)
        found = duplicates_of(index, bits=0, distance=0, vectors=False, keep=keep)
        group = next(one for one in found.groups if 0 in one.members)
        kept[keep] = index.pictures.items[group.keep].item
    assert kept == {"sharpest": "item01", "largest": "item02", "labelled": "item03"}


def test_leaks_are_between_places_or_the_values_of_a_field(index: Index) -> None:
    found = duplicates_of(index, bits=0, distance=0.0001, vectors=True)
    assert [group.members for group in found.leaks] == [(0,), (20,)]
    assert duplicates_of(index, bits=0, distance=0.0001, vectors=True, split="split").leaks == []
    with pytest.raises(IndexFileError, match="no picture has 'fold'"):
        duplicates_of(index, bits=0, distance=0.1, vectors=True, split="fold")
    assert sum(count for _, _, count in found.histogram) == 40


def test_the_cluster_that_fails_is_found_and_kept_as_a_figure(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("item,failed\n" + "".join(f"{n}.jpg,{int(n >= 20)}\n" for n in range(40)))
    found = cluster(index, least=5, failures=read_failures(path))
    assert found.failing is not None
    assert [(one.inside, one.certain) for one in found.failing] == [(1.0, True), (0.0, False)]
    number = found.failing[0].cluster
    assert {item for item, at in index.figures("cluster").items() if at == number} == {
        f"item{n}" for n in range(20, 40)
    }
    assert set(found.typical[number]) <= set(range(20, 40))
    path.write_text("item,failed\nelsewhere.jpg,1\n")
    with pytest.raises(IndexFileError, match="none of the failures names a picture"):
        cluster(index, least=5, failures=read_failures(path))


def test_failures_may_come_from_any_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"\xef\xbb\xbfsep=;\r\nitem;failed;count\r\na;0,5;1\r\n")
    assert read_failures(path).failed == {"a": 0.5}
    path.write_bytes("item\tfailed\na\t1\n".encode("utf-16"))
    assert read_failures(path).failed == {"a": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item,failed\na\n", "line 2 has no number"),
        ("name,failed\na,1\n", "no column 'item'"),
        ("item,wrong\na,1\n", "no column 'failed'"),
        ("item,failed\na,x\n", "line 2 has no number"),
        ("item,failed,count\na,1,2\nb,3,2\n", "line 3: failed is between 0 and count"),
        ("item,failed\na,-1\n", "between 0 and count"),
        ("item,failed,count\na,1,inf\n", "between 0 and count"),
        ("item,failed\na,nan\n", "between 0 and count"),
    ],
)
def test_failures_that_cannot_be_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(IndexFileError, match=said):
        read_failures(tmp_path / "f.csv")


def test_a_choice_is_stratified_diverse_and_settled_by_the_seed(index: Index) -> None:
    cluster(index, least=5)
    one = select(index, Wish(8, stratify=("hour",)))
    assert {stratum: taken for stratum, (taken, _) in one.strata.items()} == {(str(h),): 2 for h in range(4)}
    assert [item.item for item in one.items] == [item.item for item in select(index, Wish(8, stratify=("hour",))).items]
    assert [i.item for i in one.items] != [i.item for i in select(index, Wish(8, stratify=("hour",), seed=1)).items]
    two = select(index, Wish(2, diverse=True))
    assert {int(item.item[4:]) // 20 for item in two.items} == {0, 1}
    places = select(index, Wish(4, stratify=("place",)))
    assert ("A + B",) in places.strata
    assert len(select(index, Wish(4, stratify=("cluster",))).strata) == 2


def test_lists_duplicates_and_earlier_selections_are_left_out(index: Index) -> None:
    index.note_figures("quality", {"item00": "dark, flat", "item01": "blurred", "item02": "good"})
    index.note_figures("duplicate_of", {"item03": "item04"})
    wish = Wish(1, without=("dark",), no_duplicates=True)
    assert select(index, wish, ["item05"]).candidates == 37
    assert [item.item for item in select(index, Wish(1, only=("flat",))).items] == ["item00"]
    with pytest.raises(IndexFileError, match="did you mean 'blurred'"):
        select(index, Wish(1, without=("blured",)))
    with pytest.raises(IndexFileError, match="99 items are to be taken, and there are 40"):
        select(index, Wish(99))
    with pytest.raises(IndexFileError, match="no picture has a field 'weather'"):
        select(index, Wish(1, stratify=("weather",)))


def test_lists_are_asked_for_before_quality_was_measured(index: Index) -> None:
    with pytest.raises(IndexFileError, match="run 'benchmark-qa curate quality"):
        select(index, Wish(1, without=("dark",)))
