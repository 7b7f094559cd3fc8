"""An emulator on a socket and a thread of its own, for tests of any kind of code and any SDK."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any

from ..emulator.app import Emulator
from ..emulator.control import PREFIX
from ..emulator.exchange import Receive, Scope, Send
from ..emulator.journal import JournalEntry
from ..emulator.scripts.script import Script
from ..emulator.server import serving

__all__ = ("AskedRequest", "ListeningEmulator", "ServedEmulator")

API_KEY = "emulated"
_START_SECONDS = 30.0
_CREDENTIALS = frozenset({"x-goog-api-key", "authorization", "cookie"})


class AskedRequest:
    """One request as it came in; headers that carry credentials are left out."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        named = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.headers: Mapping[str, str] = {
            name: value for name, value in named.items() if name not in _CREDENTIALS
        }
        self.body = b""

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is empty."""
        return json.loads(self.body) if self.body else None

    def __repr__(self) -> str:
        return f"<AskedRequest {self.method} {self.path}, {len(self.body)} B>"


class ListeningEmulator(Emulator):
    """An emulator that keeps what it was asked in ``requests``, oldest first."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.requests: list[AskedRequest] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection and keep what was asked."""
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await super().__call__(scope, receive, send)
            return
        asked = AskedRequest(scope)
        self.requests.append(asked)

        async def heard() -> MutableMapping[str, Any]:
            message = await receive()
            asked.body += message.get("body", b"")
            return message

        await super().__call__(scope, heard, send)


class ServedEmulator:
    """A local Gemini that any client reaches at ``url`` with ``api_key``.

    ``script``, ``journal``, ``ack`` and ``advance`` are those of ``emulator``. Its methods may be
    called from any thread.
    """

    def __init__(
        self,
        emulator: ListeningEmulator,
        *,
        closing: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.emulator = emulator
        self._closing = closing  # what the emulator used, in the loop that used it
        self.api_key = API_KEY
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ending: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)

    @property
    def script(self) -> Script:
        """The rules in force; setting them starts the count of requests anew."""
        return self.emulator.script

    @script.setter
    def script(self, script: Script) -> None:
        self.emulator.script = script

    @property
    def requests(self) -> list[AskedRequest]:
        """The requests that came in, oldest first."""
        return self.emulator.requests

    @property
    def journal(self) -> list[JournalEntry]:
        """The answers so far, once none is running, oldest first."""
        asyncio.run_coroutine_threadsafe(self.emulator.idle(), self._loop).result(_START_SECONDS)
        return self.emulator.journal

    def ack(self) -> None:
        """Release one step that waits for an ack, now or when it comes."""
        self.emulator.ack()

    def advance(self, seconds: float) -> None:
        """Set the emulator's clock forward."""
        self.emulator.advance(seconds)

    def environment(self) -> dict[str, str]:
        """Return the variables with which Gemini clients find this emulator.

        No file of the configuration is read: a test does not depend on whose machine it runs on,
        nor wait for the limits of a tier that its author once named.
        """
        return {
            "GEMINI_API_KEY": self.api_key,
            "GOOGLE_API_KEY": self.api_key,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GOOGLE_VERTEX_BASE_URL": self.url,
            "GOOGLE_GENAI_USE_VERTEXAI": "false",
            "GEMSTREAM_CONFIG": os.devnull,
            "GEMINI_TIER": "",
        }

    def __enter__(self) -> ServedEmulator:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError(f"the emulator did not start within {_START_SECONDS:g} s")
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except Exception as error:
                self._failure = error
            finally:
                self._ready.set()

    async def _serve(self) -> None:
        self._ending = asyncio.Event()
        async with serving(self.emulator) as url:
            self.url = url
            self._ready.set()
            await self._ending.wait()
        if self._closing is not None:
            await self._closing()
