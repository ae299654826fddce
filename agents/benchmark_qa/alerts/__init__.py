"""Alert rules, and telling a webhook."""
