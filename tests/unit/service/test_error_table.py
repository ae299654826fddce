"""The one table of error classes: HTTP status and exit code of each. A new class needs a line here."""

import re
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path

import pytest

import benchmark_qa
from benchmark_qa.config.account import SettingsError
from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater
from benchmark_qa.service.errors import status_of
from benchmark_qa.terminal.failures import exit_code_of

TABLE = {
    # refusals: the caller's, as things are
    "ProjectNotServed": (403, 2),
    "StageNotServed": (403, 2),
    "UnknownDataUnit": (404, 2),
    "DatasetNotServed": (409, 2),
    "NotABenchmarkDataUnit": (409, 2),
    "NoGroundTruth": (409, 2),
    "NotSubmitted": (409, 2),
    "OntologiesDiffer": (409, 2),
    "BranchesMissing": (409, 2),
    "BranchesAreParts": (409, 2),
    "AmbiguousTitle": (409, 2),
    "MisconfiguredStage": (409, 2),
    "NothingToDrawFrom": (409, 2),
    "RulingRefusedError": (409, 2),
    "UnknownActionError": (409, 2),
    "UnknownPersonError": (409, 2),
    "LabelsUnreadable": (422, 2),
    "LabelsNotComparable": (422, 2),
    "UnitBrokeDown": (422, 2),
    # refusals of commands
    "AssignRefused": (409, 2),
    "EncoderError": (409, 2),
    "ExportError": (409, 2),
    "ExportUnderWay": (409, 2),
    "ImportRefused": (409, 2),
    "IndexFileError": (409, 2),
    "NoRoomLeft": (409, 2),
    "NotAnExport": (409, 2),
    "PrelabelRefused": (409, 2),
    "RowsNotKept": (409, 2),
    "SizeUnclear": (409, 2),
    "SnapshotRefused": (409, 2),
    "UnknownChoice": (409, 2),
    "UnknownFolder": (409, 2),
    "UnknownPlace": (409, 2),
    "UnknownSource": (409, 2),
    "NoDeployment": (409, 2),
    # Encord refuses us, or answers what makes no sense
    "AccessRefused": (502, 3),
    "NotFoundOnPlatform": (502, 3),
    "RequestRejected": (502, 3),
    "UnexpectedAnswer": (502, 3),
    "UnparsableAnswer": (502, 3),
    "UnusableKey": (502, 3),
    # outages: the same request again does no harm
    "EncordUnavailable": (503, 3),
    "AnswerTooLarge": (503, 3),
    "StoreError": (503, 3),
    "SchemaBehindError": (503, 3),
    "QueueUnavailable": (503, 3),
    "ServiceFull": (503, 3),
    "NowhereToPass": (503, 3),
    "StoreAway": (503, 3),
    "TruthChanging": (503, 3),
    # an extra is not installed
    "MissingExtraError": (501, 2),
    "FindingLibraryMissingError": (501, 2),
}


DERIVED = re.compile(r"^class \w+\(.*(RefusalError|PlatformError|TryAgainLater|StoreError|MissingExtraError)\)", re.M)


def below(*bases: type[Exception]) -> dict[str, type[Exception]]:
    root = Path(benchmark_qa.__file__).parent
    for file in sorted(root.rglob("*.py")):
        if DERIVED.search(file.read_text(encoding="utf-8")):
            import_module(".".join(file.relative_to(root.parent).with_suffix("").parts))
    found: dict[str, type[Exception]] = {}
    waiting = list(bases)
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind not in (RefusalError, PlatformError, TryAgainLater) and kind.__module__.startswith("benchmark_qa"):
            found[kind.__name__] = kind
    return found


KINDS = below(RefusalError, PlatformError, TryAgainLater, MissingExtraError)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_error_has_one_status_and_one_exit_code(name: str) -> None:
    assert name in TABLE, "a new error: which status and which exit code?"
    assert (status_of(KINDS[name]), exit_code_of(KINDS[name])) == TABLE[name]


def test_the_table_names_no_error_that_is_gone() -> None:
    assert set(TABLE) == set(KINDS)


def test_what_nobody_expected_is_500_and_no_exit_code_of_ours() -> None:
    assert (status_of(ZeroDivisionError), exit_code_of(ZeroDivisionError)) == (500, None)
    assert status_of(BrokenProcessPool) == 503
    assert exit_code_of(SettingsError) == 2
