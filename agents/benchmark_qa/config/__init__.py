"""Every setting of the service, validated at start-up, with the key named in the error."""
