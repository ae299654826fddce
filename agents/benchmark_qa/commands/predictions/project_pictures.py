"""Read pictures stored on Encord and compute their statistics."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmark_qa.context import Progress, no_progress
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.pictures import ITEMS_PER_REQUEST, Pictures
from benchmark_qa.encord_api.request_sizes import batches
from benchmark_qa.images.statistics import ImageStatistics, UnreadableImageError, image_statistics

PARALLEL = 8


@dataclass
class PicturesRead:
    """Statistics by the caller's number, and the number of unreadable pictures."""

    statistics: dict[int, ImageStatistics] = field(default_factory=dict)
    unread: int = 0


def read_pictures(
    pictures: Pictures, items: Mapping[int, str], progress: Progress = no_progress, *, parallel: int = PARALLEL
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


def _statistics(pictures: Pictures, url: str | None) -> ImageStatistics | None:
    """Statistics of a picture; None if it cannot be read, so that the other pictures can still be used."""
    if url is None:
        return None
    try:
        return image_statistics(pictures.read(url))
    except (EncordUnavailable, RequestRejected, UnreadableImageError):
        return None
