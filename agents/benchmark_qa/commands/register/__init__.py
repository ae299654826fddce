"""Register files with Encord."""
