"""Tracks beside trackeval, motmetrics and SciPy: random videos and real trackers."""

import csv
from collections.abc import Callable, Sequence
from importlib.resources import files

import motmetrics
import numpy as np
import pytest
import trackeval
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from benchmark_qa.engine.tracks.hota import HotaScore, hota_score
from benchmark_qa.engine.tracks.identity import IdentityScore, identity_score, identity_switches
from benchmark_qa.engine.tracks.pairs import heaviest_matching
from tests.unit.engine.test_tracks import Floats, Frame, as_pairs, iou, walkers


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


def noise(seed: int, *, frames: int, tracks: int, density: float) -> list[Frame]:
    """Similarities without any structure: nearly every pair has rivals, so the solver has to work."""
    random = np.random.default_rng(seed)
    video = []
    for _ in range(frames):
        truth, label = (random.permutation(tracks)[: random.integers(0, tracks + 1)].astype(np.int64) for _ in range(2))
        shape = (truth.size, label.size)
        video.append(Frame(truth, label, random.random(shape) * (random.random(shape) < density)))
    return video


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
