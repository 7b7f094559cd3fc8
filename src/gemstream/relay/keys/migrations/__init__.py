"""The steps that made the tables of keys, in their order; a released one is never changed."""
