"""Who has done what: by who submitted at annotation stages, and never by who reviewed."""

from datetime import UTC, datetime

from benchmark_qa.commands.pace.measure import submitted_by
from benchmark_qa.encord_api.analytics import TaskAction
from benchmark_qa.encord_api.models import Project, Stage, StageKind

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def project(**kinds: StageKind) -> Project:
    stages = tuple(Stage(uuid=name, title=name, kind=kind) for name, kind in kinds.items())
    return Project("p", "P", "o", {}, {}, stages)


def act(actor: str, kind: str, data_hash: str, stage: str) -> TaskAction:
    return TaskAction(AT, kind, actor, data_hash, stage)


def test_parts_count_as_they_are_submitted_and_reviews_for_nobody() -> None:
    production = project(a="ANNOTATION", c="CONSENSUS_ANNOTATION", r="REVIEW", f="CONSENSUS_REVIEW")
    actions = [
        act("ann", "submit", "one", "a"),
        act("rita", "approve", "one", "r"),
        act("ann", "submit", "two", "c"),
        act("ben", "assign", "two", "c"),
        act("rita", "submit", "two", "f"),
        act("rita", "submit", "one", "r"),
        act("ann", "submit", "one", "a"),
        act("ann", "skip", "three", "a"),
    ]
    assert submitted_by(actions, production) == {("ann", "one"), ("ann", "two")}
