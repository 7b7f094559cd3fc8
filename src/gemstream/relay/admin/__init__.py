"""The relay's side for operators: accounts, keys, usage, and how the relay itself stands."""
