"""Wiring: settings in, application out."""
