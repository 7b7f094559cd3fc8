"""The retry budget is that of an account at an address: whose client it is does not matter."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gemstream import APIKey, AsyncClient, RetryPolicy
from gemstream.errors import Unavailable
from gemstream.limits.retry_budgets import SharedRetryBudget, budgets_of
from gemstream.net.asgi import ASGITransport
from support.peers import asgi_server
from support.service import KEY, Service, failed, finish, said

# A budget of 500 pays two retries.
DEAR: dict[str, Any] = {"retry": RetryPolicy(base=0, attempts=2, cost=250)}
# Accounts that no other test has: a port may be one that another test has used before.
SHARED, OWN = "AIza-of-one-shared-budget", "AIza-of-budgets-of-their-own"
BUSY = failed(503, "UNAVAILABLE")


async def _asked(client: AsyncClient, service: Service) -> int:
    """Return how many requests a call that fails made."""
    before = len(service.asked)
    with pytest.raises(Unavailable):
        await client.generate("Hi")
    return len(service.asked) - before


async def test_clients_of_one_account_share_its_budget() -> None:
    service = Service(BUSY)
    async with asgi_server(service) as url:  # type: ignore[arg-type]
        asked = []
        for _ in range(4):
            async with AsyncClient(SHARED, base_url=url, **DEAR) as client:
                asked.append(await _asked(client, service))
    assert asked == [2, 2, 1, 1]  # a new client is no new budget


async def test_another_account_and_another_address_have_their_own() -> None:
    service = Service(BUSY)
    async with asgi_server(service) as url, asgi_server(service) as other:  # type: ignore[arg-type]
        for key, at in ((OWN, url), (OWN + "x", url), (OWN, other)):
            async with AsyncClient(key, base_url=at, **DEAR) as client:
                assert [await _asked(client, service) for _ in range(3)] == [2, 2, 1]


async def test_clients_with_one_transport_of_their_own_share_a_budget_there() -> None:
    service = Service(BUSY)
    transport, other = ASGITransport(service), ASGITransport(service)  # type: ignore[arg-type]
    clients = [
        AsyncClient(KEY, base_url="http://service", transport=way, **DEAR)
        for way in (transport, transport, transport, other)
    ]
    assert [await _asked(client, service) for client in clients] == [2, 2, 1, 2]


async def test_a_first_try_that_succeeds_pays_back() -> None:
    service = Service(BUSY, BUSY, BUSY, said(finish("a")), said(finish("a")), BUSY)
    transport = ASGITransport(service)  # type: ignore[arg-type]
    options: Any = {"transport": transport, "base_url": "http://service"}
    client = AsyncClient(KEY, retry=RetryPolicy(base=0, attempts=2, cost=499), **options)
    assert await _asked(client, service) == 2
    assert await _asked(client, service) == 1
    budget = budgets_of(transport).of(f"http://service|{APIKey(KEY).account}")
    assert budget.tokens == 1
    for _ in range(2):
        await client.generate("Hi")
    assert budget.tokens == 3


def test_no_thread_takes_more_than_there_is() -> None:
    budget = SharedRetryBudget(1000)
    taken: list[bool] = []

    def withdraw() -> None:
        taken.extend(budget.withdraw(1) for _ in range(1000))

    threads = [threading.Thread(target=withdraw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(taken), budget.tokens) == (1000, 0)
