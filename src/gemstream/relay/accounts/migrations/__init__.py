"""The steps that made the tables of operators, in their order; a released one is never changed."""
