"""The books: a row for each attempt, written before it is sent and settled once."""
