"""The set-up file: what a team wants to exist in Encord, and how that differs from what exists. Pure: no platform."""
