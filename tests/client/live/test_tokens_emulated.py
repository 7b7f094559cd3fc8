"""Tokens from end to end: made with a key, used without one, on both faces."""

from __future__ import annotations

import pytest

from gemstream.emulator import Emulator
from gemstream.errors import SessionClosedError
from support.emulated import async_client, blocking_client
from support.live_service import MODEL

TEXT = {"model": MODEL, "response_modalities": ["TEXT"]}


async def test_a_token_opens_the_session_that_it_settles_and_no_other() -> None:
    emulator = Emulator()
    async with async_client(emulator) as client:
        token = await client.live_tokens.create(constraints=TEXT, expire=600)  # type: ignore[arg-type]
    async with async_client(emulator, api_key=token.name) as visitor:
        async with visitor.live() as session:
            assert (await session.send_text("Count to 3")).text == "1, 2, 3"
            handle = session.handle
        with pytest.raises(SessionClosedError, match="before it was set up"):
            await visitor.live().__aenter__()
        async with visitor.live(resume=handle) as session:  # which is no further use
            assert (await session.send_text("Count to 3")).text == "1, 2, 3"


async def test_what_is_not_locked_is_the_client_s() -> None:
    emulator = Emulator()
    async with async_client(emulator) as client:
        token = await client.live_tokens.create(
            uses=0,
            constraints={"response_modalities": ["TEXT"]},
            lock=["generation_config.response_modalities"],
        )
    async with async_client(emulator, api_key=token.name) as visitor:
        with pytest.raises(SessionClosedError, match="needs a model"):
            await visitor.live().__aenter__()
        async with visitor.live(MODEL, response_modalities=["AUDIO"]) as session:
            assert (await session.send_text("Count to 3")).text == "1, 2, 3"


def test_the_blocking_face_makes_and_uses_them_too() -> None:
    emulator = Emulator()
    with blocking_client(emulator) as client:
        token = client.live_tokens.create(constraints=TEXT)  # type: ignore[arg-type]
    with blocking_client(emulator, api_key=token.name) as visitor, visitor.live() as session:
        assert session.send_text("Count to 3").text == "1, 2, 3"
