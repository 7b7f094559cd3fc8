"""Files: passed through to the account that keeps them, seen by the key that brought them alone."""
