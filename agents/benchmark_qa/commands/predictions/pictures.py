"""Read the labels' pictures, from a folder or from Encord: brightness, sharpness, near-duplicates."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, StoredPictures
from benchmark_qa.encord_api.retries import batches
from benchmark_qa.images.statistics import ImageStatistics, UnreadableImageError, image_statistics
from benchmark_qa.terminal.files import ExportError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark_qa.commands.predictions.detections import Detections
    from benchmark_qa.commands.predictions.inputs import Inputs
    from benchmark_qa.images.data_units import ImageMap
    from benchmark_qa.images.statistics import ImageStatistics


SHOWN = 5
"""Files with contradicting names that are listed in a message"""


DISTANCE = 4
"""Bits of 64 in which the fingerprints of near-duplicates differ at most"""


@dataclass(frozen=True)
class PictureStatistics:
    """Picture statistics by index into `Detections.images`; missing pictures are left out."""

    statistics: "Mapping[int, ImageStatistics]"

    def groups(self) -> "list[NDArray[np.intp]]":
        """Groups of near-duplicates, as indices into `Detections.images`."""
        import numpy as np

        from benchmark_qa.images.picture_groups import near_duplicate_groups

        structured = {at: one.fingerprint for at, one in self.statistics.items() if one.fingerprint is not None}
        places = np.array(sorted(structured), dtype=np.intp)
        hashes = np.array([structured[place] for place in places.tolist()], dtype=np.uint64)
        return [places[group] for group in near_duplicate_groups(hashes, DISTANCE)]


def read_pictures(
    inputs: "Inputs", detections: "Detections", folder: Path | None, *, stored: bool
) -> PictureStatistics | None:
    """The pictures of the folder, or those that Encord has stored; None if neither is asked for.

    Raises:
        ExportError: the folder has none of them, the labels are not Encord's, or Pillow is not installed.
        PlatformError, SettingsError: from Encord.
    """
    if folder is None and not stored:
        return None
    try:
        return (
            _stored(inputs, detections)
            if folder is None
            else _in_folder(detections, folder, inputs.export.images if inputs.export else None)
        )
    except ModuleNotFoundError:
        raise ExportError("reading pictures needs Pillow: pip install '.[curation]' in a checkout") from None


def _stored(inputs: "Inputs", detections: "Detections") -> PictureStatistics:
    if inputs.encord is None:
        raise ExportError("--pictures reads from Encord: name the labels by their project's hash")
    from benchmark_qa.terminal.failures import clear_failures
    from benchmark_qa.terminal.printing import item_progress

    items = {
        at: item
        for at, source in enumerate(detections.sources)
        if not source.frame and not source.space and (item := inputs.items.get(source.data_hash or ""))
    }
    with clear_failures(), item_progress("reading pictures", len(items)) as progress:
        found = read_stored(StoredPictures(inputs.encord), items, progress)
    missing = len(detections.sources) - len(found.statistics)
    if missing:
        typer.echo(f"{missing:,} images are no pictures or cannot be read ({found.unread:,})", err=True)
    return PictureStatistics(found.statistics)


def _in_folder(detections: "Detections", folder: Path, image_map: "ImageMap | None") -> PictureStatistics:
    """Statistics of every image of the labels that is in the folder under one of its names."""
    from benchmark_qa.images.statistics import UnreadableImageError, image_statistics
    from benchmark_qa.terminal.printing import item_progress

    wanted = _files(detections, folder, image_map)
    if not wanted:
        raise ExportError(f"{folder}: holds no image under the title of a data unit")
    statistics, unreadable = {}, 0
    with item_progress("reading pictures", len(wanted)) as progress:
        for at, path in wanted:
            try:
                statistics[at] = image_statistics(path.read_bytes())
            except UnreadableImageError:
                unreadable += 1
            progress(1)
    missing = len(detections.sources) - len(statistics)
    if missing:
        typer.echo(f"{folder}: {missing:,} images are not there ({unreadable:,} cannot be read)", err=True)
    return PictureStatistics(statistics)


def with_pictures(models: "Sequence[Detections]", pictures: PictureStatistics | None) -> "list[Detections]":
    """The detections with brightness and sharpness added to their fields, if the pictures were read."""
    if pictures is None:
        return list(models)
    fields = [dict(known) for known in models[0].fields]
    for at, statistics in pictures.statistics.items():
        fields[at] |= {"brightness": statistics.brightness, "sharpness": statistics.sharpness}
    return [replace(model, fields=tuple(fields)) for model in models]


def _files(detections: "Detections", folder: Path, image_map: "ImageMap | None") -> list[tuple[int, Path]]:
    """The file of every image that has one, by index into `Detections.images`."""
    from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage

    known = [
        KnownImage(
            tuple(name for name in (source.title, *source.names, source.url) if name),
            (source.data_hash,) if source.data_hash and not source.frame else (),
        )
        for source in detections.sources
    ]
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in paths]
    asked = [Asked((name,), (path.stem,)) for name, path in zip(names, paths, strict=True)]
    matching = ImageIndex(known).all_of(asked, image_map)
    contradictions = [refusal for refusal in matching.refused.values() if refusal.contradicts]
    for refusal in contradictions[:SHOWN]:
        typer.echo(f"{folder}: {refusal}", err=True)
    if len(contradictions) > SHOWN:
        typer.echo(f"{folder}: and {len(contradictions) - SHOWN:,} more files whose names contradict", err=True)
    found = [(match.at, path) for match, path in zip(matching.found, paths, strict=True) if match is not None]
    return sorted(dict(reversed(found)).items())


PARALLEL = 8


@dataclass
class PicturesRead:
    """Statistics by the caller's number, and the number of unreadable pictures."""

    statistics: dict[int, ImageStatistics] = field(default_factory=dict)
    unread: int = 0


def read_stored(
    pictures: StoredPictures, items: Mapping[int, str], progress: Progress = no_progress, *, parallel: int = PARALLEL
) -> PicturesRead:
    """Read stored pictures (uuids by the caller's number). 1 request per 100, and 1 per picture.

    Raises:
        PlatformError: Encord itself cannot be used.
        ModuleNotFoundError: Pillow, of the extra `curation`, is not installed.
    """
    found = PicturesRead()
    with ThreadPoolExecutor(parallel, thread_name_prefix="pictures") as threads:
        for batch in batches(list(items.items()), ITEMS_PER_REQUEST):
            urls = pictures.signed_urls([uuid for _, uuid in batch])
            tasks = [(number, threads.submit(_statistics, pictures, urls.get(uuid))) for number, uuid in batch]
            for number, task in tasks:
                statistics = task.result()
                if statistics is None:
                    found.unread += 1
                else:
                    found.statistics[number] = statistics
                progress(1)
    return found


def _statistics(pictures: StoredPictures, url: str | None) -> ImageStatistics | None:
    """Statistics of a picture; None if it cannot be read, so that the other pictures can still be used."""
    if url is None:
        return None
    try:
        return image_statistics(pictures.read(url))
    except (EncordUnavailable, RequestRejected, UnreadableImageError):
        return None
