"""Identity switches: the frames in which an object goes from one label track to another.

Source: K. Bernardin, R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
Metrics" (2008). The number of switches agrees with `trackeval.metrics.CLEAR` (IDSW).
"""

from dataclasses import dataclass

import numpy as np

from benchmark_qa.engine.tracks.heaviest import solve
from benchmark_qa.engine.tracks.pairs import Bools, Ints, TrackPairs

STAY = 1000.0
"""What a match weighs more when it continues the previous frame's: more than any similarities together."""


@dataclass(frozen=True, order=True)
class IdentitySwitch:
    """In `frame` the object `truth_track`, last matched by `old_label_track`, is matched by another track."""

    frame: int
    truth_track: int
    old_label_track: int
    new_label_track: int

    def __str__(self) -> str:
        return (
            f"identity switch at frame {self.frame}: object {self.truth_track} goes from label track "
            f"{self.old_label_track} to {self.new_label_track}"
        )


def identity_switches(tracks: TrackPairs, *, threshold: float = 0.5) -> list[IdentitySwitch]:
    """Every switch, by frame and truth track.

    The frames are matched in order: a match of the previous frame that still holds is kept, the rest is
    matched for the greatest similarity. "Previous" is the last frame with tracks on both sides.
    """
    matched = np.flatnonzero(tracks.matching(threshold))
    matched = matched[_continuing(tracks, matched)]
    by_object = matched[np.lexsort((tracks.pair_frame[matched], tracks.pair_truth[matched]))]
    frame, truth, label = tracks.pair_frame[by_object], tracks.pair_truth[by_object], tracks.pair_label[by_object]
    switched = np.flatnonzero((truth[1:] == truth[:-1]) & (label[1:] != label[:-1])) + 1
    found = zip(frame[switched], truth[switched], label[switched - 1], label[switched], strict=True)
    return sorted(IdentitySwitch(int(at), int(whose), int(old), int(new)) for at, whose, old, new in found)


def _continuing(tracks: TrackPairs, pairs: Ints) -> Bools:
    """Which of the candidate `pairs` are matched, frame after frame.

    A pair without rivals is matched whatever came before; only contested pairs have to be decided in order.
    """
    truth_rivals = np.bincount(tracks.pair_truth_entry[pairs])[tracks.pair_truth_entry[pairs]]
    label_rivals = np.bincount(tracks.pair_label_entry[pairs])[tracks.pair_label_entry[pairs]]
    matched: Bools = (truth_rivals == 1) & (label_rivals == 1)
    contested = np.flatnonzero(~matched)
    if not contested.size:
        return matched

    steps = np.searchsorted(_frames_of_both(tracks), tracks.pair_frame[pairs])
    partners = tracks.partners.of_pair[pairs]
    followed = _followed(steps, partners, matched)
    previous_step, previous = -1, set[int]()
    for group in np.split(contested, np.flatnonzero(np.diff(steps[contested])) + 1):
        step = int(steps[group[0]])
        stays = followed[group]
        if previous_step == step - 1:
            stays = stays | [partner in previous for partner in partners[group].tolist()]
        candidates = pairs[group]
        weights = tracks.similarity[candidates] + STAY * stays
        kept = solve(tracks.pair_truth_entry[candidates], tracks.pair_label_entry[candidates], weights)
        matched[group[kept]] = True
        previous_step, previous = step, set(partners[group[kept]].tolist())
    return matched


def _frames_of_both(tracks: TrackPairs) -> Ints:
    """The frames with tracks on both sides, ascending."""
    truth, label = (frame[np.diff(frame, prepend=-1) > 0] for frame in (tracks.truth_frame, tracks.label_frame))
    return np.intersect1d(truth, label, assume_unique=True)


def _followed(steps: Ints, partners: Ints, matched: Bools) -> Bools:
    """Which pairs follow, one step later, a match of the same two tracks."""
    order = np.lexsort((steps, partners))
    follows = (np.diff(partners[order]) == 0) & (np.diff(steps[order]) == 1) & matched[order[:-1]]
    followed = np.zeros(matched.size, dtype=bool)
    followed[order[1:]] = follows
    return followed
