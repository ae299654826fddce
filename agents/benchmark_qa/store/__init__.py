"""Score records in a SQL database, and what people and rules have decided about them."""
