"""The accounts a relay has: what requests to them look like, and what they may be asked."""
