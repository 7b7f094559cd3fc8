"""A relay on a socket for every test that says nothing special of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.relay_server import RelayServer, relay_server


@pytest.fixture
async def house() -> AsyncIterator[RelayServer]:
    """A relay in front of an emulator without a script."""
    async with relay_server() as house:
        yield house
