"""Errors of the use cases. Messages are for people: they name what is wrong and never quote a label."""

from benchmark_qa.errors import RefusalError, TryAgainLater


class TruthChanging(TryAgainLater):
    """Labels or truth were edited during every attempt to read them, so the scored version is unknown."""


class ProjectNotServed(RefusalError):
    """This deployment does not serve the project in the request."""


class StageNotServed(RefusalError):
    """The configuration does not name the stage in the notification."""


class UnknownDataUnit(RefusalError):
    """The production project has no such data unit."""


class DatasetNotServed(RefusalError):
    """The data unit's dataset is neither a benchmark dataset nor a production dataset."""


class NotABenchmarkDataUnit(RefusalError):
    """The data unit is in no benchmark dataset, so there is no ground truth to compare with."""


class NoGroundTruth(RefusalError):
    """The benchmark task of this data unit is not at a Complete stage yet."""


class NotSubmitted(RefusalError):
    """No annotator has submitted labels of this data unit yet."""


class BranchesMissing(RefusalError):
    """The task has been in a consensus block, and Encord lists no annotator's branch of it: `main` is nobody's own."""


class BranchesAreParts(RefusalError):
    """The branches come from no consensus block. As parts of one answer they cannot be scored against each other."""


class LabelsUnreadable(RefusalError):
    """A label row has an unknown form, or Encord does not return it.

    The message says where, and quotes nothing.
    """


class LabelsNotComparable(RefusalError):
    """The labels are well formed but cannot be scored, e.g. masks of two sizes. The message says why."""


class UnitBrokeDown(RefusalError):
    """An unexpected error while one data unit's labels were read or scored. The log has the traceback."""


class OntologiesDiffer(RefusalError):
    """Production and benchmark project use different ontologies, so their labels cannot be compared."""


class AmbiguousTitle(RefusalError):
    """Several things on Encord have the title that a set-up file names. The message lists their hashes."""


class MisconfiguredStage(RefusalError):
    """The production project's workflow has no such stage or pathway as the configuration names."""


class NothingToDrawFrom(RefusalError):
    """No item fits the conditions of a random draw."""
