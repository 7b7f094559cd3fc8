"""The emulator behind a client, in process: the double of every test that needs a Gemini."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gemstream import AsyncClient, Client
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.steps import Step
from gemstream.net.asgi import ASGITransport
from support.service import AT_ONCE, KEY

__all__ = ("URL", "async_client", "blocking_client", "scripted")

URL = "http://emulator"


def scripted(*answers: Sequence[Step], **options: Any) -> Emulator:
    """Return an emulator whose n-th request is answered by the n-th steps; later ones built in."""
    rules = [Rule(request=number, steps=steps) for number, steps in enumerate(answers, start=1)]
    return Emulator(Script(rules), **options)


def async_client(emulator: Emulator, **options: Any) -> AsyncClient:
    """Return a client of ``emulator`` that retries without waiting."""
    options = {"retry": AT_ONCE, "api_key": KEY, **options}
    return AsyncClient(base_url=URL, transport=ASGITransport(emulator), **options)


def blocking_client(emulator: Emulator, **options: Any) -> Client:
    """Return the blocking client of ``emulator``."""
    options = {"retry": AT_ONCE, "api_key": KEY, **options}
    return Client(base_url=URL, transport=ASGITransport(emulator), **options)
