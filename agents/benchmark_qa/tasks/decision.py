"""The pathway of a task, and the answer to Encord."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from benchmark_qa.records.score import Judged


NEUTRAL_MESSAGE = "Thank you. The labels have been received."
"""The same for benchmark and production items, so that it does not reveal which one this is."""


@dataclass(frozen=True)
class StageDecision:
    """What a scoring stage does with a task; `pathway` None means the stage's default pathway."""

    passed: bool
    pathway: str | None


def decide(judged: "Iterable[Judged]", *, pass_pathway: str | None, fail_pathway: str | None) -> StageDecision:
    """The pathway of a task: it passes when all of its annotators do."""
    passed = all(each.passed for each in judged)
    return StageDecision(passed, pass_pathway if passed or fail_pathway is None else fail_pathway)


class AgentAnswer(BaseModel):
    """What Encord reads from a custom agent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "Yes"}]})

    message: str | None = Field(default=None, max_length=256, description="shown to a person")
    decision: str | None = Field(default=None, max_length=256, description="pathway to take, by name")


MAX_MESSAGE_LENGTH = 256
"""Characters; Encord cuts longer messages."""
