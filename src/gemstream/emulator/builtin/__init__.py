"""The built-in model: a request in, an answer out, always the same for the same request; pure."""
