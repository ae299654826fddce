"""Every setting of the service, validated at start-up."""
