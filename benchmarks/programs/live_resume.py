"""How long a Live session is gone when its connection is cut: the 95th percentile in seconds.

Sessions side by side ask for answers that break off in the middle. From the last that was heard
of an answer to the news that the session goes on, as the caller meets them; then the session must
answer again. ``at-once`` is the least that could work: a WebSocket of aiohttp that is opened
anew with the handle as soon as it breaks, without a pause that would spare a service in need.

usage: python -m benchmarks.programs.live_resume PORT gemstream|at-once SESSIONS DROPS
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

__all__ = ("main",)

MODEL = "gemini-3.8-live"
_DROP, _PLAIN = "Drop this", "Count to 3"
_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k"


async def _gemstream(url: str, drops: int) -> list[float]:
    """Return the seconds that each loss took in one session."""
    from gemstream import AsyncClient
    from gemstream.client.live.events import Resumed

    took = []
    time = asyncio.get_running_loop().time
    async with (
        AsyncClient("benchmark-key", base_url=url) as client,
        client.live(MODEL, response_modalities=["TEXT"]) as session,
    ):
        for _ in range(drops):
            await session.send_client_content(_DROP)
            heard_at = time()
            async for event in session.turn():
                if isinstance(event, Resumed):
                    took.append(time() - heard_at)
                    if not (event.state_restored and event.turn_is_lost):
                        raise SystemExit(f"it was not told as it was: {event}")
                elif _is_output(event):
                    heard_at = time()
            answer = await session.send_text(_PLAIN)
            if answer.text != "1, 2, 3":
                raise SystemExit(f"after the loss it said {answer.text!r}")
    return took


def _is_output(event: Any) -> bool:
    from gemstream.client.live.events import Text

    return isinstance(event, Text)


async def _at_once(url: str, drops: int) -> list[float]:
    """Return the same of a connection that is opened anew by hand."""
    import aiohttp

    took = []
    time = asyncio.get_running_loop().time
    async with aiohttp.ClientSession() as http:
        socket, handle = await _opened(http, url, None)
        for _ in range(drops):
            await _ask(socket, _DROP)
            heard_at = time()
            while (message := await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                plain = json.loads(message.data)
                handle = _handle_in(plain) or handle
                if "serverContent" in plain:
                    heard_at = time()
            socket, handle = await _opened(http, url, handle)
            took.append(time() - heard_at)
            await _ask(socket, _PLAIN)
            while (
                not json.loads((await socket.receive()).data)
                .get("serverContent", {})
                .get("turnComplete")
            ):
                pass
        await socket.close()
    return took


async def _opened(http: Any, url: str, handle: str | None) -> tuple[Any, str]:
    socket = await http.ws_connect(url + _PATH, max_msg_size=0)
    resumption = {"handle": handle} if handle else {}
    generation = {"responseModalities": ["TEXT"]}
    setup = {"model": f"models/{MODEL}", "generationConfig": generation}
    await socket.send_json({"setup": {**setup, "sessionResumption": resumption}})
    while (newest := _handle_in(json.loads((await socket.receive()).data))) is None:
        pass
    return socket, newest


async def _ask(socket: Any, text: str) -> None:
    turns = [{"role": "user", "parts": [{"text": text}]}]
    await socket.send_json({"clientContent": {"turns": turns, "turnComplete": True}})


def _handle_in(plain: dict[str, Any]) -> str | None:
    return plain.get("sessionResumptionUpdate", {}).get("newHandle")


_WAYS: dict[str, Callable[[str, int], Awaitable[list[float]]]] = {
    "gemstream": _gemstream,
    "at-once": _at_once,
}


async def _measure(port: int, way: str, sessions: int, drops: int) -> float:
    url = f"http://127.0.0.1:{port}"
    found = await asyncio.gather(*[_WAYS[way](url, drops) for _ in range(sessions)])
    ordered = sorted(seconds for took in found for seconds in took)
    if len(ordered) != sessions * drops:
        raise SystemExit(f"{len(ordered)} losses were met of {sessions * drops}")
    return ordered[len(ordered) * 95 // 100]


def main() -> None:
    """Print the measurement as one JSON object."""
    port, way, sessions, drops = sys.argv[1:]
    value = uvloop.run(_measure(int(port), way, int(sessions), int(drops)))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
