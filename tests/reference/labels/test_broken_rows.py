"""Anything in any place of a row, and very many objects."""

import copy
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_qa.engine.task import score_task
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.reader import read_label_row
from tests.unit import sdk_rows
from tests.unit.labels.test_broken_rows import ONTOLOGY, SIMPLE
from tests.unit.rows import box_row


def test_a_hundred_thousand_objects_in_one_frame_are_scored() -> None:
    random = np.random.default_rng(3)
    boxes = np.concatenate((random.random((100_000, 2)) * 100_000, np.full((100_000, 2), 20.0)), axis=1)
    row = read_label_row(box_row("image", boxes.tolist(), width=100_000, height=100_000), SIMPLE)
    assert score_task(row, row, SIMPLE).objects.true_positives == 100_000


SEEDS = {name: json.loads(json.dumps(maker().to_encord_dict())) for name, maker in sdk_rows.ROWS.items()}


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just([[1]]),
    st.just({"0": {"x": 1}}),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _paths(inner, (*path, key))
    return found


PATHS = {name: _paths(row) for name, row in SEEDS.items()}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_row_with_anything_in_any_place_is_read_and_scored_or_refused_by_name(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SEEDS)))
    row = copy.deepcopy(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(PATHS[name]))
        holder = row
        try:
            for step in path[:-1]:
                holder = holder[step]
            if data.draw(st.booleans()):
                holder[path[-1]] = data.draw(junk)
            else:
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier step has removed the place
    try:
        annotations = read_label_row(row, ONTOLOGY)
    except LabelReadError:
        return  # refused by name: what the name must say is tested above
    truth = read_label_row(SEEDS[name], ONTOLOGY)
    for first, second in ((truth, annotations), (annotations, truth), (annotations, annotations)):
        result = score_task(first, second, ONTOLOGY)
        assert result.score is None or 0.0 <= result.score <= 1.0
        json.dumps(result.to_dict(), allow_nan=False)
