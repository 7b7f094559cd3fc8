"""A relay's file and where it is served, for the operators' commands."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.program import Result, gemstream

__all__ = ("FILE_KEY", "TOKEN", "UPSTREAM_KEY", "Site")

TOKEN = "the-token-of-operators-for-tests-only"
FILE_KEY = "a-key-of-team-a-for-tests-only"
UPSTREAM_KEY = "upstream-key-that-nobody-sees"


class Site:
    """``file``: the relay's. ``env``: an operator's, who knows the token."""

    def __init__(self, file: Path, env: Mapping[str, str]) -> None:
        self.file = file
        self.env = dict(env)
        self.url = self.admin = self._upstream = ""

    def write(self, upstream: str, *more: str) -> None:
        """Write the file: one account at ``upstream``, one key, free ports."""
        self._upstream = upstream
        books = self.file.parent / "books.sqlite3"
        lines = [
            "[server]",
            "port = 0",
            "[admin]",
            "port = 0",
            'token = "env:TOKEN"',
            "[ledger]",
            f'url = "sqlite:///{books}"',
            "[[accounts]]",
            'name = "one"',
            f'api_key = "{UPSTREAM_KEY}"',
            f'base_url = "{upstream}"',
            "[[keys]]",
            'name = "team-a"',
            f'key = "{FILE_KEY}"',
        ]
        self.file.write_text("\n".join([*lines, *more, ""]))

    def rewrite(self, *more: str) -> None:
        """Write the file again, with ``more`` lines at its end."""
        self.write(self._upstream, *more)

    def listens(self, url: str, admin: str) -> None:
        """Note where the relay is served."""
        self.url, self.admin = url, admin

    def run(self, *arguments: str, remote: bool = True, **more: str) -> Result:
        """Run an operator's command, against the running relay or against its database."""
        where = ["--admin", self.admin, "--token-env", "TOKEN"]
        if not remote:
            where = ["--config", str(self.file)]
        return gemstream("relay", *arguments, *where, env={**self.env, **more})

    def ask(self, path: str, key: str, body: Any = None) -> tuple[int, dict[str, str]]:
        """Send a caller's request; return its status and headers."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        data = None if body is None else json.dumps(body)
        headers = {"x-goog-api-key": key, "content-type": "application/json"}
        connection.request("GET" if data is None else "POST", path, data, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
