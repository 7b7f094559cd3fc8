"""Every recorded answer of the service, served by a script, as a caller of the client sees it."""

from __future__ import annotations

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Body, Emulator, Rule, Script, serving
from gemstream.errors import APIError
from gemstream.net.asgi import ASGITransport
from support.meanings import MEANING, REFUSALS, meaning_of
from support.recorded import STREAMS, UNARY, recorded

FILES = [*STREAMS, *UNARY]


def stem(name: str) -> str:
    return name if name in MEANING else name.rpartition(".")[0]


def emulator_of(name: str, *slices: int) -> Emulator:
    return Emulator(Script([Rule(steps=[Body(content=recorded(name), slices=slices)])]))


def client_of(name: str, *slices: int) -> AsyncClient:
    return AsyncClient("any", transport=ASGITransport(emulator_of(name, *slices)))


@pytest.mark.parametrize("slices", [(), (1,), (7, 1400)], ids=["whole", "bytes", "slices"])
@pytest.mark.parametrize("name", [name for name in STREAMS if stem(name) in MEANING])
async def test_a_recorded_stream_means_what_we_wrote_down(
    name: str, slices: tuple[int, ...]
) -> None:
    async with client_of(name, *slices) as client:
        response = await client.generate_stream("x").finish()
    assert meaning_of(response) == MEANING[stem(name)]


@pytest.mark.parametrize("name", [name for name in UNARY if stem(name) in MEANING])
async def test_a_recorded_answer_means_what_we_wrote_down(name: str) -> None:
    async with client_of(name) as client:
        response = await client.generate("x")
    assert meaning_of(response) == MEANING[stem(name)]


@pytest.mark.parametrize("name", [name for name in FILES if stem(name) in REFUSALS])
async def test_a_recorded_refusal_is_its_own_error(name: str) -> None:
    kind, code, said = REFUSALS[stem(name)]
    async with client_of(name) as client:
        for call in (client.generate, lambda prompt: client.generate_stream(prompt).finish()):
            with pytest.raises(APIError, match=said) as caught:
                await call("x")
            assert (type(caught.value), caught.value.code) == (kind, code)


async def test_every_recorded_stream_comes_whole_over_a_socket() -> None:
    for name in [name for name in STREAMS if stem(name) in MEANING]:
        async with (
            serving(emulator_of(name, 700)) as url,
            AsyncClient("any", base_url=url) as client,
        ):
            response = await client.generate_stream("x").finish()
        assert meaning_of(response) == MEANING[stem(name)]
