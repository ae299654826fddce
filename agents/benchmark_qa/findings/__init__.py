"""What deserves another look: likely label errors, failure slices, contradicting duplicates, rare classes."""

from benchmark_qa.findings.by_class import ENOUGH_EXAMPLES, ClassErrors, RareClass, errors_by_class, rare_classes
from benchmark_qa.findings.choice import OFFERED, USUAL, NoDataHashesError, choose
from benchmark_qa.findings.chosen import ChosenItem, ChosenItems, Reason, ReasonKind
from benchmark_qa.findings.confident_learning import FindingLibraryMissingError
from benchmark_qa.findings.contradictions import Contradiction, find_contradictions
from benchmark_qa.findings.findings import Findings, find
from benchmark_qa.findings.label_errors import LabelError, find_label_errors

__all__ = [
    "ENOUGH_EXAMPLES",
    "OFFERED",
    "USUAL",
    "ChosenItem",
    "ChosenItems",
    "ClassErrors",
    "Contradiction",
    "FindingLibraryMissingError",
    "Findings",
    "LabelError",
    "NoDataHashesError",
    "RareClass",
    "Reason",
    "ReasonKind",
    "choose",
    "errors_by_class",
    "find",
    "find_contradictions",
    "find_label_errors",
    "rare_classes",
]
