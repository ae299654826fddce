"""IDF1, HOTA and identity switches, side by side with `trackeval` and on the real tracks of `motmetrics`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from benchmark_qa.engine.tracks.hota import ALPHAS, hota_score
from benchmark_qa.engine.tracks.identity import IdentitySwitch, identity_score, identity_switches
from benchmark_qa.engine.tracks.pairs import InvalidTracksError, TrackPairs, heaviest_matching

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """One frame as the reference wants it: the tracks of both sides and their similarity matrix."""

    truth: Ints
    label: Ints
    similarity: Floats


# --- the two sides ----------------------------------------------------------------------------------------


def as_pairs(video: Sequence[Frame]) -> TrackPairs:
    cells = [np.nonzero(frame.similarity) for frame in video]
    per_truth = [np.full(frame.truth.size, number) for number, frame in enumerate(video)]
    per_label = [np.full(frame.label.size, number) for number, frame in enumerate(video)]
    return TrackPairs.of(
        truth_frame=np.concatenate(per_truth),
        truth_track=np.concatenate([frame.truth for frame in video]),
        label_frame=np.concatenate(per_label),
        label_track=np.concatenate([frame.label for frame in video]),
        pair_frame=np.concatenate([np.full(rows.size, number) for number, (rows, _) in enumerate(cells)]),
        pair_truth=np.concatenate([frame.truth[rows] for frame, (rows, _) in zip(video, cells, strict=True)]),
        pair_label=np.concatenate([frame.label[cols] for frame, (_, cols) in zip(video, cells, strict=True)]),
        similarity=np.concatenate([frame.similarity[at] for frame, at in zip(video, cells, strict=True)]),
    )


# --- videos -----------------------------------------------------------------------------------------------


def walkers(seed: int, *, frames: int, people: int, room: float) -> list[Frame]:
    """People who walk about a small room and meet; labels with jitter, gaps, false boxes and lost tracks."""
    random = np.random.default_rng(seed)
    size = random.uniform(20, 60, (people, 2))
    place = random.uniform(0, room, (people, 2))
    speed = random.normal(0, 4, (people, 2))
    name = np.arange(people)
    unused = people
    video = []
    for _ in range(frames):
        place = place + speed + random.normal(0, 1, place.shape)
        speed = np.where((place < 0) | (place > room), -speed, speed)
        for person in np.flatnonzero(random.random(people) < 0.03):
            name[person], unused = unused, unused + 1
        if people > 1 and random.random() < 0.05:
            pair = random.choice(people, 2, replace=False)
            name[pair] = name[pair[::-1]]
        seen, labelled = random.random(people) < 0.95, random.random(people) < 0.9
        drawn = np.hstack([place, size]) + random.normal(0, 3, (people, 4))
        truth_boxes, label_boxes = np.hstack([place, size])[seen], drawn[labelled]
        video.append(Frame(np.flatnonzero(seen), name[labelled].copy(), iou(truth_boxes, label_boxes)))
    return video


def iou(truth: Floats, label: Floats) -> Floats:
    """IoU of `x, y, width, height` boxes by pycocotools."""
    if not len(truth) or not len(label):
        return np.zeros((len(truth), len(label)))
    return np.asarray(coco_mask.iou(truth, label, [0] * len(label)), dtype=np.float64)


# --- agreement with the references ------------------------------------------------------------------------


def test_a_long_chain_of_rivals_is_matched_best() -> None:
    length = 2001
    rows, cols = np.arange(length) // 2, (np.arange(length) + 1) // 2
    weights = 1 + np.random.default_rng(5).random(length) / 100
    chosen = heaviest_matching(rows, cols, weights)
    gain = np.zeros((rows.max() + 1, cols.max() + 1))
    gain[rows, cols] = weights
    assert weights[chosen].sum() == pytest.approx(gain[linear_sum_assignment(gain, maximize=True)].sum(), abs=1e-9)


# --- what the figures mean --------------------------------------------------------------------------------


def one_object(label_of_frame: Sequence[int | None], similarity: float = 0.8) -> TrackPairs:
    """Truth track 0 in every frame; the label track that covers it, or None."""
    covers = [np.array([] if label is None else [label], dtype=int) for label in label_of_frame]
    return as_pairs([Frame(np.array([0]), label, np.full((1, label.size), similarity)) for label in covers])


def test_a_perfect_copy_scores_one_without_switches() -> None:
    tracks = one_object([7, 7, 7, 7], similarity=1.0)
    assert identity_score(tracks).idf1 == 1
    assert set(hota_score(tracks).to_dict().values()) == {1.0}
    assert identity_switches(tracks) == []


def test_the_page_is_worked_by_hand() -> None:
    # docs/metrics/tracks.md: ten frames, label track 1 for six of them and label track 2 for four, IoU 0.8.
    tracks = one_object([1] * 6 + [2] * 4)
    identity = identity_score(tracks)
    assert (identity.idtp, identity.idfp, identity.idfn) == (6, 4, 4)
    assert identity.idf1 == pytest.approx(0.6)
    assert [(p.truth_track, p.label_track, p.frames) for p in identity.partners] == [(0, 1, 6)]
    hota = hota_score(tracks)
    assert hota.by_alpha["DetA"].tolist() == [1.0] * 16 + [0.0] * 3
    assert hota.by_alpha["AssA"][0] == pytest.approx((6 * 0.6 + 4 * 0.4) / 10)
    assert hota.hota == pytest.approx(16 / 19 * 0.52**0.5)
    assert identity_switches(tracks) == [IdentitySwitch(frame=6, truth_track=0, old_label_track=1, new_label_track=2)]


def test_a_switch_is_seen_across_a_gap_and_back() -> None:
    assert [str(switch) for switch in identity_switches(one_object([4, None, None, 5, 5, 4]))] == [
        "identity switch at frame 3: object 0 goes from label track 4 to 5",
        "identity switch at frame 5: object 0 goes from label track 5 to 4",
    ]


def test_a_second_label_that_fits_better_for_a_moment_is_no_switch() -> None:
    both = Frame(np.array([0]), np.array([1, 2]), np.array([[0.6, 0.9]]))
    alone = Frame(np.array([0]), np.array([1]), np.array([[0.8]]))
    assert identity_switches(as_pairs([alone, both, both, alone])) == []
    assert len(identity_switches(as_pairs([both, alone]))) == 1


def test_a_pair_exactly_on_the_threshold_matches() -> None:
    assert identity_score(one_object([1], similarity=0.5 - 1e-10)).idtp == 1
    assert identity_score(one_object([1], similarity=0.5 - 1e-8)).idtp == 0


def test_nothing_on_both_sides_is_not_applicable() -> None:
    empty = as_pairs([Frame(np.array([], dtype=int), np.array([], dtype=int), np.zeros((0, 0)))])
    assert set(hota_score(empty).to_dict().values()) == {None}
    identity = identity_score(empty)
    assert (identity.idf1, identity.idp, identity.idr) == (None, None, None)
    assert "not applicable" in str(identity)
    assert "not applicable" in str(hota_score(empty))
    assert identity_switches(empty) == []


def test_one_side_empty_scores_zero_where_it_can_be_scored() -> None:
    missing = as_pairs([Frame(np.array([0, 1]), np.array([], dtype=int), np.zeros((2, 0)))])
    assert (identity_score(missing).idf1, identity_score(missing).idr, identity_score(missing).idp) == (0, 0, None)
    hota = hota_score(missing)
    assert (hota.hota, hota.det_a, hota.det_re) == (0, 0, 0)
    assert (hota.det_pr, hota.ass_a, hota.loc_a) == (None, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_order_and_renumbering_change_nothing(seed: int) -> None:
    video = walkers(seed, frames=60, people=10, room=200)
    tracks = as_pairs(video)
    random = np.random.default_rng(seed)
    new_name = random.permutation(1000) * 7
    shuffled = {side: random.permutation(getattr(tracks, f"{side}_frame").size) for side in ("truth", "label", "pair")}
    renamed = TrackPairs.of(
        truth_frame=3 * tracks.truth_frame[shuffled["truth"]] + 11,
        truth_track=new_name[tracks.truth_track[shuffled["truth"]]],
        label_frame=3 * tracks.label_frame[shuffled["label"]] + 11,
        label_track=new_name[tracks.label_track[shuffled["label"]]],
        pair_frame=3 * tracks.pair_frame[shuffled["pair"]] + 11,
        pair_truth=new_name[tracks.pair_truth[shuffled["pair"]]],
        pair_label=new_name[tracks.pair_label[shuffled["pair"]]],
        similarity=tracks.similarity[shuffled["pair"]],
    )
    np.testing.assert_allclose(list(hota_score(renamed).by_alpha.values()), list(hota_score(tracks).by_alpha.values()))
    assert identity_score(renamed).to_dict() == identity_score(tracks).to_dict()
    assert identity_switches(renamed) == sorted(
        IdentitySwitch(
            3 * switch.frame + 11,
            int(new_name[switch.truth_track]),
            int(new_name[switch.old_label_track]),
            int(new_name[switch.new_label_track]),
        )
        for switch in identity_switches(tracks)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_two_sides_are_exchangeable(seed: int) -> None:
    tracks = as_pairs(walkers(seed, frames=60, people=10, room=200))
    turned = as_pairs(
        [Frame(frame.label, frame.truth, frame.similarity.T) for frame in walkers(seed, frames=60, people=10, room=200)]
    )
    assert identity_score(turned).idf1 == identity_score(tracks).idf1
    there, back = hota_score(tracks), hota_score(turned)
    assert (back.hota, back.det_re, back.ass_re) == pytest.approx((there.hota, there.det_pr, there.ass_pr))


@pytest.mark.parametrize("seed", range(4))
def test_more_lost_identities_never_score_higher(seed: int) -> None:
    """A ladder of damage: ever more of one label track's frames are given to a track of their own."""
    random = np.random.default_rng(seed)
    length = 40
    broken_first = random.permutation(length)
    ladder = []
    for broken in range(length // 2):
        label = np.ones(length, dtype=int)
        label[broken_first[:broken]] = 2 + np.arange(broken)
        tracks = one_object(label.tolist())
        ladder.append((identity_score(tracks).idf1, hota_score(tracks).hota, hota_score(tracks).ass_a))
    for worse, better in zip(ladder[1:], ladder, strict=False):
        assert all(low < high for low, high in zip(worse, better, strict=True))


def test_19_alphas_from_5_to_95_percent() -> None:
    assert pytest.approx(np.linspace(0.05, 0.95, 19)) == ALPHAS


# --- broken input -----------------------------------------------------------------------------------------

GOOD = {
    "truth_frame": [0, 1],
    "truth_track": [0, 0],
    "label_frame": [0, 1],
    "label_track": [5, 5],
    "pair_frame": [0],
    "pair_truth": [0],
    "pair_label": [5],
    "similarity": [0.9],
}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"similarity": [float("nan")]}, "similarity is not in"),
        ({"similarity": [-0.1]}, "similarity is not in"),
        ({"similarity": [1.1]}, "similarity is not in"),
        ({"similarity": []}, "differ in length"),
        ({"truth_track": [0]}, "truth_frame and truth_track differ in length: 2 and 1"),
        ({"truth_frame": [0, 0]}, "truth track is present twice in a frame"),
        ({"label_frame": [-1, 1]}, "label_frame is negative: -1"),
        ({"label_track": [0.5, 1.5]}, "label_track must hold whole numbers"),
        ({"truth_track": [[0, 0]]}, "truth_track must have one dimension"),
        ({"pair_frame": [4]}, "truth track absent from its frame"),
        ({"pair_label": [6]}, "label track absent from its frame; (frame, track): 0, 6"),
        (
            {"pair_frame": [0, 0], "pair_truth": [0, 0], "pair_label": [5, 5], "similarity": [0.9, 0.8]},
            "a pair is listed twice",
        ),
    ],
)
def test_broken_input_is_named(broken: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InvalidTracksError) as caught:
        TrackPairs.of(**{**GOOD, **broken})  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_threshold_outside_its_range_is_named() -> None:
    with pytest.raises(InvalidTracksError, match="threshold must be in"):
        identity_score(TrackPairs.of(**GOOD), threshold=0.0)  # type: ignore[arg-type]
