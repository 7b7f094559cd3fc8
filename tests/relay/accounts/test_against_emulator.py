"""Requests of an account against the service's double: what it refuses is understood."""

from __future__ import annotations

import asyncio

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.emulator import Emulator, ErrorInStream, Html, Keys, Script, Status
from gemstream.emulator.scripts.steps import Step
from gemstream.errors import GemstreamError
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines
from gemstream.policy.account.pool import AccountPool, Choice
from gemstream.policy.account.signal import Signal, SignalKind, read_signal
from gemstream.policy.account.wish import Wish
from gemstream.policy.generation import Generation
from gemstream.relay.accounts.account import Account, accounts_of
from gemstream.relay.accounts.kind import Call
from gemstream.wire.endpoint import Operation
from gemstream.wire.status import decode_error
from support.emulated import URL, scripted

# 2026-07-01 12:00:42 in US/Pacific.
WALL = 1_782_932_442.0
BODY = b'{"contents":[{"role":"user","parts":[{"text":"Why is the sky blue?"}]}]}'
MODEL = "gemini-2.5-flash"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"


def account(name: str = "one", key: str = "key-one", url: str = URL) -> AccountOptions:
    return AccountOptions(name=name, api_key=key, base_url=url)


async def ask(emulator: Emulator, account: Account, model: str = MODEL) -> Signal:
    """Send one request as an opening would, and return what its answer says."""
    call = Call(operation=Operation.STREAM, model=model, body=BODY, total_left=600.0)
    transport = ASGITransport(emulator)
    try:
        exchange = await transport.open(await account.request(call), Deadlines())
        body = b""
        while data := await exchange.receive():
            body += data
    finally:
        await transport.aclose()
    failure: GemstreamError | None = None
    if exchange.status == 200:
        failure = _failure_of(body)
    else:
        failure = decode_error(account.redact(body), http_status=exchange.status)
    return read_signal(failure, wall=WALL, headers=exchange.headers)


def _failure_of(body: bytes) -> GemstreamError | None:
    generation = Generation()
    try:
        generation.receive_data(body)
        generation.receive_eof()
    except GemstreamError as error:
        return error
    return None


def signal_of(emulator: Emulator, options: AccountOptions, model: str = MODEL) -> Signal:
    return asyncio.run(ask(emulator, Account(options), model))


@pytest.mark.parametrize(
    ("step", "kind", "delay"),
    [
        (Status(code=400), SignalKind.CALLER_FAULT, None),
        (Status(code=403), SignalKind.DISABLED, None),
        (Status(code=429), SignalKind.SOFT_LIMIT, None),
        (Status(code=429, quota=MINUTE, retry_delay=31.5), SignalKind.QUOTA_MINUTE, 31.5),
        (Status(code=429, quota=DAY, retry_delay=2), SignalKind.QUOTA_DAY, 12 * 3600.0 - 42),
        (Status(code=429, quota=DAY, quota_value="0"), SignalKind.MODEL_MISSING, 3600.0),
        (Status(code=500), SignalKind.SOFT, None),
        (Status(code=503), SignalKind.OVERLOADED, None),
        (Status(code=504), SignalKind.SOFT, None),
        (Html(code=502), SignalKind.SOFT, None),
        (ErrorInStream(code=429, quota=MINUTE, retry_delay=9), SignalKind.QUOTA_MINUTE, 9.0),
        (ErrorInStream(code=503), SignalKind.OVERLOADED, None),
    ],
)
def test_what_the_service_says(step: Step, kind: SignalKind, delay: float | None) -> None:
    found = signal_of(scripted([step]), account())
    assert (found.kind, found.delay) == (kind, delay)


def test_an_answer_is_a_success_and_asked_with_the_accounts_key() -> None:
    emulator = Emulator(Script(keys=Keys(only=["key-one"])))
    assert signal_of(emulator, account()).kind is SignalKind.SUCCESS
    assert signal_of(emulator, account(key="another")).kind is SignalKind.DISABLED
    assert signal_of(emulator, account(), "gemini-0.1-none").kind is SignalKind.MODEL_MISSING


def test_a_pool_steps_over_a_refused_key_and_comes_to_the_one_that_answers() -> None:
    emulator = Emulator(Script(keys=Keys(only=["good"])))
    options = [account("bad", "no"), account("worse", "no-2"), account("good", "good")]

    async def main() -> list[str]:
        accounts, pool, asked = accounts_of(options), AccountPool(options), []
        for _ in range(2):
            wish: Wish | None = Wish(model=MODEL)
            while wish is not None:
                choice = pool.choose(wish, 0.0, jitter=0.5)
                assert isinstance(choice, Choice)
                asked.append(choice.account)
                signal = await ask(emulator, accounts[choice.account])
                pool.receive(choice, signal, 0.0, jitter=0.5)
                pool.finished(choice)
                wish = wish.after(choice.account, signal)
        return asked

    assert asyncio.run(main()) == ["bad", "worse", "good", "good"]
