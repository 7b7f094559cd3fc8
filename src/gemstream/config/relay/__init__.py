"""The relay's own configuration: its server, accounts, keys and ledger."""
