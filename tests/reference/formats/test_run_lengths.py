"""Run lengths beside counting every pixel."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from benchmark_qa.formats.run_lengths import pixels_of_rings


@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=8), st.integers(1, 10))
def test_a_polygon_covers_the_pixels_whose_centres_it_holds(points: list[tuple[float, float]], size: int) -> None:
    ring = np.round(np.array(points), 3)
    # By the even-odd rule, as shapely has it: a centre is inside when a ray to the right meets an odd number of edges.
    covered = pixels_of_rings([ring], size, size)
    for row in range(size):
        for column in range(size):
            x, y = column + 0.5, row + 0.5
            beyond = shapely.LineString([(x, y), (1000.0, y + 0.00131)])
            edges = [shapely.LineString([a, b]) for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True)]
            if min(edge.distance(shapely.Point(x, y)) for edge in edges) < 0.05:
                continue
            met = sum(edge.intersects(beyond) for edge in edges)
            near_corner = min(beyond.distance(shapely.Point(corner)) for corner in ring) < 0.05
            if not near_corner:
                assert covered[row, column] == (met % 2 == 1)
