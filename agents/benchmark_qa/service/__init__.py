"""The deployed HTTP service that Encord calls."""
