"""Score records in a SQL database, and the decisions of people and alert rules about them."""
