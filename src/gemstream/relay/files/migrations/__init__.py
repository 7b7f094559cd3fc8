"""The steps of the tables that hold which account has which file."""
