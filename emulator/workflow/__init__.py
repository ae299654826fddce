"""Workflows: graphs of stages, tasks that travel through them, and the actions that move them."""
