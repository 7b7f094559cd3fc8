"""Scripts: rules and the steps of their answers, read, played, and made to go wrong."""
