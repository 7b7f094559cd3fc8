"""A function that outlives its turn does not hide that the service has fallen silent."""

from __future__ import annotations

import asyncio

import pytest

from conformance.transport import MOMENT
from gemstream import Timeouts
from gemstream.errors import IdleTimeout
from support.live import DONE, call, output
from support.live_service import MODEL, LiveService, Stage, client_of


async def _calls(stage: Stage, *, ends_turn: bool) -> None:
    await stage.hear()
    await stage.say(call("1"), *([DONE] if ends_turn else []))


async def test_an_answer_beside_a_running_function_is_waited_for_no_longer() -> None:
    async def part(stage: Stage) -> None:
        await _calls(stage, ends_turn=True)
        await stage.hear()

    timeouts = Timeouts(idle=MOMENT)
    async with client_of(LiveService(part)).live(MODEL, timeouts=timeouts) as session:
        assert [one.id for one in (await session.send_text("Go")).calls] == ["1"]
        await session.turn().finish()
        assert session.open_calls == ("1",)
        with pytest.raises(IdleTimeout):
            await session.send_text("Hi")


async def test_a_function_of_the_open_turn_takes_its_time() -> None:
    async def part(stage: Stage) -> None:
        await _calls(stage, ends_turn=False)
        await asyncio.sleep(MOMENT * 3)
        await stage.say(output({"text": "Done"}), DONE)

    timeouts = Timeouts(idle=MOMENT)
    async with client_of(LiveService(part)).live(MODEL, timeouts=timeouts) as session:
        await session.send_text("Go")
        assert (await session.turn().finish()).text == "Done"
