"""Registering files with Encord."""
