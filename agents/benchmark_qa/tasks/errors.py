"""Why a use case refuses. The messages are for people: they name what is wrong and never a label."""

from benchmark_qa.errors import RefusalError, TryAgainLater


class TruthChanging(TryAgainLater):
    """Labels or truth were edited each time while they were read: which version was judged cannot be told."""


class ProjectNotServed(RefusalError):
    """This deployment does not serve the project that the request names."""


class StageNotServed(RefusalError):
    """The configuration names another stage than the notification."""


class UnknownDataUnit(RefusalError):
    """The production project has no such data unit."""


class DatasetNotServed(RefusalError):
    """The data unit is in a dataset that is neither the benchmark's nor production's."""


class NotABenchmarkDataUnit(RefusalError):
    """There is nothing to compare the labels with: the data unit is in no benchmark dataset."""


class NoGroundTruth(RefusalError):
    """The benchmark task of this data unit is not at a Complete stage (yet)."""


class NotSubmitted(RefusalError):
    """No annotator has submitted labels of this data unit (yet)."""


class LabelsUnreadable(RefusalError):
    """A label row is not as Encord writes them, or does not come; the message says where, not what stands there."""


class LabelsNotComparable(RefusalError):
    """The labels are well formed and cannot be scored all the same, e.g. masks of two sizes; the message says why."""


class UnitBrokeDown(RefusalError):
    """Reading or scoring one data unit's labels failed in a way nobody has foreseen; the log has the traceback."""


class OntologiesDiffer(RefusalError):
    """Production and benchmark project use different ontologies: their labels cannot be compared."""


class AmbiguousTitle(RefusalError):
    """Encord has several things of a title that a set-up names; the message has the hashes of all of them."""


class MisconfiguredStage(RefusalError):
    """The configuration names a stage or a pathway that the production project's workflow does not have."""


class NothingToDrawFrom(RefusalError):
    """Nothing fits what is to be drawn at random."""
