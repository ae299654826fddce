"""The commands: one folder for each thing that people do."""
