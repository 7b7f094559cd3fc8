"""The commands below ``gemstream relay``."""
