"""What to label again by the scores alone, without a model: the work of weak annotators, and truth that is suspect.

A production data unit has no score of its own. What is known is how good its annotator is on benchmark items, and that
is the reason for which it is chosen; so the choice says nothing about the single data unit, only about the lot.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from benchmark_qa.formats.chosen_items import ChosenItem, ChosenItems, Reason, ReasonKind

Verdict = Literal["above the bar", "below the bar", "undecided", "too few tasks"]
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Judgement:
    """What benchmark items say of an annotator."""

    annotator: str
    verdict: Verdict
    figure: str
    """Which figure: F1, accuracy, score"""
    estimate: float
    low: float
    high: float
    tasks: int


@dataclass(frozen=True)
class Work:
    """A finished data unit of production, and who has labelled it."""

    data_hash: str
    title: str
    dataset_hash: str
    annotator: str


@dataclass(frozen=True)
class Doubt:
    """A benchmark item whose truth the annotators contradict."""

    data_hash: str
    title: str
    dataset_hash: str | None
    label_hash: str | None
    feature: str
    fault: str
    wrong: float
    """Probability that the truth is wrong there"""
    voices: int
    answered: int


def choose_from_scores(
    work: Iterable[Work],
    judgements: Iterable[Judgement],
    doubts: Iterable[Doubt],
    *,
    bar: float,
    kinds: Sequence[ReasonKind],
) -> list[ChosenItem]:
    """Production work of annotators below the bar (or undecided), and benchmark items of suspect truth.

    The strength of `low_score` is 1 minus the annotator's figure, that of `undecided` the share of the annotator's
    interval that lies under the bar, that of `suspect_truth` the probability that the truth is wrong.

    Returns:
        One item per data unit, the strongest first, and by data hash among equals.
    """
    reasons = {one.annotator: _of_annotator(one, bar) for one in judgements}
    items = [
        ChosenItem(data_hash=one.data_hash, title=one.title, dataset_hash=one.dataset_hash, reasons=(reason,))
        for one in work
        if (reason := reasons.get(one.annotator)) is not None and reason.kind in kinds and reason.strength > 0
    ]
    if "suspect_truth" in kinds:
        items += _of_truth(doubts)
    return sorted(items, key=lambda item: (-item.strength, item.data_hash))


def choose_at_random(choice: ChosenItems, work: Sequence[Work], *, seed: int, made_at: datetime) -> ChosenItems:
    """As many data units as a choice has of production, drawn from all of `work`: what the choice is held against.

    What is chosen for being bad looks better at the next look, whoever labels it: only what a choice gains above a
    random one of equal size is owed to the choosing.
    """
    known = {one.data_hash: one for one in work}
    number = sum(item.data_hash in known for item in choice.items)
    drawn = random.Random(seed).sample(sorted(known), number)  # noqa: S311 (a sample, not a secret)
    reason = Reason(kind="control", strength=0.0, text="drawn at random, to hold a choice against")
    items = tuple(
        ChosenItem(
            data_hash=known[key].data_hash,
            title=known[key].title,
            dataset_hash=known[key].dataset_hash,
            reasons=(reason,),
        )
        for key in drawn
    )
    name = f"{choice.name[:91]}, control"
    return ChosenItems(project_hash=choice.project_hash, name=name, made_at=made_at, items=items)


def _of_annotator(one: Judgement, bar: float) -> Reason:
    interval = f"{one.figure} {one.estimate:.2f} [{one.low:.2f}, {one.high:.2f}] on {one.tasks} benchmark tasks"
    if one.verdict == "below the bar":
        return Reason(kind="low_score", strength=1.0 - one.estimate, text=f"its annotator is below the bar: {interval}")
    width = one.high - one.low
    under = min(max((bar - one.low) / width, 0.0), 1.0) if width else float(one.estimate < bar)
    if one.verdict == "above the bar":
        under = 0.0
    return Reason(kind="undecided", strength=under, text=f"nothing is known for sure of its annotator: {interval}")


def _of_truth(doubts: Iterable[Doubt]) -> list[ChosenItem]:
    by_item: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        by_item.setdefault(doubt.data_hash, []).append(doubt)
    return [
        ChosenItem(
            data_hash=data_hash,
            title=some[0].title,
            dataset_hash=some[0].dataset_hash,
            reasons=tuple(_doubt_in_words(doubt) for doubt in some),
        )
        for data_hash, some in by_item.items()
    ]


_FAULTS: Mapping[str, str] = {
    "spurious": "something is marked there that is not",
    "misplaced": "something is marked in the wrong place",
    "missing": "something is not marked",
    "answer": "the answer",
}


def _doubt_in_words(doubt: Doubt) -> Reason:
    text = (
        f"{doubt.voices} of {doubt.answered} annotators contradict it about {doubt.feature!r}: {_FAULTS[doubt.fault]}"
    )
    return Reason(
        kind="suspect_truth",
        strength=min(max(doubt.wrong, 0.0), 1.0),
        text=text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…",
        label_hash=doubt.label_hash,
    )
