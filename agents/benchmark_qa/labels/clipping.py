"""Cut labels to their media: the image, and the length of the video or audio.

Boxes are cut at the edge; points move to the nearest place in the image. Outlines and lines are cut where they are
computed (`benchmark_qa.labels.outlines`). Labels entirely outside are left out.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmark_qa.labels.annotations import Annotations, Classification, Drawings, Indices, Numbers, Runs, Skeletons
from benchmark_qa.labels.ontology import AREA_SHAPES, Shape


def within_media(truth: Annotations, labels: Annotations) -> tuple[Annotations, Annotations]:
    """Both label rows of one data unit, cut to the image and to the end of the video or audio."""
    ends = {**labels.ends, **truth.ends}
    return _cut(truth, ends), _cut(labels, ends)


def _cut(annotations: Annotations, ends: Mapping[str, int]) -> Annotations:
    spaces = [ends.get(space, np.inf) for space in annotations.spaces]
    drawings = {
        shape: _within_image(_before_end(drawn, np.array(spaces))) for shape, drawn in annotations.drawings.items()
    }
    asked = (_spans_within(item, ends.get(item.space)) for item in annotations.classifications)
    return annotations.only(drawings, tuple(item for item in asked if item is not None))


def _before_end(drawings: Drawings, ends: Numbers) -> Drawings:
    if drawings.shape is Shape.AUDIO:
        return _sound_before_end(drawings, ends[drawings.space])
    inside = drawings.frame <= ends[drawings.space]
    return drawings if inside.all() else drawings.take(np.flatnonzero(inside))


def _sound_before_end(drawings: Drawings, ends: Numbers) -> Drawings:
    runs: Runs = drawings.geometry
    limit = ends.repeat(np.diff(runs.offsets))
    if (runs.ends <= limit).all() and (runs.starts >= 0).all():
        return drawings
    starts, stops = np.maximum(runs.starts, 0.0), np.minimum(runs.ends, limit)
    kept = (stops > starts) | ((stops == starts) & (runs.starts == runs.ends))
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))[runs.offsets]
    cut = replace(drawings, geometry=Runs(starts[kept], stops[kept], runs.line[kept], offsets, runs.names, runs.size))
    return cut.take(np.flatnonzero((np.diff(offsets) > 0) | (np.diff(runs.offsets) == 0)))


def _spans_within(item: Classification, end: int | None) -> Classification | None:
    """A classification cut to the media; None if nothing remains."""
    limit = np.inf if end is None else end
    if all(start >= 0 and stop <= limit for start, stop in item.spans):
        return item
    spans = tuple((max(start, 0.0), min(stop, limit)) for start, stop in item.spans if start <= limit and stop >= 0)
    return replace(item, spans=spans) if spans else None


def _within_image(drawings: Drawings) -> Drawings:
    geometry = drawings.geometry
    if drawings.shape is Shape.BOUNDING_BOX:
        return _boxes_within(drawings)
    if drawings.shape is Shape.POINT:
        flat = np.isnan(geometry[:, 2])
        moved = np.where(flat[:, None], np.clip(geometry[:, :2], 0.0, 1.0), geometry[:, :2])
        return replace(drawings, geometry=np.concatenate((moved, geometry[:, 2:]), axis=1))
    if isinstance(geometry, Skeletons):
        return replace(drawings, geometry=replace(geometry, points=np.clip(geometry.points, 0.0, 1.0)))
    if drawings.shape is Shape.BITMASK or drawings.shape not in AREA_SHAPES | {Shape.POLYLINE}:
        return drawings  # a mask has the size of its image; the other shapes have no image
    return _without_outside(drawings)


def _boxes_within(drawings: Drawings) -> Drawings:
    boxes: Numbers = drawings.geometry
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    over = ((low < 0) | (high > 1)).any(axis=1)
    if not over.any():
        return drawings
    cut_low, cut_high = np.clip(low[over], 0.0, 1.0), np.clip(high[over], 0.0, 1.0)
    sizes = cut_high - cut_low
    cut = boxes.copy()
    cut[over] = np.concatenate((cut_low, sizes), axis=1)
    outside = ((high[over] < 0) | (low[over] > 1)).any(axis=1)
    emptied = (sizes.prod(axis=1) == 0) & (boxes[over, 2:].prod(axis=1) > 0)
    kept = np.ones(len(boxes), np.bool_)
    kept[over] = ~(outside | emptied)
    return replace(drawings, geometry=cut).take(np.flatnonzero(kept))


def _without_outside(drawings: Drawings) -> Drawings:
    """Outlines and lines, without those that lie entirely outside the image."""
    from benchmark_qa.labels.outlines import reach, touches_image  # noqa: PLC0415 - boxes need no shapely

    media = np.where(drawings.media > 0, drawings.media, 1.0)
    low, high = reach(drawings, media)
    over: Indices = np.flatnonzero(((low < 0) | (high > media)).any(axis=1))
    if not len(over):
        return drawings
    kept = np.ones(len(drawings), np.bool_)
    kept[over] = touches_image(drawings.take(over), media[over])
    return drawings if kept.all() else drawings.take(np.flatnonzero(kept))
