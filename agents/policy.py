"""A score to a pathway and to the words a person sees."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_MESSAGE_LENGTH = 256
"""Encord cuts a message here."""

NEUTRAL_MESSAGE = "Thank you. The labels have been received."
"""The same for benchmark and other data units, so that it tells nobody which of the two this is."""


@dataclass(frozen=True)
class StageDecision:
    """What a scoring stage does with a task; `pathway` None means the stage's default pathway."""

    passed: bool
    pathway: str | None


def decide(
    scores: Iterable[float | None],
    passed: Iterable[bool | None],
    *,
    threshold: float,
    pass_pathway: str | None,
    fail_pathway: str | None,
) -> StageDecision:
    """The pathway of a task from the scores of its annotators.

    A task passes when every annotator who could be judged passes: their requirements where some are configured, else
    their overall score against the threshold. Whoever could not be judged (None) fails nobody.
    """
    all_passed = all(
        ok if ok is not None else score is None or score >= threshold for score, ok in zip(scores, passed, strict=True)
    )
    return StageDecision(all_passed, pass_pathway if all_passed or fail_pathway is None else fail_pathway)
