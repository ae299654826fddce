"""HOTA: detection and association with equal weight, over 19 localisation thresholds.

Source: J. Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking" (IJCV 2021).
Agrees with `trackeval.metrics.HOTA`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark_qa.engine.pairs import SLACK
from benchmark_qa.engine.tracks.pairs import Bools, TrackPairs, heaviest_matching
from benchmark_qa.labels.annotations import Numbers

ALPHAS: Numbers = np.arange(0.05, 0.99, 0.05)
"""The localisation thresholds, shape (19,): 0.05, 0.10, ... 0.95."""

NOTHING = 1e-10  # trackeval's guard: LocA is 1 at an alpha where nothing matches


@dataclass(frozen=True, eq=False)
class HotaScore:
    """Counts and sums by alpha, each of shape (19,), and the figures derived from them.

    `hota`, `det_a` and so on are means over the alphas; `by_alpha` gives the curves. An alpha without a match
    counts with AssA 0 and LocA 1, which agrees with the reference. A figure is None (not applicable, neither 0
    nor a pass) if there is nothing to measure.
    """

    true_positives: Numbers
    false_negatives: Numbers
    false_positives: Numbers
    association: Numbers
    """Sum over true positives of their association Jaccard; `association_recall`, `_precision` likewise."""
    association_recall: Numbers
    association_precision: Numbers
    localisation: Numbers
    """Sum of the similarity of the true positives."""

    @classmethod
    def pooled(cls, scores: Iterable["HotaScore"]) -> "HotaScore":
        """Several videos (or classes) as one: counts and sums are added; tracks are not joined."""
        listed = list(scores)
        names = cls.__dataclass_fields__
        zero = np.zeros(ALPHAS.size)
        return cls(**{name: sum((getattr(score, name) for score in listed), start=zero) for name in names})

    @property
    def hota(self) -> float | None:
        """Mean over alphas of sqrt(DetA x AssA); None without any track."""
        return self._mean("HOTA", applicable=self._has_tracks)

    @property
    def det_a(self) -> float | None:
        """TP / (TP + FN + FP); None without any track."""
        return self._mean("DetA", applicable=self._has_tracks)

    @property
    def det_re(self) -> float | None:
        """TP / (TP + FN); None without truth tracks."""
        return self._mean("DetRe", applicable=self._has_truth)

    @property
    def det_pr(self) -> float | None:
        """TP / (TP + FP); None without label tracks."""
        return self._mean("DetPr", applicable=self._has_labels)

    @property
    def ass_a(self) -> float | None:
        """Mean association Jaccard of the true positives; None when nothing matches at any alpha."""
        return self._mean("AssA", applicable=self._has_matches)

    @property
    def ass_re(self) -> float | None:
        """Mean association recall of the true positives; None when nothing matches at any alpha."""
        return self._mean("AssRe", applicable=self._has_matches)

    @property
    def ass_pr(self) -> float | None:
        """Mean association precision of the true positives; None when nothing matches at any alpha."""
        return self._mean("AssPr", applicable=self._has_matches)

    @property
    def loc_a(self) -> float | None:
        """Mean similarity of the true positives; None when nothing matches at any alpha."""
        return self._mean("LocA", applicable=self._has_matches)

    @property
    def by_alpha(self) -> dict[str, Numbers]:
        """Every figure at every alpha, shape (19,) each, under the names of the reference."""
        tp, fn, fp = self.true_positives, self.false_negatives, self.false_positives
        matched = np.maximum(1, tp)
        det_a = tp / np.maximum(1, tp + fn + fp)
        ass_a = self.association / matched
        return {
            "HOTA": np.sqrt(det_a * ass_a),
            "DetA": det_a,
            "AssA": ass_a,
            "LocA": np.maximum(NOTHING, self.localisation) / np.maximum(NOTHING, tp),
            "DetRe": tp / np.maximum(1, tp + fn),
            "DetPr": tp / np.maximum(1, tp + fp),
            "AssRe": self.association_recall / matched,
            "AssPr": self.association_precision / matched,
        }

    def to_dict(self) -> dict[str, Any]:
        """The means over the alphas under their usual names, ready for JSON."""
        return {
            "HOTA": self.hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "LocA": self.loc_a,
            "DetRe": self.det_re,
            "DetPr": self.det_pr,
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
        }

    def __str__(self) -> str:
        if not self._has_tracks:
            return "HOTA not applicable: no tracks on either side"
        figures = (f"{name} {value:.3f}" for name, value in self.to_dict().items() if value is not None)
        return ", ".join(figures)

    @property
    def _has_truth(self) -> bool:
        return bool(self.true_positives[0] + self.false_negatives[0])

    @property
    def _has_labels(self) -> bool:
        return bool(self.true_positives[0] + self.false_positives[0])

    @property
    def _has_tracks(self) -> bool:
        return self._has_truth or self._has_labels

    @property
    def _has_matches(self) -> bool:
        return bool(self.true_positives[0])

    def _mean(self, name: str, *, applicable: bool) -> float | None:
        return float(self.by_alpha[name].mean()) if applicable else None


def hota_score(tracks: TrackPairs) -> HotaScore:
    """HOTA of one video and class.

    All alphas share one matching of the frames. It maximises similarity weighted by how well the two tracks
    are aligned over the whole video. Each alpha then keeps the matches that are similar enough.
    """
    partners = tracks.partners
    matched = _aligned_matching(tracks)
    similarity = tracks.similarity[matched]
    # How many alphas each match passes: level 3 means true positive at alphas 0, 1 and 2.
    level = np.searchsorted(ALPHAS - SLACK, similarity, side="right")

    tp = _passed(np.bincount(level, minlength=ALPHAS.size + 1))
    kinds, kind = np.unique(partners.of_pair[matched], return_inverse=True)
    cells = np.bincount(kind * (ALPHAS.size + 1) + level, minlength=kinds.size * (ALPHAS.size + 1))
    together = _passed(cells.reshape(kinds.size, ALPHAS.size + 1))
    truth_length = partners.truth_length[kinds, np.newaxis]
    label_length = partners.label_length[kinds, np.newaxis]
    return HotaScore(
        true_positives=tp,
        false_negatives=tracks.truth_track.size - tp,
        false_positives=tracks.label_track.size - tp,
        association=(together**2 / (truth_length + label_length - together)).sum(axis=0),
        association_recall=(together**2 / truth_length).sum(axis=0),
        association_precision=(together**2 / label_length).sum(axis=0),
        localisation=_passed(np.bincount(level, weights=similarity, minlength=ALPHAS.size + 1)),
    )


def _aligned_matching(tracks: TrackPairs) -> Bools:
    similarity, partners = tracks.similarity, tracks.partners
    truth_sum = np.bincount(tracks.pair_truth_entry, similarity)
    label_sum = np.bincount(tracks.pair_label_entry, similarity)
    rivals = truth_sum[tracks.pair_truth_entry] + label_sum[tracks.pair_label_entry] - similarity
    share = np.divide(similarity, rivals, out=np.zeros_like(similarity), where=rivals > np.finfo(float).eps)
    common = np.bincount(partners.of_pair, share, minlength=partners.truth.size)
    alignment = common / (partners.truth_length + partners.label_length - common)
    weight = alignment[partners.of_pair] * similarity
    return heaviest_matching(tracks.pair_truth_entry, tracks.pair_label_entry, weight)


def _passed(by_level: np.ndarray[Any, Any]) -> Numbers:
    """From sums by level, shape (..., 20), to sums by alpha, shape (..., 19): all levels above the alpha."""
    above: Numbers = np.flip(np.cumsum(np.flip(by_level, axis=-1), axis=-1), axis=-1)[..., 1:].astype(float)
    return above
