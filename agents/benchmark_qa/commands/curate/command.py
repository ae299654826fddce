"""`benchmark-qa curate`: read pictures once, then ask about them."""

import json as json_module
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.commands.curate.choosing_command import DEFAULT_INDEX, IndexOption, choose, collect, push, show_map
from benchmark_qa.terminal.failures import INCOMPLETE, clear_failures, refuse
from benchmark_qa.terminal.files import require_place
from benchmark_qa.terminal.opening import open_encord
from benchmark_qa.terminal.options import JsonOption

if TYPE_CHECKING:
    from benchmark_qa.commands.curate.index import Index
    from benchmark_qa.commands.curate.indexing import Source
    from benchmark_qa.images.encoder import Encoder
    from benchmark_qa.images.picture_groups import DuplicateGroup
    from benchmark_qa.images.quality_lists import QualityList

SHOWN = 10
"""Pictures, groups and clusters that are printed of each list; --json prints all"""
STRONGEST = 50
"""Pictures of each list on the page"""

curate = typer.Typer(
    name="curate", help="Pictures: quality, duplicates, clusters, search, map, choice.", no_args_is_help=True
)

PageOption = Annotated[Path | None, typer.Option("--page", help="Write a page with the pictures, as HTML.")]


@curate.callback()
def _group() -> None:
    """Pictures: quality, duplicates, clusters, search, map, choice."""


@contextmanager
def _asking(*written: Path | None) -> "Iterator[None]":
    """Failures as one line; a missing extra names the extra. What will be `written` must have a place."""
    with clear_failures():
        for place in written:
            require_place(place)
        try:
            yield
        except ModuleNotFoundError as error:
            if (error.name or "").startswith(("benchmark_qa", "encord")):
                raise
            extra = "text-search" if error.name == "tokenizers" else "embeddings"
            refuse(f"this needs {error.name}: pip install '.[{extra}]' in a checkout")


@curate.command("index")
def index_pictures(
    *,
    local: Annotated[list[Path] | None, typer.Option(help="Local folder of pictures. May be repeated.")] = None,
    folder: Annotated[
        list[str] | None, typer.Option(help="Title or UUID of an Encord folder. May be repeated.")
    ] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Title or UUID of a dataset. May be repeated.")] = None,
    project: Annotated[list[str] | None, typer.Option(help="Title or hash of a project. May be repeated.")] = None,
    index: IndexOption = DEFAULT_INDEX,
    model: Annotated[
        Path | None, typer.Option(help="Another network: FILE.onnx, with its preprocessing in FILE.json beside it.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Vectors that you have: .npz (items, vectors) or .parquet (item, vector).")
    ] = None,
    vectors_key: Annotated[
        str | None, typer.Option(help="Vectors that stand under this key of the items' client metadata.")
    ] = None,
    no_vectors: Annotated[
        bool, typer.Option("--no-vectors", help="Quality and hashes alone; needs no network.")
    ] = False,
    parallel: Annotated[
        int | None, typer.Option(min=1, max=64, help="Pictures read at a time. [cores, at least 8 for Encord]")
    ] = None,
    most_pixels: Annotated[int, typer.Option(min=1, help="A picture with more pixels is not decoded.")] = 100_000_000,
    json: JsonOption = False,
) -> None:
    """Read every picture once: quality, hash, vector, thumbnail. Killed and run again, it goes on.

    A picture that is known in this version is not read again. Exit code 0, 2 for a faulty setting, 3 when Encord cannot
    be used, 4 when pictures could not be read (each is named with its reason, and tried again by the next run).
    """
    if sum(given is not None for given in (model, vectors, vectors_key)) + no_vectors > 1:
        refuse("give one of --model, --vectors, --vectors-key and --no-vectors")
    with _asking():
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.indexing import cores, index_source, vectors_in_metadata, vectors_of
        from benchmark_qa.terminal.printing import item_progress

        sources = _sources(local or [], folder or [], dataset or [], project or [])
        encoder = None if no_vectors or vectors or vectors_key else _encoder(model, cores())
        given = vectors_of(vectors) if vectors else {}
        runs, without = [], 0
        with Index.open(index, make=True) as opened:
            for source in sources:
                threads = parallel or (cores() if source.is_local else max(cores(), 8))
                with item_progress(f"reading {source.place}", len(source.items)) as progress:
                    runs.append(
                        index_source(
                            source, opened, encoder, parallel=threads, most_pixels=most_pixels, progress=progress
                        )
                    )
            if vectors_key:
                given = vectors_in_metadata(opened.pictures.items, vectors_key)
            if given:
                without = len(opened.pictures.items) - opened.take_vectors(given, f"given: {vectors or vectors_key}")
            unread = [(item.title, reason) for item, reason in opened.unread]
        outcome = [
            {"place": source.place, "left_out": dict(source.left_out), **vars(run)}
            for source, run in zip(sources, runs, strict=True)
        ]
        if json:
            typer.echo(json_module.dumps({"sources": outcome, "without_vector": without, "unread": unread}, indent=2))
        else:
            _print_index(outcome, without, index)
        for title, reason in unread[: None if json else SHOWN]:
            typer.echo(f"{title}: {reason}", err=True)
        if len(unread) > SHOWN and not json:
            typer.echo(f"and {len(unread) - SHOWN:,} more; --json lists all", err=True)
        if unread:
            raise typer.Exit(INCOMPLETE)


def _sources(
    local: Sequence[Path], folder: Sequence[str], dataset: Sequence[str], project: Sequence[str]
) -> "list[Source]":
    from benchmark_qa.commands.curate.indexing import dataset_source, folder_source, local_source, project_source

    for path in local:
        if not path.is_dir():
            refuse(f"{path}: is no folder")
    found = [local_source(path) for path in local]
    if folder or dataset or project:
        encord = open_encord()
        found += [folder_source(encord, one) for one in folder]
        found += [dataset_source(encord, one) for one in dataset]
        found += [project_source(encord, one) for one in project]
    if not found:
        refuse("say what to read: --local, --folder, --dataset or --project")
    return found


def _encoder(model: Path | None, threads: int) -> "Encoder":
    from benchmark_qa.commands.curate.indexing import default_encoder, encoder_of

    return default_encoder(threads=threads) if model is None else encoder_of(model, threads=threads)


def _print_index(outcome: Sequence[dict[str, Any]], without: int, index: Path) -> None:
    for one in outcome:
        typer.echo(
            f"{one['place']}: {one['read']:,} pictures read, {one['known']:,} known, {one['unread']:,} cannot be read"
        )
        if one["gone"]:
            typer.echo(f"  {one['gone']:,} are no longer there and are forgotten")
        if one["left_out"]:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(one["left_out"].items()))
            typer.echo(f"  left out, no pictures: {kinds}")
    if without:
        typer.echo(f"{without:,} pictures have no vector")
    typer.echo(f"index: {index}")


@curate.command()
def quality(
    *,
    index: IndexOption = DEFAULT_INDEX,
    blurred: Annotated[float, typer.Option(help="Sharpness below it.")] = 2.0,
    overexposed: Annotated[float, typer.Option(help="Share of pixels at level 250 and above, above it.")] = 0.08,
    dark: Annotated[float, typer.Option(help="Mean level below it.")] = 25.0,
    dark_light: Annotated[float, typer.Option(help="And level below which 99.9 % of the pixels are, below it.")] = 50.0,
    flat: Annotated[float, typer.Option(help="Standard deviation of the levels below it.")] = 5.0,
    odd_size: Annotated[float, typer.Option(help="Interquartile ranges from the median side, above it.")] = 3.0,
    odd_shape: Annotated[float, typer.Option(help="Longer side over shorter side, above it.")] = 3.0,
    page: PageOption = None,
    json: JsonOption = False,
) -> None:
    """Lists of blurred, over-exposed, dark, flat, odd-sized, odd-shaped, turned, misnamed and unreadable pictures.

    Nothing is removed: 'curate choose --without blurred' leaves a list out of a choice.
    """
    with _asking(page):
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.pages import quality_page
        from benchmark_qa.images.quality_lists import Cuts, quality_lists

        cuts = Cuts(blurred, overexposed, dark, dark_light, flat, odd_size, odd_shape)
        with Index.open(index) as opened:
            pictures = opened.pictures
            lists = quality_lists(pictures.measures, pictures.titles, cuts)
            opened.note_figures("quality", _in_words(opened, lists))
            unread = [(item.title, reason) for item, reason in opened.unread]
            if page is not None:
                page.write_text(quality_page(opened, lists, unread, STRONGEST), encoding="utf-8")
        if json:
            typer.echo(json_module.dumps(_quality_document(pictures.items, lists, unread), indent=2))
            return
        for one in lists:
            typer.echo(f"{one.name}: {len(one.members):,} of {len(pictures.items):,} ({one.measure} {one.cut})")
            for at, value in one.members[:SHOWN]:
                typer.echo(f"  {pictures.titles[at]}  {value:.3g}")
        typer.echo(f"unreadable: {len(unread):,}")
        for title, reason in unread[:SHOWN]:
            typer.echo(f"  {title}  {reason}")


def _in_words(index: "Index", lists: "Sequence[QualityList]") -> dict[str, str]:
    """The lists that each picture is on, by item; pictures on none are `good`."""
    found: dict[int, list[str]] = {}
    for one in lists:
        for at in one.indices:
            found.setdefault(at, []).append(one.name)
    return {item.item: ", ".join(found.get(at, ["good"])) for at, item in enumerate(index.pictures.items)}


def _quality_document(items: Sequence[Any], lists: "Sequence[QualityList]", unread: Sequence[Any]) -> dict[str, Any]:
    return {
        "pictures": len(items),
        "lists": [
            {
                "name": one.name,
                "measure": one.measure,
                "cut": one.cut,
                "histogram": {"counts": one.histogram[0], "edges": one.histogram[1]},
                "pictures": [
                    {"item": items[at].item, "title": items[at].title, "value": value} for at, value in one.members
                ],
            }
            for one in lists
        ],
        "unreadable": [{"title": title, "reason": reason} for title, reason in unread],
    }


@curate.command()
def duplicates(
    *,
    index: IndexOption = DEFAULT_INDEX,
    bits: Annotated[int, typer.Option(min=0, max=32, help="Bits of 64 in which near hashes differ at most.")] = 4,
    distance: Annotated[float, typer.Option(min=0, max=2, help="Cosine distance of near vectors at most.")] = 0.1,
    no_vectors: Annotated[bool, typer.Option("--no-vectors", help="By bytes and hashes alone.")] = False,
    keep: Annotated[
        str, typer.Option(help="Which one of a group to keep: sharpest, largest or labelled.")
    ] = "sharpest",
    split: Annotated[str | None, typer.Option(help="Client metadata field of the splits, for leaks.")] = None,
    page: PageOption = None,
    json: JsonOption = False,
) -> None:
    """Groups of equal and nearly equal pictures with the one to keep, and leaks between places and splits.

    The histogram of nearest distances helps to choose --distance: put it where the counts are low.
    """
    with _asking(page):
        from benchmark_qa.commands.curate.analysis import KEEP, duplicates_of
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.pages import duplicates_page

        if keep not in KEEP:
            refuse(f"--keep is one of {', '.join(KEEP)}, not {keep!r}")
        with Index.open(index) as opened:
            found = duplicates_of(opened, bits=bits, distance=distance, vectors=not no_vectors, keep=keep, split=split)
            opened.note_figures("duplicate_of", found.kept_instead(opened.pictures))
            if page is not None:
                page.write_text(duplicates_page(opened, found, STRONGEST), encoding="utf-8")
            titles = opened.pictures.titles
        if json:
            typer.echo(json_module.dumps(found.to_dict(titles), indent=2))
            return
        extra = sum(len(group.members) - 1 for group in found.groups)
        exact = sum(group.exact for group in found.groups)
        typer.echo(f"{len(titles):,} pictures: {len(found.groups):,} groups ({exact:,} exact), {extra:,} could go")
        for group in found.groups[:SHOWN]:
            typer.echo(f"  keep {_named(titles, group)}")
        typer.echo(f"leaks between {found.between}: {len(found.leaks):,}")
        for group in found.leaks[:SHOWN]:
            typer.echo(f"  {_named(titles, group)}")
        for low, high, count in found.histogram:
            typer.echo(f"  nearest at {low:.2f} to {high:.2f}: {count:,}")


def _named(titles: Sequence[str], group: "DuplicateGroup") -> str:
    names = [titles[at] for at in group.members]
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


@curate.command()
def similar(
    picture: Annotated[str, typer.Argument(help="Item or title of a picture in the index, or a picture file.")],
    *,
    index: IndexOption = DEFAULT_INDEX,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 20,
    model: Annotated[Path | None, typer.Option(help="The network of the index, if it is not the default one.")] = None,
    json: JsonOption = False,
) -> None:
    """The pictures nearest to a picture, by vector."""
    with _asking():
        from benchmark_qa.commands.curate.index import Index, IndexFileError
        from benchmark_qa.images.quality_lists import examine
        from benchmark_qa.images.statistics import UnreadableImageError

        with Index.open(index) as opened:
            vectors = opened.vectors()
            try:
                at = opened.pictures.place_of(picture)
                asked = vectors[at]
            except IndexFileError:
                if not Path(picture).is_file():
                    raise
                encoder, at = _encoder(model, 1), -1
                if encoder.name != opened.model:
                    refuse("the index has vectors of another network; give it with --model")
                try:
                    asked = encoder.vectors([examine(Path(picture).read_bytes()).small])[0]
                except UnreadableImageError as error:
                    refuse(f"{picture}: {error}")
            _print_nearest(opened, vectors, asked, count, json=json, leave_out=at)


@curate.command()
def search(
    words: Annotated[str, typer.Argument(help="What to look for, in the language of the network.")],
    *,
    model: Annotated[
        Path, typer.Option(help="Folder with image.onnx, image.json, text.onnx and tokenizer.json of one pair.")
    ],
    index: IndexOption = DEFAULT_INDEX,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 20,
    json: JsonOption = False,
) -> None:
    """The pictures nearest to words, by a pair of networks such as CLIP that you give by path."""
    with _asking():
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.indexing import encoder_of
        from benchmark_qa.images.encoder import TextEncoder

        named = ("image.onnx", "image.json", "text.onnx", "tokenizer.json")
        with Index.open(index) as opened:
            missing = [name for name in named if not (model / name).is_file()]
            if missing:
                said = f"{', '.join(missing)} missing; words need an image and a text network with its tokenizer"
                refuse(f"{model}: {said}")
            if opened.model != encoder_of(model / "image.onnx").name:
                refuse(
                    f"{index}: has vectors of another network",
                    f"read the sources again: curate index --model {model / 'image.onnx'}",
                )
            tokenizer = (model / "tokenizer.json").read_text(encoding="utf-8")
            text = TextEncoder((model / "text.onnx").read_bytes(), tokenizer, source=str(model / "text.onnx"))
            vectors, asked = opened.vectors(), text.vector(words)
            if len(asked) != vectors.shape[1]:
                refuse(f"{model}: text vectors have {len(asked)} numbers, picture vectors {vectors.shape[1]}")
            _print_nearest(opened, vectors, asked, count, json=json)


def _print_nearest(index: "Index", vectors: Any, asked: Any, count: int, *, json: bool, leave_out: int = -1) -> None:
    from benchmark_qa.images.picture_groups import nearest

    places, distances = nearest(vectors, asked[None], count + 1)
    items = index.pictures.items
    found = [(int(at), float(away)) for at, away in zip(places[0], distances[0], strict=True) if at != leave_out]
    rows = [
        {"item": items[at].item, "title": items[at].title, "distance": round(away, 4)} for at, away in found[:count]
    ]
    if json:
        typer.echo(json_module.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['distance']:.3f}  {row['title']}")


@curate.command()
def clusters(
    *,
    index: IndexOption = DEFAULT_INDEX,
    least: Annotated[int, typer.Option(min=2, help="Pictures of the smallest cluster.")] = 10,
    failures: Annotated[
        Path | None,
        typer.Option(
            help="CSV with item (or title), failed and optionally count: where does more fail than elsewhere?"
        ),
    ] = None,
    fields: Annotated[
        Path | None, typer.Option(help="Write the cluster of each picture as JSON, for --metadata of 'find'.")
    ] = None,
    page: PageOption = None,
    json: JsonOption = False,
) -> None:
    """Group the pictures by vector; with --failures, list the clusters in which more fails, the surest first.

    The intervals hold for all clusters at once. The cluster number is kept in the index and 'map' colours by it.
    With --fields it becomes one more field of the slices of 'find' and 'evaluate-predictions'.
    """
    with _asking(page, fields):
        from benchmark_qa.commands.curate.analysis import cluster, cluster_fields, read_failures
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.pages import clusters_page

        with Index.open(index) as opened:
            found = cluster(opened, least=least, failures=read_failures(failures) if failures else None)
            if page is not None:
                page.write_text(clusters_page(opened, found), encoding="utf-8")
            if fields is not None:
                fields.write_text(json_module.dumps(cluster_fields(opened), indent=1) + "\n", encoding="utf-8")
        if json:
            typer.echo(json_module.dumps(found.to_dict(), indent=2))
            return
        alone = found.pictures - sum(found.sizes)
        typer.echo(f"{found.pictures:,} pictures: {len(found.sizes):,} clusters, {alone:,} pictures in none")
        for line in found.lines(SHOWN):
            typer.echo(line)


curate.command("map")(show_map)
curate.command("choose")(choose)
curate.command("collect")(collect)
curate.command("push")(push)
