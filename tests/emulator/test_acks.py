"""Acks: none is lost, whoever waits, leaves, or gives from another thread."""

from __future__ import annotations

import asyncio

from gemstream.emulator.acks import Acks


async def test_acks_given_early_are_kept_and_cleared() -> None:
    acks = Acks()
    acks.give()
    acks.give()
    await acks.take()
    acks.clear()
    waiting = asyncio.create_task(acks.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    acks.give()
    await waiting


async def test_the_longest_waiter_goes_first() -> None:
    acks = Acks()
    first, second = (asyncio.create_task(acks.take()) for _ in range(2))
    await asyncio.sleep(0)
    acks.give()
    await first
    assert not second.done()
    acks.give()
    await second


async def test_a_waiter_that_leaves_takes_no_ack_along() -> None:
    acks = Acks()
    for steps_before_leaving in range(3):
        leaver, stayer = (asyncio.create_task(acks.take()) for _ in range(2))
        await asyncio.sleep(0)
        acks.give()
        for _ in range(steps_before_leaving):
            await asyncio.sleep(0)
        leaver.cancel()
        await asyncio.wait([leaver])
        if not leaver.cancelled():
            acks.give()
        await stayer


async def test_another_thread_may_give() -> None:
    acks = Acks()
    waiting = asyncio.create_task(acks.take())
    await asyncio.sleep(0)
    await asyncio.to_thread(acks.give)
    await waiting


async def test_waiters_whose_loop_has_closed_take_no_ack() -> None:
    acks = Acks()
    left = await asyncio.to_thread(leave_two_waiting, acks)
    waiting = asyncio.create_task(acks.take())
    await asyncio.sleep(0)
    acks.give()
    await waiting
    assert not any(waiter.done() for waiter in left)


async def test_an_ack_is_kept_when_all_who_wait_are_gone() -> None:
    acks = Acks()
    left = await asyncio.to_thread(leave_two_waiting, acks)
    acks.give()
    await acks.take()
    assert not any(waiter.done() for waiter in left)


def leave_two_waiting(acks: Acks) -> list[asyncio.Task[None]]:
    """Close a loop on which two wait."""
    loop = asyncio.new_event_loop()
    left = [loop.create_task(acks.take()) for _ in range(2)]
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    return left
