"""The clients whose Live sessions are compared, each with the loop its user would write.

A session hears a turn or speaks and listens at once; the loops of all clients take the bytes of
each message of speech, and nothing else. Libraries are imported by the client that needs them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

__all__ = (
    "LIVE_CLIENTS",
    "BareLive",
    "GemstreamLive",
    "GenaiLive",
    "LiveClient",
    "Talker",
)

MODEL = "gemini-3.8-live"
AUDIO_TYPE = "audio/pcm;rate=16000"
_KEY = "benchmark-key"
_QUESTION = "hi"


class Talker(Protocol):
    """One open session."""

    async def hear_turn(self) -> int:
        """Ask, read the answer to its end, and return how many messages of speech it had."""
        ...

    async def say(self, pcm: bytes) -> None:
        """Send one message of speech."""
        ...

    def speech(self) -> AsyncIterator[bytes]:
        """Return what is heard, for as long as it is asked for."""
        ...


class LiveClient(Protocol):
    """A client at work against one upstream; ``aclose`` behind its last session."""

    def session(self) -> AbstractAsyncContextManager[Talker]:
        """Return a session, opened and closed by ``async with``."""
        ...

    async def aclose(self) -> None:
        """Close what sessions share."""
        ...


class GemstreamLive:
    """gemstream's sessions: typed events, and all that lets a session survive."""

    def __init__(self, url: str) -> None:
        from gemstream import AsyncClient

        self._client = AsyncClient(_KEY, base_url=url, model=MODEL)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_GemstreamTalker]:
        """Return a session."""
        async with self._client.live(response_modalities=["AUDIO"]) as session:
            yield _GemstreamTalker(session)

    async def aclose(self) -> None:
        """Close what sessions share."""
        await self._client.aclose()


class _GemstreamTalker:
    def __init__(self, session: Any) -> None:
        from gemstream.client.live.events import Audio

        self._session = session
        self._audio = Audio

    async def hear_turn(self) -> int:
        count, audio = 0, self._audio
        await self._session.send_client_content(_QUESTION)
        async for event in self._session.turn():
            if isinstance(event, audio):
                event.data  # noqa: B018
                count += 1
        return count

    async def say(self, pcm: bytes) -> None:
        await self._session.send_realtime_input(audio=pcm)

    async def speech(self) -> AsyncIterator[bytes]:
        audio = self._audio
        async for event in self._session:
            if isinstance(event, audio):
                yield event.data


class GenaiLive:
    """The official SDK, google-genai: typed messages."""

    def __init__(self, url: str) -> None:
        from google.genai import Client

        self._client = Client(api_key=_KEY, http_options={"base_url": url})
        # It insists on TLS for sessions, which the others do without here.
        sockets = url.replace("http", "ws", 1)
        self._client._api_client._websocket_base_url = lambda *_: sockets
        self._client._api_client._websocket_ssl_ctx = {}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_GenaiTalker]:
        """Return a session."""
        config = {"response_modalities": ["AUDIO"]}
        async with self._client.aio.live.connect(model=MODEL, config=config) as session:
            yield _GenaiTalker(session)

    async def aclose(self) -> None:
        """Close what sessions share."""
        await self._client.aio.aclose()


class _GenaiTalker:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def hear_turn(self) -> int:
        count = 0
        turn = {"role": "user", "parts": [{"text": _QUESTION}]}
        await self._session.send_client_content(turns=turn, turn_complete=True)
        async for message in self._session.receive():
            if message.data is not None:
                count += 1
        return count

    async def say(self, pcm: bytes) -> None:
        await self._session.send_realtime_input(audio={"data": pcm, "mime_type": AUDIO_TYPE})

    async def speech(self) -> AsyncIterator[bytes]:
        while True:
            async for message in self._session.receive():
                if message.data is not None:
                    yield message.data


class BareLive:
    """The least that could work: aiohttp's WebSocket, msgspec to plain dicts, base64 to bytes.

    No types, no order, no timeouts and no second connection.
    """

    def __init__(self, url: str) -> None:
        import aiohttp

        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._url = f"{url}/ws/google.ai.generativelanguage.v1beta.GenerativeService"
        self._url += ".BidiGenerateContent"

    @asynccontextmanager
    async def session(self) -> AsyncIterator[_BareTalker]:
        """Return a session."""
        async with self._session.ws_connect(self._url, max_msg_size=0) as socket:
            generation = {"responseModalities": ["AUDIO"]}
            setup = {"model": f"models/{MODEL}", "generationConfig": generation}
            await socket.send_str(json.dumps({"setup": setup}))
            await socket.receive()
            yield _BareTalker(socket)

    async def aclose(self) -> None:
        """Close what sessions share."""
        await self._session.close()


class _BareTalker:
    def __init__(self, socket: Any) -> None:
        import msgspec

        self._socket = socket
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode
        self._encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode

    async def hear_turn(self) -> int:
        count = 0
        turns = [{"role": "user", "parts": [{"text": _QUESTION}]}]
        content = {"turns": turns, "turnComplete": True}
        await self._socket.send_str(json.dumps({"clientContent": content}))
        while True:
            content = self._decode((await self._socket.receive()).data)["serverContent"]
            if content.get("turnComplete"):
                return count
            if "modelTurn" in content:
                base64.b64decode(content["modelTurn"]["parts"][0]["inlineData"]["data"])
                count += 1

    async def say(self, pcm: bytes) -> None:
        audio = {"mimeType": AUDIO_TYPE, "data": base64.b64encode(pcm).decode()}
        payload = self._encode({"realtimeInput": {"audio": audio}})
        await self._socket.send_str(payload.decode())

    async def speech(self) -> AsyncIterator[bytes]:
        while True:
            content = self._decode((await self._socket.receive()).data)["serverContent"]
            yield base64.b64decode(content["modelTurn"]["parts"][0]["inlineData"]["data"])


LIVE_CLIENTS: dict[str, Callable[[str], LiveClient]] = {
    "gemstream": GemstreamLive,
    "google-genai": GenaiLive,
    "bare": BareLive,
}
