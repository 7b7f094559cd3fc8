"""Which account answers, and what its answers say of it."""
