"""Who is asking: credentials as headers."""
