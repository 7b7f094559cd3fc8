"""How long a Live session goes without a connection when the service says that it will close.

Questions with numbers are asked, with a moment of silence behind each answer, in which the session
may move; the next one is asked as soon as it does, so that each switch has one waiting. Every one
must get its own answer, and no message may be lost. ``plain`` and ``transparent`` are the ways to
resume, the second on the paths of Vertex AI; the value is the median of the gaps in ms. ``ping``
is a round trip on the same way, of a WebSocket of aiohttp.

usage: python -m benchmarks.programs.live_goaway PORT plain|transparent|ping SWITCHES
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from contextlib import suppress
from typing import Any

import uvloop

__all__ = ("main",)

MODEL = "gemini-3.8-live"
_SILENCE = 0.25
_VERTEX = {"vertexai": True, "project": "p", "location": "us-central1"}


class _Conversation:
    """A session that is asked one question after another; ``gaps`` in seconds."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.gaps: list[float] = []

    async def hold(self, switches: int) -> None:
        """Ask until the session has moved so often."""
        number = 0
        while len(self.gaps) < switches:
            number += 1
            question = f"Question {number}"
            await self._session.send_client_content(question)
            said = await self._answer()
            if said != f"You said: {question}":
                raise SystemExit(f"{question} was answered by {said!r}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE):
                    await self._until_it_moves()

    async def _answer(self) -> str:
        from gemstream.client.live.events import Disconnected, Resumed, Text

        said = ""
        async for event in self._session.turn():
            if isinstance(event, Text):
                said += event.text
            elif isinstance(event, Disconnected) and not event.is_planned:
                raise SystemExit(f"the session did not move in time: {event}")
            elif isinstance(event, Resumed):
                self._judge(event)
        return said

    async def _until_it_moves(self) -> None:
        from gemstream.client.live.events import Disconnected

        while not isinstance(await anext(self._session), Disconnected):
            pass

    def _judge(self, resumed: Any) -> None:
        is_whole = resumed.state_restored and not resumed.turn_is_lost
        if not is_whole or resumed.may_be_lost or resumed.forgotten:
            raise SystemExit(f"something was lost: {resumed}")
        self.gaps.append(resumed.gap)


async def _gap(url: str, switches: int, *, transparent: bool) -> float:
    from gemstream import AccessToken, AsyncClient

    options: dict[str, Any] = {"response_modalities": ["TEXT"]}
    given: dict[str, Any] = {"api_key": "benchmark-key"}
    if transparent:
        options["transparent"] = True
        given = {**_VERTEX, "credentials": AccessToken("benchmark")}
    async with (
        AsyncClient(base_url=url, **given) as client,
        client.live(MODEL, **options) as session,
    ):
        conversation = _Conversation(session)
        await conversation.hold(switches)
    return statistics.median(conversation.gaps)


async def _round_trip(url: str, pings: int) -> float:
    import aiohttp

    took = []
    loop = asyncio.get_running_loop()
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + path, autoping=False) as socket,
    ):
        for _ in range(pings):
            began = loop.time()
            await socket.ping()
            while (await socket.receive()).type is not aiohttp.WSMsgType.PONG:
                pass
            took.append(loop.time() - began)
    return statistics.median(took)


async def _measure(port: int, what: str, times: int) -> float:
    url = f"http://127.0.0.1:{port}"
    if what == "ping":
        return await _round_trip(url, times) * 1e3
    return await _gap(url, times, transparent=what == "transparent") * 1e3


def main() -> None:
    """Print the measurement as one JSON object."""
    port, what, times = sys.argv[1:]
    print(json.dumps({"value": uvloop.run(_measure(int(port), what, int(times)))}))


if __name__ == "__main__":
    main()
