"""The steps that made the ledger's tables, in their order; a released one is never changed."""
