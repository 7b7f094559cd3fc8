"""The databases that a test runs on, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gemstream.relay.migrations import relay_migrations
from gemstream.stores.database import Database, open_database


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "postgres":
        url: Any = request.getfixturevalue("postgres_url")
        return str(url)
    return f"sqlite:///{tmp_path / 'books.sqlite3'}"


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Database]:
    """A database with the relay's tables, empty."""
    database = await open_database(database_url, relay_migrations())
    yield database
    await database.aclose()
