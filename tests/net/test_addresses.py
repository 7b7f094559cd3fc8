"""A host's addresses, asked for once by many."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gemstream.net.addresses import Addresses
from support.clock import ImpatientLoop


@pytest.mark.parametrize(("host", "at"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1")])
async def test_a_number_is_its_own_address_at_once(host: str, at: str) -> None:
    finding = Addresses(host, 80).found()
    with pytest.raises(StopIteration) as done:  # it never waits
        finding.send(None)
    ((_, kind, _, _, address),) = done.value.value
    assert (kind, address[:2]) == (socket.SOCK_STREAM, (at, 80))


async def test_many_who_ask_at_once_share_one_answer() -> None:
    addresses = Addresses("localhost", 80)
    first, *others = await asyncio.gather(*[addresses.found() for _ in range(50)])
    assert first and all(other is first for other in others)
    assert await addresses.found() is first


async def test_one_who_leaves_does_not_disturb_the_others() -> None:
    addresses = Addresses("localhost", 80)
    leaving, staying = (asyncio.create_task(addresses.found()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying
    assert leaving.cancelled()


async def test_a_failure_is_not_kept() -> None:
    addresses = Addresses(".".join(["a" * 63] * 5), 80)
    for _ in range(2):
        with pytest.raises((OSError, UnicodeError)):
            await addresses.found()


def test_after_some_seconds_it_is_asked_anew() -> None:
    async def scene() -> bool:
        addresses = Addresses("localhost", 80)
        first = await addresses.found()
        await asyncio.sleep(60)
        return await addresses.found() is first

    with asyncio.Runner(loop_factory=ImpatientLoop) as runner:
        assert not runner.run(scene())
