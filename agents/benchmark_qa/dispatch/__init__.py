"""When a job runs: now, after the response, or on a queue."""
