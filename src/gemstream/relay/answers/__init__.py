"""How an answer goes down to the caller: as it came, in another framing, or in another dialect."""
