"""Entries of an index made from pictures, without files."""

import io
from functools import cache

import numpy as np
from PIL import Image

from benchmark_qa.commands.curate.index import Entry, IndexedItem
from benchmark_qa.images.encoder import unit_vectors
from benchmark_qa.images.quality_lists import examine

_examined = cache(examine)


def entry_of(
    item: IndexedItem, picture: Image.Image, vector: "np.ndarray[tuple[int], np.dtype[np.float64]] | None"
) -> Entry:
    content = io.BytesIO()
    picture.save(content, "PNG")
    found = _examined(content.getvalue())
    return Entry(
        item,
        digest=str(hash(content.getvalue())),
        measures=found.measures,
        fingerprint=found.fingerprint,
        vector=None if vector is None else unit_vectors(vector[None])[0],
        thumbnail=found.thumbnail(),
    )
