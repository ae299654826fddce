"""Identity over time: does a label track stay on the same object from the first frame to the last?

`TrackPairs` holds the tracks of one video and class; `identity_score` gives IDF1, `hota_score` HOTA, and
`identity_switches` the frames in which an object changes its label track.
"""

from benchmark_qa.scoring.tracks.hota import ALPHAS, HotaScore, hota_score
from benchmark_qa.scoring.tracks.identity import IdentityScore, TrackPartners, identity_score
from benchmark_qa.scoring.tracks.pairs import InvalidTracksError, TrackPairs
from benchmark_qa.scoring.tracks.switches import IdentitySwitch, identity_switches

__all__ = [
    "ALPHAS",
    "HotaScore",
    "IdentityScore",
    "IdentitySwitch",
    "InvalidTracksError",
    "TrackPairs",
    "TrackPartners",
    "hota_score",
    "identity_score",
    "identity_switches",
]
