"""The conflicts that a score record keeps: the first ones in full, and counts of all.

A poor label row with 100,000 boxes has as many conflicts: 29 MB of JSON that nobody reads and every report would parse.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark_qa.engine.result import Conflict, TaskScore
from benchmark_qa.records.sketch import Sketch

CONFLICTS_KEPT = 1_000
"""Conflicts that a record keeps in full; about 0.3 MB of JSON."""
UNMATCHED = ("missing", "spurious", "mislabelled", "low_overlap")
"""Conflict kinds of drawings that match no drawing on the other side."""
ConflictKey = tuple[str, str, str | None]
"""Kind, class, and what the labels have instead: a class, or the question with the wrong answer."""


def details_of(score: TaskScore, sketch: Sketch) -> dict[str, Any]:
    """`TaskScore.to_dict()` with at most `CONFLICTS_KEPT` conflicts, and counts of all by kind.

    Args:
        score: the score with all its conflicts.
        sketch: the sketch of the same record; conflicts of its drawings are kept before the others.
    """
    counts = Counter(_key(each.kind, each.feature, each.other) for each in score.conflicts)
    kept = tuple(_without_text(conflict) for conflict in _kept(score.conflicts, sketch))
    return replace(score, conflicts=kept).to_dict() | {
        "conflicts_total": len(score.conflicts),
        "conflict_counts": [[*key, count] for key, count in counts.items()],
    }


def _without_text(conflict: Conflict) -> Conflict:
    """The conflict without free text; records keep chosen options and numbers only."""
    return replace(conflict, expected=None, given=None) if conflict.is_text else conflict


def conflict_counts(details: Mapping[str, Any]) -> Counter[ConflictKey]:
    """Number of conflicts of each kind in a record's score, in the order of their first occurrence."""
    counted = details.get("conflict_counts")
    if counted is not None:
        return Counter({(kind, feature, other): count for kind, feature, other, count in counted})
    # Records from before the counts hold every conflict.
    return Counter(
        _key(each["kind"], each.get("feature", ""), each.get("other")) for each in details.get("conflicts", ())
    )


def _key(kind: str, feature: str, other: str | None) -> ConflictKey:
    """The key for counting; without `other` for an identity switch, where it is a single object."""
    return kind, feature, None if kind == "identity_switch" else other


def _kept(conflicts: Sequence[Conflict], sketch: Sketch) -> tuple[Conflict, ...]:
    """At most `CONFLICTS_KEPT` conflicts in their order; those of the sketch's drawings are preferred."""
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
