"""The conflicts of a score as its record keeps them: the first of them one by one, and all of them counted.

A bad row of 100,000 boxes has as many conflicts, which is 29 MB of JSON that nobody reads and every report would parse.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark_qa.engine.result import Conflict, TaskScore
from benchmark_qa.records.sketch import Sketch

CONFLICTS_KEPT = 1_000
"""Of a record, one by one: about 0.3 MB of JSON"""
UNMATCHED = ("missing", "spurious", "mislabelled", "low_overlap")
"""Kinds that say of a drawing that nothing on the other side fits it"""
ConflictKey = tuple[str, str, str | None]
"""Kind, class, and what the labels have instead: the class, or the question that is answered wrongly"""


def details_of(score: TaskScore, sketch: Sketch) -> dict[str, Any]:
    """`TaskScore.to_dict()` with at most `CONFLICTS_KEPT` conflicts, and the number of all, in total and by kind.

    Args:
        score: with all its conflicts.
        sketch: of the same record: conflicts of what it draws are kept before the others.
    """
    counts = Counter(_key(each.kind, each.feature, each.other) for each in score.conflicts)
    kept = tuple(_without_text(conflict) for conflict in _kept(score.conflicts, sketch))
    return replace(score, conflicts=kept).to_dict() | {
        "conflicts_total": len(score.conflicts),
        "conflict_counts": [[*key, count] for key, count in counts.items()],
    }


def _without_text(conflict: Conflict) -> Conflict:
    """The conflict without what somebody wrote: a record keeps chosen options and numbers, and no free text."""
    return replace(conflict, expected=None, given=None) if conflict.is_text else conflict


def conflict_counts(details: Mapping[str, Any]) -> Counter[ConflictKey]:
    """How many conflicts of each kind a record's score has, in the order in which they first occur."""
    counted = details.get("conflict_counts")
    if counted is not None:
        return Counter({(kind, feature, other): count for kind, feature, other, count in counted})
    # From before they were counted: every one is there.
    return Counter(
        _key(each["kind"], each.get("feature", ""), each.get("other")) for each in details.get("conflicts", ())
    )


def _key(kind: str, feature: str, other: str | None) -> ConflictKey:
    """Of an identity switch `other` is a single object, which is no kind of anything."""
    return kind, feature, None if kind == "identity_switch" else other


def _kept(conflicts: Sequence[Conflict], sketch: Sketch) -> tuple[Conflict, ...]:
    """In their order; those of the sketch's drawings before all others, for it shows what is matched."""
    if len(conflicts) <= CONFLICTS_KEPT:
        return tuple(conflicts)
    drawn = {mark.instance for mark in (*sketch.truth, *sketch.labels)}
    shown = [place for place, each in enumerate(conflicts) if _is_shown(each, sketch.frame, drawn)]
    chosen = sorted(list(dict.fromkeys((*shown, *range(len(conflicts)))))[:CONFLICTS_KEPT])
    return tuple(conflicts[place] for place in chosen)


def _is_shown(conflict: Conflict, frame: int, drawn: set[str]) -> bool:
    first = conflict.frame
    last = first if conflict.last_frame is None else conflict.last_frame
    if conflict.kind not in UNMATCHED or first is None or last is None:
        return False
    return first <= frame <= last and (conflict.truth_object in drawn or conflict.label_object in drawn)
