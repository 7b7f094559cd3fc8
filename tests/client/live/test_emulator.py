"""Our client and our emulator hold a Live session over a socket."""

from __future__ import annotations

from gemstream import AsyncClient
from gemstream.emulator import Emulator, serving
from support.service import KEY

MODEL = "gemini-3.8-live"


async def test_a_conversation_in_text() -> None:
    async with (
        serving(Emulator()) as url,
        AsyncClient(KEY, base_url=url) as client,
        client.live(MODEL, response_modalities=["TEXT"]) as session,
    ):
        answer = await session.send_text("Count to 5")
        assert (answer.text, answer.is_complete) == ("1, 2, 3, 4, 5", True)
        pieces = [piece async for piece in session.send_text_stream("And hello")]
        assert "".join(pieces) == "You said: And hello"
        assert session.handle is not None


async def test_an_answer_in_sound() -> None:
    async with (
        serving(Emulator()) as url,
        AsyncClient(KEY, base_url=url) as client,
        client.live(MODEL, response_modalities=["AUDIO"]) as session,
    ):
        answer = await session.send_text("Say hi")
        assert answer.audio
        assert not len(answer.audio) % 2  # PCM of 16 bits


async def test_a_session_goes_on_from_its_handle() -> None:
    async with serving(Emulator()) as url, AsyncClient(KEY, base_url=url) as client:
        async with client.live(MODEL, response_modalities=["TEXT"]) as session:
            await session.send_text("Count to 3")
            handle = session.handle
        async with client.live(MODEL, response_modalities=["TEXT"], resume=handle) as session:
            assert (await session.send_text("Count to 5")).text == "1, 2, 3, 4, 5"
