"""The use cases, step by step: route a task, score a task, drain a stage, evaluate a project."""
