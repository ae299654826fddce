"""What deserves another look: likely label errors, failure slices, contradicting duplicates, rare classes."""
