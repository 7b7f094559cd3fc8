"""Callers' keys at work: found, limited, budgeted, minted and revoked."""
