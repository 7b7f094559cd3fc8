"""What a call does, told to whoever listens: events, and their names in OpenTelemetry."""
