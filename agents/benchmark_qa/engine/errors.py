"""Labels that are well formed but cannot be scored."""


class ScoringError(ValueError):
    """These labels cannot be scored; the message says why, and names no label content."""


class TooManyPairsError(ScoringError):
    """So many drawings lie on top of each other that they cannot be compared in reasonable memory."""


class TooMuchWorkError(ScoringError):
    """Comparing these labels takes more time or memory than one data unit may have."""


class ContradictoryAnswersError(ScoringError):
    """One question is answered in two ways about the same thing on the same frame."""


class MasksDifferInSizeError(ScoringError):
    """Two bitmasks of the same frame have different heights or widths: their pixels cannot be compared."""


class MetricFailedError(ScoringError):
    """A metric of one's own raised an error, or returned something that is no number."""
