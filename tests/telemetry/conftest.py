"""The environment of these tests: nothing that a developer's shell says to OpenTelemetry."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget every variable of OpenTelemetry."""
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
