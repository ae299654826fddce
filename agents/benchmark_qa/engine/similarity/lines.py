"""Similarity of polylines: the share of each line inside a corridor around the other."""

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmark_qa.engine.pairs import Flags, Pairs, padded_extents
from benchmark_qa.labels.annotations import Lines, Numbers
from benchmark_qa.labels.outlines import line_of, refuse_tangles, within_image

SAMPLES = 200
"""Points of a line in space at which its distance to the other line is measured."""


def scaled(lines: Lines, media: Numbers) -> Lines:
    """Lines in pixels; those in space stay in scene units.

    `media` (n, 2) is the size of each line's frame.
    """
    factor = np.where(in_space(lines)[:, None], 1.0, media).repeat(np.diff(lines.offsets), axis=0)
    return Lines(np.concatenate((lines.points[:, :2] * factor, lines.points[:, 2:]), axis=1), lines.offsets)


def in_space(lines: Lines) -> Flags:
    """Which lines (n,) have z coordinates."""
    return np.asarray(~np.isnan(lines.points[lines.offsets[:-1], 2]), np.bool_)


def lengths(lines: Lines) -> Numbers:
    """Length of each line (n,)."""
    steps = np.linalg.norm(np.nan_to_num(np.diff(lines.points, axis=0)), axis=1)
    total = np.concatenate((np.zeros(1), np.cumsum(steps)))
    return np.asarray(total[lines.offsets[1:] - 1] - total[lines.offsets[:-1]])


def line_similarity(  # noqa: PLR0917 - two sides and how to compare them
    truth: Lines,
    label: Lines,
    half_width: Numbers,
    directed: Flags,
    pairs: Pairs,
    media: tuple[Numbers, Numbers] | None = None,
) -> Numbers:
    """Harmonic mean of the two shares of length inside the other line's corridor (k,).

    Args:
        truth: the lines of the ground truth, in pixels or scene units.
        label: the lines of the labels, in the same units; a flat line and one in space have nothing in common.
        half_width: of the corridor about each truth line (n,) and about the label line it is compared with.
        directed: for each truth line (n,) whether a line drawn from the other end is another line: it then has 0.
        pairs: k pairs of lines.
        media: width and height of each line's image (n, 2), (m, 2), where flat lines are cut; None cuts nothing.
    """
    result = np.zeros(len(pairs))
    first, second = in_space(truth)[pairs.truth], in_space(label)[pairs.label]
    flat = ~first & ~second
    result[flat] = _flat(truth, label, half_width, pairs.where(flat), media)
    for index in np.flatnonzero(first & second):
        row, column = int(pairs.truth[index]), int(pairs.label[index])
        result[index] = _share_in_space(_points(truth, row), _points(label, column), float(half_width[row]))
    for index in np.flatnonzero(directed[pairs.truth] & (result > 0)):
        if _reversed(_points(truth, int(pairs.truth[index])), _points(label, int(pairs.label[index]))):
            result[index] = 0.0
    return result


def line_extents(lines: Lines, margin: Numbers) -> Numbers:
    """Left, top, width, height (n, 4) around each line, `margin` (n,) wider on every side."""
    return padded_extents(lines.points[:, :2], lines.offsets, margin)


def _flat(
    truth: Lines, label: Lines, half_width: Numbers, pairs: Pairs, media: tuple[Numbers, Numbers] | None
) -> Numbers:
    if not len(pairs):
        return np.empty(0)
    sizes = media or (None, None)
    first, second = _shapes(truth, sizes[0])[pairs.truth], _shapes(label, sizes[1])[pairs.label]
    reach = half_width[pairs.truth]
    return _harmonic(_share(first, second, reach), _share(second, first, reach))


def _share(line: NDArray[np.object_], other: NDArray[np.object_], reach: Numbers) -> Numbers:
    """Share of each line's length inside the corridor around the other line."""
    length = shapely.length(line)
    corridor = shapely.buffer(other, reach)
    inside = shapely.length(shapely.intersection(line, corridor))
    dot = length == 0  # a line without length is a point: inside or not
    return np.where(dot, shapely.intersects(line, corridor), np.minimum(inside / np.where(dot, 1, length), 1.0))


def _harmonic(first: Numbers, second: Numbers) -> Numbers:
    total = first + second
    return np.asarray(2 * first * second / np.where(total > 0, total, 1.0))


def _shapes(lines: Lines, media: Numbers | None) -> NDArray[np.object_]:
    shapes = np.empty(len(lines), np.object_)
    for index in range(len(lines)):
        shapes[index] = line_of(lines.points[lines.offsets[index] : lines.offsets[index + 1], :2])
    shapes = shapes if media is None else within_image(shapes, media)
    long = shapely.length(shapes) > 0
    refuse_tangles(shapes[long])
    shapes[long] = shapely.node(shapes[long])  # a stretch that is drawn twice counts once
    return shapes


def _points(lines: Lines, index: int) -> Numbers:
    points = lines.points[lines.offsets[index] : lines.offsets[index + 1]]
    return points if not np.isnan(points[0, 2]) else points[:, :2]


def _share_in_space(first: Numbers, second: Numbers, reach: float) -> float:
    near = [
        float((_distances(_sampled(line), other) <= reach * (1 + 1e-9)).mean())
        for line, other in ((first, second), (second, first))
    ]
    return float(_harmonic(np.array(near[:1]), np.array(near[1:]))[0])


def _sampled(line: Numbers) -> Numbers:
    """Points at equal steps along a line (p, d)."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    if along[-1] == 0:
        return line[:1]
    at = (np.arange(SAMPLES) + 0.5) / SAMPLES * along[-1]
    return np.stack([np.interp(at, along, line[:, axis]) for axis in range(line.shape[1])], axis=1)


def _distances(points: Numbers, line: Numbers) -> Numbers:
    """Distance of each point (p, d) to a line (q, d)."""
    start = line[:-1] if len(line) > 1 else line
    step = np.diff(line, axis=0) if len(line) > 1 else np.zeros_like(line)
    square = (step**2).sum(axis=1)
    along = ((points[:, None] - start) * step).sum(axis=2) / np.where(square > 0, square, 1.0)
    nearest = start + np.clip(along, 0, 1)[..., None] * step
    return np.asarray(np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1))


def _reversed(first: Numbers, second: Numbers) -> bool:
    """Whether the ends of the second line lie nearer to the opposite ends of the first."""
    straight = np.linalg.norm(first[0] - second[0]) + np.linalg.norm(first[-1] - second[-1])
    crossed = np.linalg.norm(first[0] - second[-1]) + np.linalg.norm(first[-1] - second[0])
    return bool(crossed < straight)
