"""The set-up file: what a team wants in Encord, and how it differs from what exists."""
