"""`benchmark-qa benchmark`: choose the items of the benchmark."""

import json as json_module
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures, refuse
from benchmark_qa.terminal.files import read_selection, require_place
from benchmark_qa.terminal.opening import open_encord

if TYPE_CHECKING:
    from benchmark_qa.commands.curation.items import ItemDataset
    from benchmark_qa.commands.curation.size import Pool
    from benchmark_qa.encord_api.catalogue import Catalogue
    from benchmark_qa.encord_api.client import Encord
    from benchmark_qa.images.draw import BenchmarkDraw, Candidate

SHOWN = 20
"""Unreadable pictures that are printed; OUT lists all of them"""

benchmark = typer.Typer(name="benchmark", help="Benchmark items: choose them.", no_args_is_help=True)


@benchmark.callback()
def _group() -> None:
    """Benchmark items: choose them."""


@benchmark.command()
def choose(
    folder: Annotated[list[str], typer.Option(help="Title or UUID of a folder to choose from. May be repeated.")],
    *,
    out: Annotated[Path, typer.Option(help="Where to write the chosen items, as JSON.")],
    dataset: Annotated[
        str | None, typer.Option(help="Title or UUID of the benchmark dataset: what is in it already counts.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Put them into the dataset, made if need be.")] = False,
    not_in: Annotated[
        list[str] | None, typer.Option(help="Leave out what is in this dataset, e.g. production's. May be repeated.")
    ] = None,
    only: Annotated[
        Path | None, typer.Option(help="Choose only from this selection of 'curate choose' or of the map.")
    ] = None,
    stratify: Annotated[
        list[str] | None, typer.Option(help="Client metadata field to stratify by. May be repeated.")
    ] = None,
    minimum: Annotated[int, typer.Option(min=0, help="Items of each stratum at least, as far as it has them.")] = 1,
    share: Annotated[
        float | None, typer.Option(min=0.0001, max=1, help="Share of benchmark tasks; 0.05 to 0.15 is usual. [0.1]")
    ] = None,
    interval_width: Annotated[
        float | None, typer.Option(min=0.001, max=1, help="Width wanted of an annotator's 95 % interval, e.g. 0.2.")
    ] = None,
    expected: Annotated[float, typer.Option(min=0, max=1, help="Score expected, for --interval-width.")] = 0.85,
    annotators: Annotated[int | None, typer.Option(min=1, help="How many people annotate.")] = None,
    tasks_each: Annotated[
        int | None, typer.Option(min=1, help="Tasks of an annotator while the pool is to last, benchmark and all.")
    ] = None,
    per_item: Annotated[
        int | None, typer.Option(min=1, help="Annotators on each benchmark item: the consensus block's. [all]")
    ] = None,
    spare: Annotated[float, typer.Option(min=0, max=1, help="Share on top, for items that will be excluded.")] = 0.1,
    count: Annotated[int | None, typer.Option(min=1, help="So many items, whatever the rules say.")] = None,
    distance: Annotated[
        int, typer.Option(min=0, max=32, help="Bits of 64 in which the hashes of near-duplicates differ at most.")
    ] = 4,
    keep_near_duplicates: Annotated[
        bool, typer.Option("--keep-near-duplicates", help="Read no pictures, leave nothing out.")
    ] = False,
    hashes: Annotated[Path | None, typer.Option(help="Where to note hashes; default: OUT.hashes beside it.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Pictures read at a time.")] = 8,
    seed: Annotated[int, typer.Option(help="Another seed, another choice.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print what is written to OUT.")] = False,
) -> None:
    """Choose benchmark items: stratified, without near-duplicates, as many as the rules ask for, settled by the seed.

    Killed and run again, no picture is read twice; run again with --apply, nothing is added. Exit code 0, 2 when there
    are too few items or a setting is faulty, 3 when Encord cannot be used, 4 when pictures could not be read (they are
    left out, and tried again by the next run).
    """
    from benchmark_qa.commands.curation.items import (
        PICTURES,
        ItemDataset,
        candidate_items,
        candidates_of,
        find_dataset,
        put_into,
    )
    from benchmark_qa.commands.curation.size import SizeOptions, pool_for
    from benchmark_qa.encord_api.catalogue import Catalogue
    from benchmark_qa.encord_api.folders import FolderTree
    from benchmark_qa.images.draw import TooFewItemsError, distinct
    from benchmark_qa.images.draw import draw_benchmark as draw

    size = SizeOptions(
        count=count,
        share=share,
        interval_width=interval_width,
        expected=expected,
        annotators=annotators,
        tasks_each=tasks_each,
        per_item=per_item,
        spare=spare,
    )
    if apply and dataset is None:
        refuse("say with --dataset into which dataset")
    with clear_failures():
        for place in (out, hashes):
            require_place(place)
        wanted = set(read_selection(only).uuids) if only is not None else None
        encord = open_encord()
        catalogue = Catalogue(encord)
        into = find_dataset(catalogue, dataset) if dataset is not None else ItemDataset(None, "", frozenset())
        items = candidate_items(FolderTree(encord), folder)
        if wanted is not None:
            items = [item for item in items if item.uuid in wanted or item.uuid in into.items]
        candidates = candidates_of(items, stratify or [], _items_in(catalogue, not_in or []) - into.items)
        unread: dict[str, str] = {}
        if not keep_near_duplicates:
            readable = {item.uuid for item in items if item.kind in PICTURES}
            notes = hashes or out.with_name(f"{out.name}.hashes")
            candidates, unread = _fingerprinted(encord, candidates, readable, notes, parallel)
        there = len(distinct(candidates, seed=seed, distance=distance, already=into.items)[0])
        pool = pool_for(size, there)
        try:
            choice = draw(candidates, pool.items, seed=seed, distance=distance, minimum=minimum, already=into.items)
        except TooFewItemsError as error:
            refuse(*pool.because, str(error))
        if apply:
            into = put_into(catalogue, into, [item.uuid for item in (*choice.kept, *choice.added)])
        asked = {"folders": folder, "seed": seed, "stratified_by": stratify or [], "applied": apply}
        document = asked | _document(choice, pool, into, unread)
        out.write_text(json_module.dumps(document, indent=2) + "\n", encoding="utf-8")
        if json:
            typer.echo(json_module.dumps(document, indent=2))
        else:
            _print(choice, pool, into, out, applied=apply)
        _print_unread(unread)
        if unread:
            raise typer.Exit(INCOMPLETE)


def _items_in(catalogue: "Catalogue", datasets: list[str]) -> set[str]:
    """Items of the datasets, which must exist: a misspelt one would exclude nothing."""
    from benchmark_qa.commands.curation.items import find_dataset

    found = [(name, find_dataset(catalogue, name)) for name in datasets]
    for name, dataset in found:
        if dataset.uuid is None:
            refuse(f"there is no dataset {name!r}")
    return {item for _, dataset in found for item in dataset.items}


def _fingerprinted(
    encord: "Encord", candidates: "list[Candidate]", readable: set[str], notes: Path, parallel: int
) -> "tuple[list[Candidate], dict[str, str]]":
    from benchmark_qa.commands.curation.items import with_fingerprints
    from benchmark_qa.encord_api.pictures import StoredPictures
    from benchmark_qa.terminal.files import Journal
    from benchmark_qa.terminal.printing import item_progress

    total = sum(candidate.uuid in readable for candidate in candidates)
    try:
        with closing(Journal(notes)) as journal, item_progress("reading pictures", total) as progress:
            return with_fingerprints(
                StoredPictures(encord), candidates, readable, journal, parallel=parallel, progress=progress
            )
    except ModuleNotFoundError:
        refuse("reading pictures needs Pillow: pip install '.[curation]' in a checkout")


def _document(choice: "BenchmarkDraw", pool: "Pool", into: "ItemDataset", unread: dict[str, str]) -> dict[str, Any]:
    return {
        "dataset": into.uuid,
        "size": {"items": pool.items, "tasks_of_an_annotator": pool.tasks_each, "because": list(pool.because)},
        "strata": [
            {"stratum": list(stratum), "chosen": chosen, "of": there}
            for stratum, (chosen, there) in choice.strata.items()
        ],
        "items": [
            {"uuid": item.uuid, "title": item.title, "stratum": list(item.stratum), "added": added}
            for added, items in ((False, choice.kept), (True, choice.added))
            for item in items
        ],
        "near_duplicates": [{"uuid": item.uuid, "title": item.title} for item in choice.near_duplicates],
        "unread": unread,
    }


def _print(choice: "BenchmarkDraw", pool: "Pool", into: "ItemDataset", out: Path, *, applied: bool) -> None:
    for line in pool.because:
        typer.echo(line)
    for stratum, (chosen, there) in choice.strata.items():
        if stratum:
            typer.echo(f"  {' / '.join(stratum)}: {chosen:,} of {there:,}")
    typer.echo(f"{len(choice.near_duplicates):,} near-duplicates are left out")
    were = f"are in {into.title!r} now" if applied else "would be added (--apply)"
    typer.echo(f"{len(choice.kept):,} items are in it already, {len(choice.added):,} {were}: {out}")


def _print_unread(unread: dict[str, str]) -> None:
    for uuid, reason in list(unread.items())[:SHOWN]:
        typer.echo(f"{uuid}: {reason}", err=True)
    if unread:
        typer.echo(f"{len(unread):,} pictures could not be read; run it again to try them again", err=True)
