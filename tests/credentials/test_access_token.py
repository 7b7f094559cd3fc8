"""An access token: asked for before every request, and in no error, not even an older one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream import AccessToken
from gemstream.errors import InvalidRequest, MissingCredentials, Unauthenticated
from support.service import Service, client_of, failed

ONE, OTHER = "ya29.one-0123456789", "ya29.two-9876543210"


def _in_turn(*tokens: str) -> AccessToken:
    left = list(tokens)
    return AccessToken(lambda: left.pop(0))


async def test_an_older_token_is_taken_out_of_an_error_too() -> None:
    credentials = _in_turn(ONE, OTHER)
    service = Service(failed(401, "UNAUTHENTICATED", message=f"bad {ONE}"))
    client = client_of(service, api_key=None, credentials=credentials)
    await credentials.headers()  # an earlier request's, whose answer comes late
    with pytest.raises(Unauthenticated) as caught:
        await client.generate("Hi")
    assert service.last.headers["authorization"] == f"Bearer {OTHER}"
    assert str(caught.value).count("[redacted]") == 1
    assert ONE not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "redacted"),
    [
        (f"{ONE} {OTHER}", "[redacted] [redacted]"),
        (f"an excerpt ends in {ONE[:10]}", "an excerpt ends in [redacted]"),
        (f"{OTHER[6:]} begins one", "[redacted] begins one"),
        ("ya29 is a word", "ya29 is a word"),
    ],
)
async def test_nothing_of_the_tokens_is_left(data: str, redacted: str) -> None:
    credentials = _in_turn(ONE, OTHER, ONE)
    for _ in range(3):
        await credentials.headers()
    assert credentials.redact(data.encode()) == redacted.encode()


async def test_a_token_that_is_new_each_time_does_not_grow_the_process() -> None:
    credentials = _in_turn(*(f"token-number-{number:04}" for number in range(500)))
    for _ in range(500):
        await credentials.headers()
    assert len(credentials._seen) <= 64
    assert b"0499" not in credentials.redact(b"token-number-0499")


async def test_many_requests_at_once_ask_each_for_itself() -> None:
    both = asyncio.Barrier(2)

    async def fresh() -> str:
        await both.wait()
        return ONE

    credentials = AccessToken(fresh)
    headers = await asyncio.gather(credentials.headers(), credentials.headers())
    assert [one["authorization"] for one in headers] == [f"Bearer {ONE}"] * 2


@pytest.mark.parametrize("project", ["", "a\r\nx-evil: 1", "two words", 5])
def test_a_quota_project_that_no_header_can_carry_is_refused(project: Any) -> None:
    with pytest.raises(InvalidRequest, match="quota_project"):
        AccessToken(ONE, quota_project=project)


async def test_a_refresh_that_somebody_else_cancelled_is_no_cancellation_of_ours() -> None:
    refresh = asyncio.get_running_loop().create_future()
    refresh.cancel()

    async def fresh() -> str:
        token: str = await refresh
        return token

    with pytest.raises(MissingCredentials, match="cancelled"):
        await AccessToken(fresh).headers()


async def test_cancelling_a_caller_that_waits_for_its_token_cancels_it() -> None:
    waits = asyncio.Event()

    async def fresh() -> str:
        waits.set()
        await asyncio.Event().wait()
        return ONE

    client = client_of(Service(), credentials=AccessToken(fresh), api_key=None)
    asking = asyncio.create_task(client.generate_stream("Hi").finish())
    await waits.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
