"""One served emulator for all tests of the commands; each plays its own script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.program import Served, served


@pytest.fixture(scope="session")
def service() -> Iterator[Served]:
    """The emulator; ``play`` before use."""
    with served() as emulator:
        yield emulator
