"""Exact shared volume of boxes in space, in any orientation.

The shared part of two boxes is bounded by their twelve faces. Its corners are the points where three faces meet and
that lie inside all twelve. Its volume is the sum over the faces of area x distance from an inner point / 3.
"""

from itertools import combinations

import numpy as np

from benchmark_qa.engine.pairs import Pairs, ratio_or_same
from benchmark_qa.labels.annotations import Numbers

_TRIPLES = np.array(list(combinations(range(12), 3)))
_NEAR = 1e-9


def volume_iou(truth: Numbers, label: Numbers, pairs: Pairs) -> Numbers:
    """Volume IoU of each pair (k,) of boxes (n, 9), (m, 9): centre, Euler angles XYZ, size."""
    first, second = truth[pairs.truth], label[pairs.label]
    shared = np.array([_shared(a, b) for a, b in zip(first, second, strict=True)])
    union = first[:, 6:].prod(axis=1) + second[:, 6:].prod(axis=1) - shared
    return ratio_or_same(shared, union, lambda flat: (first[flat] == second[flat]).all(axis=1))


def cuboid_extents(cuboids: Numbers) -> Numbers:
    """Left, top, width, height (n, 4) of each box projected to the ground (x, y)."""
    half = np.abs(rotations(cuboids[:, 3:6])) @ (cuboids[:, 6:, None] / 2)
    low = cuboids[:, :2] - half[:, :2, 0]
    return np.concatenate((low, 2 * half[:, :2, 0]), axis=1)


def rotations(angles: Numbers) -> Numbers:
    """Rotation matrices (n, 3, 3) of Euler angles (n, 3) in the order XYZ of the label editor (three.js)."""
    (a, b, c), (d, e, f) = np.cos(angles).T, np.sin(angles).T
    return np.stack(
        (
            np.stack((b * c, -b * f, e), axis=-1),
            np.stack((a * f + d * e * c, a * c - d * e * f, -d * b), axis=-1),
            np.stack((d * f - a * e * c, d * c + a * e * f, a * b), axis=-1),
        ),
        axis=-2,
    )


def _shared(first: Numbers, second: Numbers) -> float:
    """Shared volume of two boxes."""
    scale = max(first[6:].max(), second[6:].max())
    if scale == 0 or not first[6:].all() or not second[6:].all():
        return 0.0
    middle = (first[:3] + second[:3]) / 2
    faces = [_faces(box, middle, scale) for box in (first, second)]
    normals = np.concatenate([face[0] for face in faces])
    limits = np.concatenate([face[1] for face in faces])
    return _volume(normals, limits) * float(scale) ** 3


def _faces(box: Numbers, origin: Numbers, scale: float) -> tuple[Numbers, Numbers]:
    """Outward normals (6, 3) and distances (6,) of the planes n . x = d that bound a box."""
    axes = rotations(box[None, 3:6])[0].T
    centre, half = (box[:3] - origin) / scale, box[6:] / 2 / scale
    return np.concatenate((axes, -axes)), np.concatenate((axes @ centre + half, -(axes @ centre) + half))


def _volume(normals: Numbers, limits: Numbers) -> float:
    """Volume of the convex body where normals @ x <= limits."""
    corners = _corners(normals, limits)
    if len(corners) < 4:
        return 0.0
    centre = corners.mean(axis=0)
    total = 0.0
    seen: list[Numbers] = []
    for normal, limit in zip(normals, limits, strict=True):
        if any(np.allclose(normal, other[:3], atol=1e-9) and abs(limit - other[3]) < 1e-9 for other in seen):
            continue  # a face of both boxes
        seen.append(np.append(normal, limit))
        face = corners[np.abs(corners @ normal - limit) < 10 * _NEAR]
        if len(face) >= 3:
            total += _area(face, normal) * (limit - centre @ normal) / 3
    return float(total)


def _corners(normals: Numbers, limits: Numbers) -> Numbers:
    planes = normals[_TRIPLES]
    across = np.abs(np.linalg.det(planes)) > 1e-10
    points = np.linalg.solve(planes[across], limits[_TRIPLES][across][..., None])[..., 0]
    return np.asarray(points[(points @ normals.T <= limits + _NEAR).all(axis=1)])


def _area(points: Numbers, normal: Numbers) -> float:
    """Area of the convex polygon with these corners, in the plane with this normal."""
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    across /= np.linalg.norm(across)
    flat = (points - points.mean(axis=0)) @ np.stack((across, np.cross(normal, across))).T
    flat = flat[np.argsort(np.arctan2(flat[:, 1], flat[:, 0]))]
    x, y = flat.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
