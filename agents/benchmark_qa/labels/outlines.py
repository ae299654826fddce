"""Corners of what is drawn turned: rotated boxes and ellipses, clockwise as seen on the screen, whose y points down."""

import numpy as np

from benchmark_qa.labels.annotations import Numbers


def rotated_box_corners(boxes: Numbers, media: Numbers) -> Numbers:
    """Corners (n, 4, 2) in pixels, from the upper left one on.

    Args:
        boxes: as `benchmark_qa.labels.shapes.read_rotated_boxes` has them (n, 5).
        media: width and height in pixels, of each one's image (n, 2) or of all (2,).

    >>> rotated_box_corners(np.array([[0.25, 0.25, 0.5, 0.5, 90.0]]), np.array([8, 4])).round(6).tolist()
    [[[5.0, 0.0], [5.0, 4.0], [3.0, 4.0], [3.0, 0.0]]]
    """
    sizes = boxes[:, 2:4] * media
    offsets = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * sizes[:, None, :]
    return (boxes[:, :2] * media + sizes / 2)[:, None, :] + _turned(offsets, boxes[:, 4])


def ellipse_corners(middles: Numbers, half_axes: Numbers, degrees: Numbers, corners: int) -> Numbers:
    """Corners (n, `corners`, 2) of polygons that have the ellipses' own areas.

    Args:
        middles: (n, 2), in pixels.
        half_axes: across and down before they are turned (n, 2), in pixels.
        degrees: (n,)
        corners: how many, at least 3.
    """
    angle = np.arange(corners) * (2 * np.pi / corners)
    # A polygon inside the ellipse would be too small: this factor gives it the ellipse's area.
    grown = np.sqrt(2 * np.pi / corners / np.sin(2 * np.pi / corners))
    circle = np.stack((np.cos(angle), np.sin(angle)), axis=-1) * grown
    return middles[:, None, :] + _turned(circle * half_axes[:, None, :], degrees)


def _turned(offsets: Numbers, degrees: Numbers) -> Numbers:
    """Offsets (n, p, 2) turned."""
    cosine, sine = np.cos(np.radians(degrees))[:, None], np.sin(np.radians(degrees))[:, None]
    across, down = offsets[..., 0], offsets[..., 1]
    return np.stack((across * cosine - down * sine, across * sine + down * cosine), axis=-1)
