"""A relay with its operators' side, in process; and what an operator sends to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from gemstream.config.relay.options import AdminOptions
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines, HTTPRequest
from gemstream.relay.admin.app import Admin
from gemstream.relay.admin.opened import desk_of
from gemstream.relay.server.service import Reload
from support.relayed import Answered, Relayed, relayed

__all__ = ("TOKEN", "Administered", "administered")

TOKEN = "the-token-of-operators-for-tests-only"


class Administered:
    """``house``: the relay. ``admin``: its operators' application."""

    def __init__(self, house: Relayed, admin: Admin) -> None:
        self.house = house
        self.admin = admin
        self._transport = ASGITransport(admin)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] = {},
    ) -> Answered:
        """Send a request of an operator and return the whole answer."""
        data = body if isinstance(body, bytes) else b"" if body is None else _encoded(body)
        authorization = {} if token is None else {"authorization": f"Bearer {token}"}
        url = f"http://admin{path}"
        request = HTTPRequest(method, url, {**authorization, **headers}, data)
        exchange = await self._transport.open(request, Deadlines())
        pieces = []
        while piece := await exchange.receive():
            pieces.append(piece)
        lowered = {name.lower(): value for name, value in exchange.headers.items()}
        return Answered(exchange.status, lowered, b"".join(pieces))


@asynccontextmanager
async def administered(
    folder: Path, *emulators: Any, reload: Reload | None = None, **options: Any
) -> AsyncIterator[Administered]:
    """Run a relay, as ``relayed`` does, with operators."""
    given = {"admin": AdminOptions(token=TOKEN), **options}
    async with relayed(folder, *emulators, **given) as house:
        yield Administered(house, Admin(desk_of(house.relay, reload)))


def _encoded(body: Any) -> bytes:
    return msgspec.json.encode(body)
