"""What is deployed: the HTTP service that Encord calls."""
