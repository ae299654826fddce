"""Who may be asking in the label editor, by where the data unit's branches stand."""

import pytest

from benchmark_qa.config.deployment import Branches
from benchmark_qa.encord_api.models import LabelRow, Project, Stage
from benchmark_qa.tasks.feedback import audience_of

KINDS = ("ANNOTATION", "CONSENSUS_ANNOTATION", "REVIEW", "CONSENSUS_REVIEW", "AGENT", "DONE")
STAGES = tuple(Stage(uuid=kind, title=kind.title(), kind=kind) for kind in KINDS)
PROJECT = Project("project", "Production", "ontology", {}, {}, STAGES)


@pytest.mark.parametrize(
    ("stages", "audience"),
    [
        (["ANNOTATION"], "annotator"),
        (["REVIEW"], "reviewer"),
        (["CONSENSUS_REVIEW", "CONSENSUS_REVIEW"], "reviewer"),
        (["CONSENSUS_ANNOTATION", "CONSENSUS_ANNOTATION"], "nobody"),
        (["CONSENSUS_REVIEW", "CONSENSUS_ANNOTATION"], "nobody"),
        (["REVIEW", "ANNOTATION"], "nobody"),
        (["AGENT"], "nobody"),
        (["DONE"], "nobody"),
    ],
)
def test_who_may_be_asking_follows_from_where_the_branches_stand(stages: list[str], audience: str) -> None:
    names = ["main"] if len(stages) == 1 else [f"encord-{number}" for number in range(len(stages))]
    rows = [
        LabelRow("data", "title", "dataset", name, None, None, None, stage, stage.title())
        for name, stage in zip(names, stages, strict=True)
    ]
    assert audience_of(PROJECT, rows, Branches()) == audience
