"""Identity over time: IDF1 by the one label track assigned to each object, and the task's identity figures.

Source: E. Ristani, F. Solera, R. Zou, R. Cucchiara, C. Tomasi, "Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking" (2016). Agrees with `trackeval.metrics.Identity`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark_qa.engine.matching import ComparedSides, Matches, Scored
from benchmark_qa.engine.pairs import SLACK
from benchmark_qa.engine.result import Conflict, IdentityFigures
from benchmark_qa.engine.tracks.hota import HotaScore, hota_score
from benchmark_qa.engine.tracks.pairs import Bools, Ints, TrackPairs, heaviest_matching, solve
from benchmark_qa.labels.annotations import Indices
from benchmark_qa.labels.ontology import Ontology


@dataclass(frozen=True)
class TrackPartners:
    """A truth track and the label track assigned to it over the whole video."""

    truth_track: int
    label_track: int
    frames: int
    """Frames in which the two match."""


@dataclass(frozen=True)
class IdentityScore:
    """Counts of track entries (one track in one frame) and the ratios derived from them.

    A ratio is None (not applicable, neither 0 nor a pass) if its denominator is 0.
    """

    idtp: int
    idfp: int
    idfn: int
    partners: tuple[TrackPartners, ...] = ()
    """The one-to-one partners, by truth track; empty for figures pooled over videos."""

    @property
    def idf1(self) -> float | None:
        """2 IDTP / (2 IDTP + IDFP + IDFN); None without any track."""
        return _ratio(2 * self.idtp, 2 * self.idtp + self.idfp + self.idfn)

    @property
    def idp(self) -> float | None:
        """IDTP / (IDTP + IDFP); None without label tracks."""
        return _ratio(self.idtp, self.idtp + self.idfp)

    @property
    def idr(self) -> float | None:
        """IDTP / (IDTP + IDFN); None without truth tracks."""
        return _ratio(self.idtp, self.idtp + self.idfn)

    @classmethod
    def pooled(cls, scores: Iterable["IdentityScore"]) -> "IdentityScore":
        """The sum of the counts of several videos (or classes)."""
        listed = list(scores)
        return cls(
            idtp=sum(score.idtp for score in listed),
            idfp=sum(score.idfp for score in listed),
            idfn=sum(score.idfn for score in listed),
        )

    def to_dict(self) -> dict[str, Any]:
        """Counts and ratios under their usual names, ready for JSON."""
        return {
            "IDF1": self.idf1,
            "IDP": self.idp,
            "IDR": self.idr,
            "IDTP": self.idtp,
            "IDFP": self.idfp,
            "IDFN": self.idfn,
        }

    def __str__(self) -> str:
        if self.idf1 is None:
            return "IDF1 not applicable: no tracks on either side"
        return f"IDF1 {self.idf1:.3f} (IDTP {self.idtp}, IDFP {self.idfp}, IDFN {self.idfn})"


def identity_score(tracks: TrackPairs, *, threshold: float = 0.5) -> IdentityScore:
    """Assign truth and label tracks one to one so that the most frames match; the rest are errors."""
    partners = tracks.partners
    matching = tracks.matching(threshold)
    frames = np.bincount(partners.of_pair[matching], minlength=partners.truth.size)
    _, truth_index = np.unique(partners.truth, return_inverse=True)
    _, label_index = np.unique(partners.label, return_inverse=True)
    chosen = heaviest_matching(truth_index, label_index, frames.astype(np.float64))
    idtp = int(frames[chosen].sum())
    joined = zip(partners.truth[chosen], partners.label[chosen], frames[chosen], strict=True)
    return IdentityScore(
        idtp=idtp,
        idfp=tracks.label_track.size - idtp,
        idfn=tracks.truth_track.size - idtp,
        partners=tuple(TrackPartners(int(truth), int(label), int(count)) for truth, label, count in joined),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


STAY = 1000.0
"""Weight of a match that continues the previous frame's; greater than any sum of similarities."""


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

    The frames are matched in order. A match of the previous frame that still holds is kept; the others are
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

    A pair without rivals is always matched; only contested pairs are decided in order.
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
    """Which pairs follow a match of the same two tracks one step earlier."""
    order = np.lexsort((steps, partners))
    follows = (np.diff(partners[order]) == 0) & (np.diff(steps[order]) == 1) & matched[order[:-1]]
    followed = np.zeros(matched.size, dtype=bool)
    followed[order[1:]] = follows
    return followed


ALONE = "no object is drawn on more than one frame"


def score_identity(
    matches: Sequence[Matches], sides: ComparedSides, ontology: Ontology
) -> tuple[IdentityFigures, tuple[Conflict, ...]]:
    """The figures, pooled over classes and spaces, and the identity switches."""
    moving = [match for match in matches if match.moves]
    if not moving:
        return IdentityFigures(not_applicable=ALONE), ()
    identity: list[IdentityScore] = []
    hota: list[HotaScore] = []
    switches: list[Conflict] = []
    for match in moving:
        pairs = match.candidates
        tracks = _tracks(match, sides, pairs)
        hota.append(hota_score(tracks))
        limits = np.unique(match.thresholds)
        threshold = float(limits[0]) if len(limits) == 1 else 0.5
        if len(limits) > 1:
            # Thresholds differ by object: drop pairs below their own threshold, and raise the others to at least 0.5.
            above = pairs.where(pairs.similarity >= match.thresholds[pairs.pairs.truth] - SLACK)
            tracks = _tracks(match, sides, Scored(above.pairs, 0.5 + above.similarity / 2))
        identity.append(identity_score(tracks, threshold=threshold))
        switches += _switches(match, identity_switches(tracks, threshold=threshold), sides, ontology)
    pooled, tracked = IdentityScore.pooled(identity), HotaScore.pooled(hota)
    figures = IdentityFigures(
        pooled.idtp, pooled.idfp, pooled.idfn, len(switches), tracked.hota, tracked.det_a, tracked.ass_a
    )
    return figures, tuple(switches)


def _tracks(match: Matches, sides: ComparedSides, scored: Scored) -> TrackPairs:
    frames, _ = _frames(match, sides)
    truth, label = frames[: len(match.truth)], frames[len(match.truth) :]
    pairs = scored.pairs
    return TrackPairs.of(
        truth_frame=truth,
        truth_track=match.truth.instance,
        label_frame=label,
        label_track=match.label.instance,
        pair_frame=truth[pairs.truth],
        pair_truth=match.truth.instance[pairs.truth],
        pair_label=match.label.instance[pairs.label],
        similarity=scored.similarity,
    )


def _frames(match: Matches, sides: ComparedSides) -> tuple[Indices, Indices]:
    """A small number for each drawing's (space, frame), truth first, and one drawing of each such frame."""
    places = np.concatenate(sides.places(match.truth, match.label))
    _, first, frames = np.unique(places, return_index=True, return_inverse=True)
    return frames, first


def _switches(
    match: Matches, found: Sequence[IdentitySwitch], sides: ComparedSides, ontology: Ontology
) -> Iterator[Conflict]:
    if not found:
        return
    _, first = _frames(match, sides)
    frame = np.concatenate((match.truth.frame, match.label.frame))
    names = [sides.truth.spaces[space] for space in match.truth.space.tolist()]
    names += [sides.label.spaces[space] for space in match.label.space.tolist()]
    feature = dict(zip(match.truth.instance.tolist(), match.truth.feature.tolist(), strict=True))
    for switch in found:
        at = int(frame[first[switch.frame]])
        yield Conflict(
            "identity_switch",
            ontology.objects[feature[switch.truth_track]].name,
            at,
            at,
            names[first[switch.frame]],
            truth_object=sides.truth.instances[switch.truth_track],
            label_object=sides.label.instances[switch.new_label_track],
            other=sides.label.instances[switch.old_label_track],
        )
