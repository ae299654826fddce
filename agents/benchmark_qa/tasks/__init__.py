"""What happens to a task: routed, scored, recorded, moved."""
