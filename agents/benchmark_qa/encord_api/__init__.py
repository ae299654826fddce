"""Access to Encord through the official SDK: sessions, caches, pages, bundles."""
