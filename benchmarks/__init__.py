"""gemstream beside its rivals: ``python -m benchmarks``, see docs/explanation/performance.md."""
