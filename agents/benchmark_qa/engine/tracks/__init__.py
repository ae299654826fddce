"""Identity over time: whether a label track stays on the same object from the first frame to the last.

`TrackPairs` holds the tracks of one video and class; `identity_score` gives IDF1, `hota_score` HOTA, and
`identity_switches` the frames in which an object changes its label track.
"""
