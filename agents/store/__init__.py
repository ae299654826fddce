"""Score records in a SQL database."""
