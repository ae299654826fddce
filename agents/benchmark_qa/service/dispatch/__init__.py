"""Where jobs wait and run: background threads, SQS, Cloud Tasks, a worker process."""
