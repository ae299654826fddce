"""The similarity measure of each shape, and which drawings can be similar at all."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark_qa.engine.config import ScoringRules
from benchmark_qa.engine.errors import MasksDifferInSizeError
from benchmark_qa.engine.pairs import Flags, Pairs, box_iou, padded_extents, ratio_or_same
from benchmark_qa.engine.similarity import cuboids, points
from benchmark_qa.labels.annotations import Drawings, Indices, Numbers, Runs, segments
from benchmark_qa.labels.ontology import Shape

Media = tuple[Numbers, Numbers]
"""Width and height in pixels of the frame of each truth drawing (n, 2) and label drawing (m, 2)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How the drawings of one shape are compared."""

    truth_extents: Numbers
    """Left, top, width, height (n, 4); only drawings whose extents touch can be similar."""
    label_extents: Numbers
    areas: Numbers
    """Areas of the truth drawings (n,), in pixels squared or the shape's own unit."""
    similarity: Callable[[Pairs], Numbers]
    """Maps pairs (k,) to similarities in [0, 1] (k,)."""


def measure(  # noqa: PLR0911 - one per shape
    truth: Drawings, label: Drawings, media: Media, rules: ScoringRules
) -> Measure:
    """The measure of the drawings' shape."""
    match truth.shape:
        case Shape.BOUNDING_BOX:
            return _boxes(truth, label, media)
        case Shape.POINT:
            return _points(truth, label, media, rules)
        case Shape.SKELETON:
            return _skeletons(truth, label, media, rules)
        case Shape.POLYLINE:
            return _lines(truth, label, media, rules)
        case Shape.CUBOID:
            return _cuboids(truth, label)
        case Shape.BITMASK if not rules.named(truth, rules.config.boundary).any():
            return _runs(truth, label)
        case Shape.SEGMENTATION | Shape.AUDIO | Shape.TIME_RANGE | Shape.TEXT:
            return _runs(truth, label)
    return _areas(truth, label, media, rules)


def _boxes(truth: Drawings, label: Drawings, media: Media) -> Measure:
    # IoU does not depend on the unit, so conversion to pixels is not needed.
    return Measure(
        truth.geometry,
        label.geometry,
        truth.geometry[:, 2] * truth.geometry[:, 3] * media[0].prod(axis=1),
        lambda pairs: box_iou(truth.geometry[pairs.truth], label.geometry[pairs.label]),
    )


def _areas(truth: Drawings, label: Drawings, media: Media, rules: ScoringRules) -> Measure:
    from benchmark_qa.engine.similarity import areas  # noqa: PLC0415 - boxes need no shapely
    from benchmark_qa.labels.outlines import outlines, sizes  # noqa: PLC0415

    first, second = outlines(truth, media[0]), outlines(label, media[1])
    rimmed = rules.named(truth, rules.config.boundary)

    def similarity(pairs: Pairs) -> Numbers:
        if truth.shape is Shape.CUBOID_2D:
            return areas.cuboid_iou(truth, label, media, pairs)
        if truth.shape is Shape.CIRCLE:
            return areas.circle_iou(truth, label, media, pairs)
        values = areas.area_iou(first, second, pairs)
        chosen = rimmed[pairs.truth]
        if chosen.any():
            rims = areas.boundary_iou(first, second, media[0], rules.config.boundary_width, pairs.where(chosen))
            values[chosen] = np.minimum(values[chosen], rims)
        return values

    return Measure(areas.extents(first), areas.extents(second), sizes(first), similarity)


def _runs(truth: Drawings, label: Drawings) -> Measure:
    # Text nodes of HTML have no common axis, so every pair is a candidate.
    several = len(truth.geometry.names) > 1 or len(label.geometry.names) > 1
    extents = [np.zeros((len(d), 4)) if several else run_extents(d.geometry) for d in (truth, label)]
    return Measure(
        extents[0],
        extents[1],
        run_lengths(truth.geometry),
        lambda pairs: run_iou(truth.geometry, label.geometry, pairs),
    )


def _lines(truth: Drawings, label: Drawings, media: Media, rules: ScoringRules) -> Measure:
    from benchmark_qa.engine.similarity import lines  # noqa: PLC0415 - boxes need no shapely

    config = rules.config
    sides = [lines.scaled(d.geometry, scale) for d, scale in zip((truth, label), media, strict=True)]
    in_space = lines.in_space(truth.geometry)
    size = np.where(in_space, config.scene_size, np.sqrt(media[0].prod(axis=1)))
    half_width = config.line_width * size
    directed = rules.named(truth, config.directed)
    return Measure(
        lines.line_extents(sides[0], half_width),
        lines.line_extents(sides[1], np.zeros(len(label))),
        lines.lengths(sides[0]),
        lambda pairs: lines.line_similarity(sides[0], sides[1], half_width, directed, pairs, media),
    )


def _points(truth: Drawings, label: Drawings, media: Media, rules: ScoringRules) -> Measure:
    in_space = ~np.isnan(truth.geometry[:, 2])
    size = np.where(in_space, rules.config.scene_size, np.sqrt(media[0].prod(axis=1)))
    scale = 2 * rules.config.point_sigma * size
    sides = [points.scaled(d.geometry, m) for d, m in zip((truth, label), media, strict=True)]
    about = points.reach_of_points(scale)[:, None]
    return Measure(
        np.concatenate((sides[0][:, :2] - about, np.repeat(2 * about, 2, axis=1)), axis=1),
        np.concatenate((sides[1][:, :2], np.zeros((len(label), 2))), axis=1),
        np.zeros(len(truth)),
        lambda pairs: points.point_similarity(sides[0], sides[1], scale, pairs),
    )


def _skeletons(truth: Drawings, label: Drawings, media: Media, rules: ScoringRules) -> Measure:
    sides = [
        d.geometry.points * scale.repeat(np.diff(d.geometry.offsets), axis=0)
        for d, scale in zip((truth, label), media, strict=True)
    ]
    sigmas = rules.sigmas(zip(truth.geometry.names, truth.geometry.titles, strict=True))
    areas = points.oks_areas(truth.geometry, sides[0])
    widest = 2 * sigmas.max(initial=rules.config.sigma) * np.sqrt(areas)
    return Measure(
        padded_extents(sides[0], truth.geometry.offsets, points.reach_of_points(widest)),
        padded_extents(sides[1], label.geometry.offsets, np.zeros(len(label))),
        areas,
        lambda pairs: points.oks(truth.geometry, label.geometry, (sides[0], sides[1]), sigmas, pairs),
    )


def _cuboids(truth: Drawings, label: Drawings) -> Measure:
    return Measure(
        cuboids.cuboid_extents(truth.geometry),
        cuboids.cuboid_extents(label.geometry),
        truth.geometry[:, 6:].prod(axis=1),
        lambda pairs: cuboids.volume_iou(truth.geometry, label.geometry, pairs),
    )


def run_iou(truth: Runs, label: Runs, pairs: Pairs) -> Numbers:
    """Shared length over covered length of each pair (k,).

    Raises:
        MasksDifferInSizeError: bitmasks of different size are paired.
    """
    masks = truth.size is not None and label.size is not None
    if masks and (truth.size[pairs.truth] != label.size[pairs.label]).any():  # type: ignore[index]
        raise MasksDifferInSizeError("bitmasks of one frame differ in height or width")
    shared = _shared(truth, _on_lines_of(label, truth), pairs)
    union = run_lengths(truth)[pairs.truth] + run_lengths(label)[pairs.label] - shared
    return ratio_or_same(shared, union, lambda flat: _same_place(truth, label, pairs, flat))


def run_extents(runs: Runs) -> Numbers:
    """Left, top, width, height (n, 4) of each drawing: in pixels for bitmasks, else first to last end."""
    extents = np.zeros((len(runs), 4))
    some = np.flatnonzero(np.diff(runs.offsets))
    if not len(some):
        return extents
    first = runs.offsets[some]
    start, end = runs.starts, runs.ends
    if runs.size is None:
        extents[some, 0] = np.minimum.reduceat(start, first)
        extents[some, 2] = np.maximum.reduceat(end, first) - extents[some, 0]
        return extents
    width = runs.size[:, 1].repeat(np.diff(runs.offsets))
    top, bottom = start // width, (end - 1) // width
    several = top != bottom
    left = np.where(several, 0, start % width)
    right = np.where(several, width, (end - 1) % width + 1)
    extents[some, 0] = np.minimum.reduceat(left, first)
    extents[some, 1] = np.minimum.reduceat(top, first)
    extents[some, 2] = np.maximum.reduceat(right, first) - extents[some, 0]
    extents[some, 3] = np.maximum.reduceat(bottom, first) + 1 - extents[some, 1]
    return extents


def run_lengths(runs: Runs) -> Numbers:
    """Covered length of each drawing (n,): pixels, points, milliseconds, characters."""
    total = np.concatenate((np.zeros(1), np.cumsum(runs.ends - runs.starts)))
    return np.asarray(total[runs.offsets[1:]] - total[runs.offsets[:-1]])


def _on_lines_of(runs: Runs, other: Runs) -> Runs:
    """The same runs with their lines numbered as in `other`.

    Lines that `other` does not have come after its own.
    """
    if runs.names == other.names:
        return runs
    number = {name: i for i, name in enumerate(dict.fromkeys((*other.names, *runs.names)))}
    line = np.array([number[name] for name in runs.names], np.int32)[runs.line]
    return Runs(runs.starts, runs.ends, line, runs.offsets, tuple(number), runs.size)


def _shared(truth: Runs, label: Runs, pairs: Pairs) -> Numbers:
    """Shared length (k,): over the runs of the label, the truth's covered length up to their ends."""
    items, offsets = segments(label.offsets, pairs.label)
    owner = np.repeat(pairs.truth, np.diff(offsets))
    if not len(items) or not len(truth.starts):
        return np.zeros(len(pairs))
    edges, rank = np.unique(np.concatenate((truth.starts, label.starts, label.ends)), return_inverse=True)
    starts, froms, tos = np.split(rank, (len(truth.starts), len(truth.starts) + len(label.starts)))
    lines = max(len(truth.names), len(label.names))
    drawing = np.repeat(np.arange(len(truth)), np.diff(truth.offsets))
    key = (drawing * lines + truth.line) * len(edges) + starts
    total = np.concatenate((np.zeros(1), np.cumsum(truth.ends - truth.starts)))
    group = (owner * lines + label.line[items]) * len(edges)

    def covered(at: Indices, position: Numbers) -> Numbers:
        run = np.searchsorted(key, group + at[items], side="right") - 1
        inside = np.maximum(run, 0)
        reach = np.clip(position[items] - truth.starts[inside], 0, (truth.ends - truth.starts)[inside])
        own = (run >= 0) & (key[inside] >= group)
        return np.asarray(total[run + 1] - np.where(own, (truth.ends - truth.starts)[inside] - reach, 0))

    shared = covered(tos, label.ends) - covered(froms, label.starts)
    total_of_pair = np.bincount(np.repeat(np.arange(len(pairs)), np.diff(offsets)), shared, minlength=len(pairs))
    return total_of_pair.astype(np.float64)


def _same_place(truth: Runs, label: Runs, pairs: Pairs, flat: Indices) -> Flags:
    """For pairs without length: whether both are empty, or are the same instants."""
    same = np.zeros(len(flat), np.bool_)
    for position, pair in enumerate(flat):
        first, second = pairs.truth[pair], pairs.label[pair]
        left = slice(truth.offsets[first], truth.offsets[first + 1])
        right = slice(label.offsets[second], label.offsets[second + 1])
        same[position] = np.array_equal(truth.starts[left], label.starts[right])
    return same
