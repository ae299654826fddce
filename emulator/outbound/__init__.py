"""What the platform sends out: custom agent calls, task-ready notifications, stage webhooks."""
