"""Options as frozen values with their origin, and the data bundled with the package."""
