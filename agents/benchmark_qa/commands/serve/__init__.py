"""Starting the service."""
