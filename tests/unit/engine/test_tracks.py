"""IDF1, HOTA and identity switches, side by side with `trackeval` and on the real tracks of `motmetrics`."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import motmetrics
import numpy as np
import pytest
import trackeval
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from benchmark_qa.engine.tracks.heaviest import heaviest_matching
from benchmark_qa.engine.tracks.hota import ALPHAS, HotaScore, hota_score
from benchmark_qa.engine.tracks.identity import IdentityScore, IdentitySwitch, identity_score, identity_switches
from benchmark_qa.engine.tracks.pairs import InvalidTracksError, TrackPairs

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


def as_reference(video: Sequence[Frame]) -> dict[str, object]:
    truth_ids, label_ids = (
        np.unique(np.concatenate([getattr(frame, side) for frame in video])) for side in ("truth", "label")
    )
    return {
        "num_timesteps": len(video),
        "num_gt_ids": truth_ids.size,
        "num_tracker_ids": label_ids.size,
        "num_gt_dets": sum(frame.truth.size for frame in video),
        "num_tracker_dets": sum(frame.label.size for frame in video),
        "gt_ids": [np.searchsorted(truth_ids, frame.truth) for frame in video],
        "tracker_ids": [np.searchsorted(label_ids, frame.label) for frame in video],
        "similarity_scores": [frame.similarity for frame in video],
    }


def reference(metric: Callable[..., object], video: Sequence[Frame], **config: object) -> dict[str, Floats]:
    trackeval._timing.DO_TIMING = False
    chosen = metric({"PRINT_CONFIG": False, **config})
    return chosen.eval_sequence(as_reference(video))  # type: ignore[attr-defined, no-any-return]


def assert_agrees(video: Sequence[Frame], threshold: float = 0.5) -> None:
    tracks = as_pairs(video)
    assert_hota_agrees(hota_score(tracks), reference(HOTA, video))
    ours, theirs = identity_score(tracks, threshold=threshold), reference(Identity, video, THRESHOLD=threshold)
    assert (ours.idtp, ours.idfp, ours.idfn) == (theirs["IDTP"], theirs["IDFP"], theirs["IDFN"])
    assert ours.idf1 == pytest.approx(theirs["IDF1"], abs=1e-9)
    assert (ours.idp or 0) == pytest.approx(theirs["IDP"], abs=1e-9)
    assert (ours.idr or 0) == pytest.approx(theirs["IDR"], abs=1e-9)
    switches = identity_switches(tracks, threshold=threshold)
    assert len(switches) == reference(CLEAR, video, THRESHOLD=threshold)["IDSW"]


def assert_hota_agrees(ours: HotaScore, theirs: dict[str, Floats]) -> None:
    for name, curve in ours.by_alpha.items():
        np.testing.assert_allclose(curve, theirs[name], rtol=0, atol=1e-9, err_msg=name)
    for name, value in ours.to_dict().items():
        if value is not None:
            assert value == pytest.approx(float(np.mean(theirs[name])), abs=1e-9), name
    np.testing.assert_array_equal(ours.true_positives, theirs["HOTA_TP"])
    np.testing.assert_array_equal(ours.false_negatives, theirs["HOTA_FN"])
    np.testing.assert_array_equal(ours.false_positives, theirs["HOTA_FP"])


# --- videos -----------------------------------------------------------------------------------------------


def noise(seed: int, *, frames: int, tracks: int, density: float) -> list[Frame]:
    """Similarities without any structure: nearly every pair has rivals, so the solver has to work."""
    random = np.random.default_rng(seed)
    video = []
    for _ in range(frames):
        truth, label = (random.permutation(tracks)[: random.integers(0, tracks + 1)].astype(np.int64) for _ in range(2))
        shape = (truth.size, label.size)
        video.append(Frame(truth, label, random.random(shape) * (random.random(shape) < density)))
    return video


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


def real_video(name: str) -> list[Frame]:
    """A MOTChallenge sequence that motmetrics carries: its truth and the output of a real tracker."""
    boxes: dict[str, dict[int, list[list[float]]]] = {}
    for side in ("gt", "test"):
        text = files(motmetrics).joinpath("data", name, f"{side}.txt").read_text()
        boxes[side] = {}
        for row in csv.reader(text.splitlines()):
            boxes[side].setdefault(int(row[0]), []).append([float(value) for value in row[1:6]])
    video = []
    for number in sorted(boxes["gt"].keys() | boxes["test"].keys()):
        truth, label = (np.array(boxes[side].get(number, [])).reshape(-1, 5) for side in ("gt", "test"))
        similarity = iou(truth[:, 1:], label[:, 1:])
        video.append(Frame(truth[:, 0].astype(int), label[:, 0].astype(int), similarity))
    return video


# --- agreement with the references ------------------------------------------------------------------------


@pytest.mark.parametrize("density", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_random_similarities_score_as_in_trackeval(seed: int, density: float) -> None:
    assert_agrees(noise(seed, frames=30, tracks=12, density=density), threshold=0.1 * (seed + 1))


@pytest.mark.parametrize("people", [1, 4, 15])
@pytest.mark.parametrize("seed", range(5))
def test_walking_people_score_as_in_trackeval(seed: int, people: int) -> None:
    assert_agrees(walkers(seed, frames=120, people=people, room=250))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 7), st.floats(0, 1))
def test_any_small_video_scores_as_in_trackeval(seed: int, frames: int, tracks: int, density: float) -> None:
    video = noise(seed, frames=frames, tracks=tracks, density=density)
    if any(frame.truth.size or frame.label.size for frame in video):
        assert_agrees(video)


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_a_real_tracker_scores_as_in_trackeval(name: str) -> None:
    assert_agrees(real_video(name))


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_a_real_tracker_switches_where_motmetrics_says(name: str) -> None:
    video = real_video(name)
    accumulator = motmetrics.MOTAccumulator()
    for number, frame in enumerate(video):
        distance = np.where(frame.similarity >= 0.5, 1 - frame.similarity, np.nan)
        accumulator.update(frame.truth, frame.label, distance, frameid=number)
    events = accumulator.mot_events
    tracks = as_pairs(video)

    switches = events[events["Type"] == "SWITCH"]
    theirs = [(at[0], row.OId, row.HId) for at, row in zip(switches.index, switches.itertuples(), strict=True)]
    ours = [(switch.frame, switch.truth_track, switch.new_label_track) for switch in identity_switches(tracks)]
    assert ours == sorted(theirs)
    assert len(ours) == 7

    figures = motmetrics.metrics.create().compute(accumulator, metrics=["idf1", "idp", "idr"]).iloc[0]
    identity = identity_score(tracks)
    assert (identity.idf1, identity.idp, identity.idr) == pytest.approx(tuple(figures), abs=1e-9)


def test_several_videos_pool_as_in_trackeval() -> None:
    videos = [real_video("TUD-Campus"), real_video("TUD-Stadtmitte"), noise(1, frames=9, tracks=5, density=0.5)]
    theirs = {str(number): reference(HOTA, video) for number, video in enumerate(videos)}
    pooled = HotaScore.pooled(hota_score(as_pairs(video)) for video in videos)
    assert_hota_agrees(pooled, HOTA().combine_sequences(theirs))

    theirs = {str(number): reference(Identity, video) for number, video in enumerate(videos)}
    identity = IdentityScore.pooled(identity_score(as_pairs(video)) for video in videos)
    combined = Identity({"PRINT_CONFIG": False}).combine_sequences(theirs)
    assert identity.idf1 == pytest.approx(combined["IDF1"], abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 3, 1000]))
def test_the_heaviest_matching_weighs_as_much_as_scipys(seed: int, rows: int, cols: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    gain = random.integers(0, levels, (rows, cols)).astype(float)
    row, col = np.nonzero(gain >= 0)
    chosen = heaviest_matching(row, col, gain[row, col])
    assert np.bincount(row[chosen]).max(initial=0) <= 1
    assert np.bincount(col[chosen]).max(initial=0) <= 1
    assert gain[row, col][chosen].sum() == gain[linear_sum_assignment(gain, maximize=True)].sum()


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
