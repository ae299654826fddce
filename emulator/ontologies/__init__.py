"""Ontologies."""
