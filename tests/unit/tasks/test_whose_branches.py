"""Whose work a branch is, and whether a data unit's branches are rivals at all."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pytest

from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.models import LabelRow, Project, Stage
from benchmark_qa.tasks.projects import ServedProjects, are_parts
from tests.unit.rows import PEDESTRIAN_EDITOR
from tests.unit.tasks.fake_encord import DATASET, FakeEncord, deployment

ANN, BOB, RITA, MODEL = "ann@x.org", "bob@x.org", "rita@x.org", "model@x.org"


class Known(ServedProjects):
    """Projects of which it is known who has submitted; nothing is asked."""

    people: Sequence[str] = ()

    def _submissions(self, data_hashes: Iterable[str]) -> Iterator[tuple[str, str | None, str]]:
        for data_hash in data_hashes:
            for who in self.people:
                yield data_hash, "CONSENSUS_ANNOTATION", who


def projects(*people: str) -> Known:
    known = Known(cast(Encord, FakeEncord()), deployment())
    object.__setattr__(known, "people", people)
    return known


def row(branch: str, last: str | None) -> LabelRow:
    return LabelRow("unit", "unit", DATASET, branch, "hash", None, last, None, None)


@pytest.mark.parametrize(
    ("submitted", "one", "two", "expected"),
    [
        ((), (ANN, {ANN}), (BOB, {BOB}), (ANN, BOB)),
        ((), (RITA, {ANN}), (RITA, {BOB}), (ANN, BOB)),
        ((), (ANN, {MODEL}), (BOB, {MODEL}), (ANN, BOB)),
        ((), (RITA, {ANN}), (RITA, None), (ANN, None)),
        ((ANN, BOB), (RITA, {ANN}), (RITA, None), (ANN, BOB)),
        ((ANN, BOB), (RITA, None), (RITA, None), (ANN, BOB)),
        ((ANN, BOB), (ANN, {MODEL}), (BOB, {MODEL}), (ANN, BOB)),
        ((ANN, BOB), (RITA, {MODEL}), (RITA, {MODEL}), (None, None)),
        ((ANN, BOB), (RITA, {ANN, MODEL}), (BOB, {BOB}), (ANN, BOB)),
        ((), (None, {ANN}), (None, {ANN, BOB}), (ANN, None)),
    ],
)
def test_the_annotator_is_named_by_the_branch_unless_something_speaks_against_it(
    submitted: tuple[str, ...], one: Any, two: Any, expected: tuple[str | None, str | None]
) -> None:
    labelled = [(row(f"encord-{n}", last), creators) for n, (last, creators) in enumerate((one, two))]
    found = projects(*submitted).authors(labelled)
    assert (found["unit", "encord-0"], found["unit", "encord-1"]) == expected


def test_a_person_whose_branch_is_known_already_has_no_second_one() -> None:
    found = projects(ANN, BOB).authors([(row("encord-1", ANN), None)], known=[("unit", ANN)])
    assert found == {("unit", "encord-1"): BOB}


@pytest.mark.parametrize(
    ("kinds", "branch", "parts"),
    [
        (("CONSENSUS_ANNOTATION", "CONSENSUS_REVIEW"), "encord-1", False),
        (("CONSENSUS_ANNOTATION",), "encord-1", True),
        (("ANNOTATION", "REVIEW"), "encord-1", True),
        (("ANNOTATION", "REVIEW"), "main", False),
        (("ANNOTATION", "REVIEW"), "candidate-1", False),
        (("CONSENSUS_ANNOTATION", "CONSENSUS_ANNOTATION", "CONSENSUS_REVIEW"), "encord-1", True),
    ],
)
def test_branches_that_encord_makes_come_from_a_block_with_its_review_or_are_parts(
    kinds: tuple[str, ...], branch: str, parts: bool
) -> None:
    stages = tuple(Stage(str(n), str(n), cast(Any, kind)) for n, kind in enumerate(kinds))
    project = Project("p", "p", "o", PEDESTRIAN_EDITOR, {}, stages)
    assert are_parts(project, [row(branch, ANN)]) is parts
