"""Continuous scenes: labels are events at nanoseconds, not drawings on frames.

The SDK's rules apply (`encord/objects/events.py`, `interpolation.py`): an object exists from an upsert until a delete;
it stands still, or moves in a straight line to its next upsert. Two rows are compared at every time at which either
has an event.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.labels.annotations import ROW, Annotations, Drawings, Indices, Numbers
from benchmark_qa.labels.ontology import Shape


def at_common_times(truth: Annotations, labels: Annotations) -> tuple[Annotations, Annotations]:
    """Both rows as drawings at the times of all their events; rows of frames are unchanged."""
    if truth.events is None and labels.events is None:
        return truth, labels
    times = np.unique(np.concatenate([_times(side) for side in (truth, labels)]))
    return _sampled(truth, times), _sampled(labels, times)


def _times(annotations: Annotations) -> Indices:
    own = [d.frame[_on_row(annotations, d)] for d in annotations.drawings.values()]
    deleted = [at for _, at in annotations.events.deleted] if annotations.events else []
    return np.concatenate((*own, np.array(deleted, np.int64)))


def _on_row(annotations: Annotations, drawings: Drawings) -> NDArray[np.bool_]:
    return np.asarray(drawings.space == annotations.spaces.index(ROW))


def _sampled(annotations: Annotations, times: Indices) -> Annotations:
    deleted: defaultdict[int, list[int]] = defaultdict(list)
    linear = annotations.events.linear if annotations.events else frozenset()
    for instance, at in annotations.events.deleted if annotations.events else ():
        deleted[instance].append(at)
    drawings = {
        shape: _sampled_drawings(drawn, _on_row(annotations, drawn), times, deleted, linear)
        for shape, drawn in annotations.drawings.items()
    }
    return replace(annotations, drawings=drawings, events=None)


def _sampled_drawings(
    drawn: Drawings,
    on_row: NDArray[np.bool_],
    times: Indices,
    deleted: defaultdict[int, list[int]],
    linear: frozenset[tuple[int, int]],
) -> Drawings:
    rows, frames, moved = [np.flatnonzero(~on_row)], [drawn.frame[~on_row]], []
    count = len(rows[0])
    for instance in np.unique(drawn.instance[on_row]):
        own = np.flatnonzero(on_row & (drawn.instance == instance))
        own = own[np.argsort(drawn.frame[own])]
        ends = np.array(sorted(deleted[int(instance)]), np.int64)
        for position, row in enumerate(own):
            start = int(drawn.frame[row])
            follower = int(own[position + 1]) if position + 1 < len(own) else None
            after = ends[ends > start]
            stop = min(int(after[0]) if len(after) else int(times[-1]) + 1, _start(drawn, follower, int(times[-1]) + 1))
            covered = times[(times >= start) & (times < stop)]
            rows.append(np.full(len(covered), row))
            frames.append(covered)
            if follower is not None and stop == drawn.frame[follower] and (int(instance), start) in linear:
                share = (covered - start) / (stop - start)
                moved += [(count + i, follower, float(s)) for i, s in enumerate(share)]
            count += len(covered)
    sampled = replace(drawn.take(np.concatenate(rows)), frame=np.concatenate(frames))
    return _moved(sampled, drawn, moved) if moved and drawn.shape in (Shape.CUBOID, Shape.POINT) else sampled


def _start(drawn: Drawings, row: int | None, otherwise: int) -> int:
    return otherwise if row is None else int(drawn.frame[row])


def _moved(sampled: Drawings, drawn: Drawings, moved: list[tuple[int, int, float]]) -> Drawings:
    at, followers = np.array([m[0] for m in moved]), np.array([m[1] for m in moved])
    share = np.array([m[2] for m in moved])[:, None]
    start, end = sampled.geometry[at], drawn.geometry[followers]
    between = start + (end - start) * share
    if drawn.shape is Shape.CUBOID:
        between[:, 3:6] = [
            _turned(a, b, float(s)) for a, b, s in zip(start[:, 3:6], end[:, 3:6], share[:, 0], strict=True)
        ]
    geometry = sampled.geometry.copy()
    geometry[at] = between
    return replace(sampled, geometry=geometry)


def _turned(start: Numbers, end: Numbers, share: float) -> Numbers:
    """Euler angles XYZ after a share of the shortest rotation (slerp), as the label editor shows them."""
    first, last = _quaternion(start), _quaternion(end)
    dot = float(first @ last)
    if dot < 0:
        last, dot = -last, -dot
    angle = np.arccos(min(dot, 1.0))
    if dot >= 0.9995:
        mixed = first * (1 - share) + last * share
    else:
        mixed = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    return _euler(mixed / np.linalg.norm(mixed))


def _quaternion(angles: Numbers) -> Numbers:
    a, b, c = np.cos(angles / 2)
    d, e, f = np.sin(angles / 2)
    return np.array((d * b * c + a * e * f, a * e * c - d * b * f, a * b * f + d * e * c, a * b * c - d * e * f))


def _euler(quaternion: Numbers) -> Numbers:
    x, y, z, w = quaternion
    sine = float(np.clip(2 * (x * z + w * y), -1, 1))
    if abs(sine) < 0.9999999:
        return np.array(
            (
                np.arctan2(-2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
                np.arcsin(sine),
                np.arctan2(-2 * (x * y - w * z), 1 - 2 * (y * y + z * z)),
            )
        )
    return np.array((np.arctan2(2 * (y * z + w * x), 1 - 2 * (x * x + z * z)), np.arcsin(sine), 0.0))
