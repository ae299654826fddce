"""HTTP in and out: routes, signatures, error bodies, the request log."""
