"""What operators see of the relay: log lines, metrics, spans, health."""
