"""Encord, through the official SDK: sessions, caches, paging, bundles."""
