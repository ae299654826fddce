"""IDF1: the frames in which every object is covered by the one label track that is its partner.

Source: E. Ristani, F. Solera, R. Zou, R. Cucchiara, C. Tomasi, "Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking" (2016). Agrees with `trackeval.metrics.Identity`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark_qa.engine.tracks.heaviest import heaviest_matching
from benchmark_qa.engine.tracks.pairs import TrackPairs


@dataclass(frozen=True)
class TrackPartners:
    """A truth track and the label track that stands for it over the whole video."""

    truth_track: int
    label_track: int
    frames: int
    """Frames in which the two match."""


@dataclass(frozen=True)
class IdentityScore:
    """Counts of track entries (one track in one frame) and the ratios made of them.

    A ratio with nothing to divide by is None: not applicable, neither 0 nor a pass.
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
        """The counts of several videos (or classes) added up."""
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
    """Join truth and label tracks one to one so that the most frames agree, and count the rest as errors."""
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
