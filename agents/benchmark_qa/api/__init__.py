"""HTTP: routes by endpoint family, signature checks, error bodies."""
