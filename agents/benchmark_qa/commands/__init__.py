"""What a person runs: a folder for each thing they do."""
