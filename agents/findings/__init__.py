"""What deserves another look: likely label errors, failure slices, contradicting duplicates, rare classes."""

from agents.findings.chosen import ChosenItem, ChosenItems, Reason, ReasonKind

__all__ = ["ChosenItem", "ChosenItems", "Reason", "ReasonKind"]
