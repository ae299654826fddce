"""Pre-labels: marks of a machine, the keyed share, what was left as it was."""

from typing import Any

import pytest

from benchmark_qa.formats.label_parts import Labelled, LabelParts, parts_of
from benchmark_qa.tasks.prelabelling import automatic, chance, is_prelabelled, unchanged_share
from tests.unit.rows import answer_row, box_row


def boxes(*given: list[float]) -> LabelParts:
    return parts_of(box_row("unit", given))


def marks(value: Any) -> list[bool]:
    if isinstance(value, dict):
        own = [value["manualAnnotation"]] if "manualAnnotation" in value else []
        return own + [one for below in value.values() for one in marks(below)]
    return [one for below in value for one in marks(below)] if isinstance(value, list | tuple) else []


def test_every_object_is_marked_as_made_by_a_machine_and_nothing_else_changes() -> None:
    given = boxes([1, 2, 3, 4], [5, 6, 7, 8])
    found = automatic(Labelled("x", given)).parts
    assert [marks(unit) for unit in found.units] == [[False, False]]
    assert unchanged_share(given, found) == (2, 2)


@pytest.mark.parametrize(
    ("work", "same"),
    [
        (boxes([1, 2, 3, 4], [5, 6, 7, 8]), 2),
        (boxes([1, 2, 3, 4], [5, 6, 7, 9]), 1),  # one was corrected
        (boxes([1, 2, 3, 4]), 1),  # one was deleted
        (boxes([1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]), 2),  # one was added
        (LabelParts(()), 0),
    ],
)
def test_what_was_left_as_it_was_has_the_same_identity_and_geometry(work: LabelParts, same: int) -> None:
    assert unchanged_share(boxes([1, 2, 3, 4], [5, 6, 7, 8]), work) == (same, 2)


def test_a_row_without_objects_has_no_pre_labels() -> None:
    assert unchanged_share(LabelParts(()), boxes([1, 2, 3, 4])) == (0, 0)
    assert automatic(Labelled("x", parts_of(answer_row("unit", True)))).parts.classification_answers


def test_the_choice_depends_on_key_and_data_unit_alone() -> None:
    assert chance("key", "unit") == chance("key", "unit")
    assert chance("key", "unit") != chance("other", "unit")
    assert 0 <= chance("key", "unit") < 1
    assert is_prelabelled("key", "unit", 1.0)
    assert not is_prelabelled("key", "unit", 0.0)
