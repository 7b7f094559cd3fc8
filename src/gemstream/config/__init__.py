"""Options, the files they stand in and the data bundled with the package, each with its origin."""
