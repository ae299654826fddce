"""Identity over time, for the whole task: IDF1, HOTA and the frames in which an object changes its label object."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmark_qa.engine.assignment import SLACK
from benchmark_qa.engine.matching import Matches, Scored, Sides
from benchmark_qa.engine.pairs import Indices
from benchmark_qa.engine.result import Conflict, IdentityFigures
from benchmark_qa.engine.tracks.hota import HotaScore, hota_score
from benchmark_qa.engine.tracks.identity import IdentityScore, IdentitySwitch, identity_score, identity_switches
from benchmark_qa.engine.tracks.pairs import TrackPairs
from benchmark_qa.labels.ontology import Ontology

ALONE = "no object is drawn on more than one frame"


def score_identity(
    matches: Sequence[Matches], sides: Sides, ontology: Ontology
) -> tuple[IdentityFigures, tuple[Conflict, ...]]:
    """The figures pooled over classes and spaces, and the identity switches."""
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
            # One threshold per object: leave out what lies below its own, and lift the rest above one half.
            above = pairs.where(pairs.similarity >= match.thresholds[pairs.pairs.truth] - SLACK)
            tracks = _tracks(match, sides, Scored(above.pairs, 0.5 + above.similarity / 2))
        identity.append(identity_score(tracks, threshold=threshold))
        switches += _switches(match, identity_switches(tracks, threshold=threshold), sides, ontology)
    pooled, tracked = IdentityScore.pooled(identity), HotaScore.pooled(hota)
    figures = IdentityFigures(
        pooled.idtp, pooled.idfp, pooled.idfn, len(switches), tracked.hota, tracked.det_a, tracked.ass_a
    )
    return figures, tuple(switches)


def _tracks(match: Matches, sides: Sides, scored: Scored) -> TrackPairs:
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


def _frames(match: Matches, sides: Sides) -> tuple[Indices, Indices]:
    """Every drawing's frame of any space as a small number, truth first, and one drawing of each such frame."""
    places = np.concatenate(sides.places(match.truth, match.label))
    _, first, frames = np.unique(places, return_index=True, return_inverse=True)
    return frames, first


def _switches(match: Matches, found: Sequence[IdentitySwitch], sides: Sides, ontology: Ontology) -> Iterator[Conflict]:
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
