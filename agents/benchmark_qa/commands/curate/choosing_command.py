"""`benchmark-qa curate` map, choose, collect and push: from what is seen to what is kept."""

import json as json_module
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark_qa.terminal.failures import clear_failures, refuse
from benchmark_qa.terminal.opening import open_encord
from benchmark_qa.terminal.options import JsonOption, OperatorOption, operator_of
from benchmark_qa.terminal.printing import tell_done

if TYPE_CHECKING:
    from benchmark_qa.commands.curate.index import Index

IndexOption = Annotated[Path, typer.Option("--index", help="The index file that 'curate index' writes.")]
DEFAULT_INDEX = Path("pictures.index")


def show_map(
    out: Annotated[Path, typer.Argument(help="Where to write the page.")] = Path("map.html"),
    *,
    index: IndexOption = DEFAULT_INDEX,
    flat: Annotated[str, typer.Option(help="How to lay it flat: tsne or pca. PCA is fast and coarse.")] = "tsne",
    seed: Annotated[int, typer.Option(help="Another seed, another map.")] = 0,
    json: JsonOption = False,
) -> None:
    """The pictures in two dimensions as one HTML file that works without a network: near means alike.

    Colour and filter by cluster, quality, place and client metadata; select with a lasso, by key or in the table; save
    the selection for 'curate collect' and 'benchmark choose --only'.
    """
    with clear_failures():
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.commands.curate.pages import map_page
        from benchmark_qa.images.picture_groups import laid_flat
        from benchmark_qa.terminal.files import require_place

        require_place(out)
        if flat not in ("tsne", "pca"):
            refuse(f"--flat is tsne or pca, not {flat!r}")
        with Index.open(index) as opened:
            try:
                places = laid_flat(opened.vectors(), "pca" if flat == "pca" else "tsne", seed=seed)
            except ModuleNotFoundError as error:
                refuse(f"this needs {error.name}: pip install '.[embeddings]' in a checkout, or --flat pca")
            page = map_page(opened, places, name=index.name)
            count = len(opened.pictures.items)
        out.write_text(page, encoding="utf-8")
        size = len(page.encode())
        facts = {"file": str(out), "pictures": count, "bytes": size}
        tell_done(f"{count:,} pictures, {size / 1e6:.1f} MB: {out}", facts, as_json=json)


def choose(
    out: Annotated[Path, typer.Option(help="Where to write the selection, as JSON.")],
    *,
    count: Annotated[int, typer.Option(min=1, help="How many pictures to choose.")],
    index: IndexOption = DEFAULT_INDEX,
    name: Annotated[str, typer.Option(help="Name of the selection; the Collection gets it with the date.")] = "Chosen",
    diverse: Annotated[
        bool, typer.Option("--diverse", help="Farthest first by vector, instead of by the seed.")
    ] = False,
    stratify: Annotated[
        list[str] | None,
        typer.Option(help="'cluster', 'place', 'quality' or a client metadata field. May be repeated."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only pictures of this quality list. May be repeated.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Without this quality list. May be repeated.")] = None,
    no_duplicates: Annotated[
        bool, typer.Option("--no-duplicates", help="Without what 'duplicates' would let go.")
    ] = False,
    not_in: Annotated[list[Path] | None, typer.Option(help="Without this selection file. May be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another choice.")] = 0,
    json: JsonOption = False,
) -> None:
    """Choose pictures: without bad ones and duplicates, stratified, diverse. Changes nothing on Encord."""
    with clear_failures():
        from benchmark_qa.commands.curate.analysis import Wish, select
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.terminal.files import read_selection, require_place

        require_place(out)
        wish = Wish(count, diverse, tuple(stratify or ()), tuple(only or ()), tuple(without or ()), no_duplicates, seed)
        left_out = {item for path in not_in or [] for item in read_selection(path).uuids}
        with Index.open(index) as opened:
            chosen = select(opened, wish, left_out)
        document = _write_selection(out, name, [(item.item, item.title) for item in chosen.items])
        if json:
            typer.echo(json_module.dumps(document, indent=2))
            return
        for stratum, (taken, there) in chosen.strata.items():
            if stratum:
                typer.echo(f"  {' / '.join(stratum)}: {taken:,} of {there:,}")
        typer.echo(f"{len(chosen.items):,} of {chosen.candidates:,} candidates chosen: {out}")


def _write_selection(out: Path, name: str, items: Sequence[tuple[str, str]]) -> dict[str, Any]:
    from benchmark_qa.formats.chosen_items import PictureSelection, SelectedPicture

    pictures = tuple(SelectedPicture(item=item, title=title) for item, title in items)
    made = PictureSelection(name=name, made_at=datetime.now(UTC), items=pictures)
    out.write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
    document: dict[str, Any] = made.model_dump(mode="json")
    return document


def collect(
    selection: Annotated[Path | None, typer.Argument(help="A selection of 'curate choose' or of the map.")] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Instead of a selection: name of a filter preset that you saved in Encord.")
    ] = None,
    folder: Annotated[str | None, typer.Option(help="With --preset: title or UUID of the top-level folder.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the Collection. [the selection's name with its date]")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make the Collection.")] = False,
    json: JsonOption = False,
    operator: OperatorOption = "",
) -> None:
    """Keep a selection as a Collection of its folder. A second run adds nothing; 'actions undo' deletes it.

    Exit code 0, 2 for a faulty file or setting, 3 when Encord cannot be used.
    """
    if (selection is None) == (preset is None) or (preset is None) != (folder is None):
        refuse("give a selection file, or --preset with --folder")
    with clear_failures():
        from benchmark_qa.encord_api.collections import FolderCollections
        from benchmark_qa.encord_api.folders import FolderTree, is_uuid
        from benchmark_qa.terminal.files import read_selection

        who = operator_of(operator) if apply else ""
        read = read_selection(selection) if selection is not None else None
        encord = open_encord()
        collections = FolderCollections(encord)
        rows: list[dict[str, Any]] = []
        if preset is not None and folder is not None:
            place = FolderTree(encord).named(folder)
            title = name or f"{preset} {datetime.now(UTC):%Y-%m-%d}"
            uuid = collections.of_preset(place.uuid, title, preset) if apply else None
            rows.append({"folder": place.uuid, "name": title, "items": None, "added": None, "collection": uuid})
        elif read is not None:
            title = name or f"{read.name} {read.made_at:%Y-%m-%d}"
            strange = [item for item in read.uuids if not is_uuid(item)]
            if strange:
                refuse(f"{len(strange):,} items are local files, such as {strange[0]}: upload them first")
            for root, items in collections.roots(read.uuids).items():
                uuid, added = (
                    collections.collect(root, title, "Chosen by Benchmark QA", items) if apply else (None, len(items))
                )
                rows.append({"folder": root, "name": title, "items": len(items), "added": added, "collection": uuid})
        for row in rows:
            row["action"] = _record(row, who) if apply and row["added"] != 0 else None
        if json:
            typer.echo(json_module.dumps(rows, indent=2))
            return
        for row in rows:
            kept = "what the preset selects" if row["items"] is None else f"{row['items']:,} items"
            done = f"collection {row['collection']}" if apply else "would be collected (--apply)"
            undo = f"; undo: benchmark-qa actions undo {row['action'][:8]}" if row["action"] else ""
            typer.echo(f"{row['name']}: {kept} {done}{undo}")


def _record(row: dict[str, Any], operator: str) -> str | None:
    """Write the Collection into the deployment's action log; None where no deployment is set up."""
    from benchmark_qa.config.account import SettingsError
    from benchmark_qa.encord_api.collections import COLLECTION_KIND
    from benchmark_qa.store.action_log import ActionLog
    from benchmark_qa.terminal.opening import open_scores

    try:
        scores = open_scores()
        project = scores.project
    except SettingsError:
        typer.echo("no deployment is set up here, so 'actions undo' does not know this Collection", err=True)
        return None
    try:
        return (
            ActionLog(scores.store.database)
            .record(
                project,
                kind=COLLECTION_KIND,
                operator=operator,
                subject=row["name"],
                reason=f"{row['name']} as a Collection",
                facts={"collection": row["collection"]},
            )
            .action_id
        )
    finally:
        scores.store.close()


def push(
    *,
    index: IndexOption = DEFAULT_INDEX,
    key: Annotated[
        str, typer.Option(help="Key of the client metadata, an embedding of the metadata schema.")
    ] = "benchmark_qa_vector",
    size: Annotated[
        int, typer.Option(min=2, max=4096, help="Numbers of each vector; more are reduced to it by PCA.")
    ] = 256,
    apply: Annotated[bool, typer.Option("--apply", help="Write them.")] = False,
    json: JsonOption = False,
) -> None:
    """Write the vectors into the client metadata of the stored items, for Encord's plot and similarity search.

    The schema's key is checked first, and made with --apply. Metadata is read, merged and written: other keys stay. A
    second run writes only what differs.
    """
    with clear_failures():
        from benchmark_qa.commands.curate.index import Index
        from benchmark_qa.encord_api.catalogue import Catalogue
        from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, ItemVectors
        from benchmark_qa.encord_api.retries import batches
        from benchmark_qa.terminal.printing import item_progress

        with Index.open(index) as opened:
            vectors = _for_encord(opened, size)
        if not vectors:
            refuse(f"{index}: has no stored item with a vector; local files cannot be pushed")
        encord = open_encord()
        writing, length = ItemVectors(encord), len(next(iter(vectors.values())))
        known = writing.size_of(key)
        if known not in (None, length):
            refuse(
                f"the key {key!r} of the metadata schema takes {known} numbers: use --size {known}, or another --key"
            )
        written = 0
        if apply:
            if known is None:
                Catalogue(encord).extend_metadata_schema({key: {"ty": "embedding", "size": length}})
            with item_progress("writing vectors", len(vectors)) as progress:
                for batch in batches(list(vectors), ITEMS_PER_REQUEST):
                    written += writing.write(key, {item: vectors[item] for item in batch})
                    progress(len(batch))
        outcome = {
            "key": key,
            "size": length,
            "key_exists": known is not None,
            "items": len(vectors),
            "written": written,
        }
        if json:
            typer.echo(json_module.dumps(outcome))
            return
        done = f"{written:,} written, the others were the same" if apply else "would be written (--apply)"
        made = "" if known else f"; the key {key!r} {'is made' if apply else 'would be made'}"
        typer.echo(f"{len(vectors):,} vectors of {length} numbers: {done}{made}")


def _for_encord(index: "Index", size: int) -> dict[str, list[float]]:
    """Vectors of the stored items, reduced and of unit length, with five digits."""
    from benchmark_qa.encord_api.folders import is_uuid
    from benchmark_qa.images.encoder import unit_vectors
    from benchmark_qa.images.picture_groups import reduced

    vectors = index.vectors()
    if vectors.shape[1] > size:
        small = reduced(vectors, size)
        if small.shape[1] < size:
            refuse(f"{len(vectors):,} pictures give at most {small.shape[1]} numbers: use --size {small.shape[1]}")
        vectors = unit_vectors(small) * vectors.any(axis=1, keepdims=True)
    return {
        item.item: [round(float(number), 5) for number in vectors[at]]
        for at, item in enumerate(index.pictures.items)
        if is_uuid(item.item) and vectors[at].any()
    }
