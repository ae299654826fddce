"""Alert rules and the webhook that they call."""
