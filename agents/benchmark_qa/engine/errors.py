"""Errors for labels that are well formed but cannot be scored."""


class ScoringError(ValueError):
    """These labels cannot be scored; the message says why and contains no label content."""


class TooManyPairsError(ScoringError):
    """Too many drawings overlap to be compared in reasonable memory."""


class TooMuchWorkError(ScoringError):
    """Comparing these labels exceeds the time or memory limit of one data unit."""


class ContradictoryAnswersError(ScoringError):
    """One question has two answers about the same thing on the same frame."""


class MasksDifferInSizeError(ScoringError):
    """Two bitmasks of one frame differ in height or width, so their pixels cannot be compared."""


class MetricFailedError(ScoringError):
    """A custom metric raised an error, or returned something that is not a number."""
