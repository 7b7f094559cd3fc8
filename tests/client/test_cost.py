"""``cost`` of chunks, responses and errors, streamed or not, over hops, and who is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Emulator
from gemstream.errors import InvalidArgument, StreamInterrupted, StreamTruncated
from gemstream.policy.cost import Cost
from gemstream.telemetry.events import CallEnded
from support.clock import in_no_time
from support.emulated import async_client, blocking_client
from support.service import Service, chunk, client_of, cut, failed, said, streamed

MINE = {"prices": {"mine": {"input": 1, "output": 10}}, "model": "mine"}


def piece(text: str, token: str | None = None, *, prompt: int = 5, written: int = 2) -> Any:
    message = chunk(text, finish="STOP" if token is None else "CONTINUATION")
    if token is not None:
        message["candidates"][0]["continuationToken"] = token
    message["usageMetadata"] = {"promptTokenCount": prompt, "candidatesTokenCount": written}
    return message


async def costs(client: AsyncClient, **options: Any) -> tuple[list[int | None], Any]:
    """Return the running cost of each chunk in micro-dollars, and the response's cost."""
    seen = []
    stream = client.generate_stream("Hi", **options)
    async for arrived in stream:
        seen.append(None if arrived.cost is None else arrived.cost.micros)
    return seen, stream.response.cost


def test_streamed_and_whole_answers_cost_the_same() -> None:
    async def scene() -> None:
        client = async_client(Emulator())
        whole = await client.generate("Count to 20")
        running, cost = await costs(client)
        assert None not in running
        assert running == sorted(running)  # type: ignore[type-var]
        stream = client.generate_stream("Count to 20")
        assert whole.cost == (await stream.finish()).cost
        usage = whole.usage
        assert usage is not None and whole.cost is not None and cost is not None
        exact = 3 * (usage.prompt_token_count or 0) + 25 * (usage.candidates_token_count or 0)
        assert whole.cost.micros == -(-exact // 10)
        assert running[-1] == cost.micros

    in_no_time(scene())


def test_the_blocking_stream_tells_the_same() -> None:
    whole = in_no_time(async_client(Emulator()).generate("Count to 20"))
    with blocking_client(Emulator()) as client:
        with client.generate_stream("Count to 20") as stream:
            assert [chunk.cost for chunk in stream][-1] == stream.response.cost == whole.cost
        assert client.generate("Count to 20").cost == whole.cost is not None


def test_the_cost_runs_along_and_adds_up_over_hops() -> None:
    def service() -> Service:
        return Service(
            streamed(chunk("a"), piece("b", "t")), streamed(piece("c", prompt=7, written=3))
        )

    # 5 + 20, then 7 + 30 on top; before the first count nothing is known.
    running, cost = in_no_time(costs(client_of(service(), **MINE)))
    assert running == [None, 25, 62]
    assert cost == Cost(input=12, output=50)


def test_the_hops_of_an_unstreamed_answer_add_up_too() -> None:
    service = Service(said(piece("a", "t")), said(piece("b", prompt=7, written=3)))
    response = in_no_time(client_of(service, **MINE).generate("Hi"))
    assert (response.hops, response.cost) == (2, Cost(input=12, output=50))
    broken = Service(said(piece("a", "t")), failed(400, "INVALID_ARGUMENT"))
    with pytest.raises(InvalidArgument) as caught:
        in_no_time(client_of(broken, **MINE).generate("Hi"))
    assert caught.value.cost == Cost(input=5, output=20)


def test_long_prompts_are_told_hop_by_hop() -> None:
    prices = {
        "mine": {"input": 1, "output": 1, "long_prompt": 8, "long": {"input": 9, "output": 9}}
    }
    service = Service(streamed(piece("a", "t")), streamed(piece("b")))
    # Ten tokens of prompt in all, but none of both is long.
    _, cost = in_no_time(costs(client_of(service, model="mine", prices=prices)))
    assert cost == Cost(input=10, output=4)


def test_a_response_costs_what_was_delivered_of_it() -> None:
    async def scene() -> None:
        stream = client_of(Service(streamed(piece("a"), piece("b", written=9))), **MINE)
        async with stream.generate_stream("Hi") as answer:
            first = await anext(answer)
            assert answer.response.cost == first.cost == Cost(input=5, output=20)

    in_no_time(scene())


def test_an_answer_that_broke_off_tells_what_it_cost() -> None:
    broken = client_of(Service(cut(chunk("half", tokens=2))), **MINE)
    with pytest.raises(StreamInterrupted) as interrupted:
        in_no_time(costs(broken))
    assert interrupted.value.cost == Cost(input=3, output=20)
    short = client_of(Service(streamed(chunk("half", tokens=2))), **MINE)
    with pytest.raises(StreamTruncated) as truncated:
        in_no_time(costs(short))
    assert truncated.value.cost == Cost(input=3, output=20)


def test_an_alias_costs_what_the_model_that_answers_does() -> None:
    first = {**piece("a"), "modelVersion": "gemini-2.5-pro"}
    # 5 × 1.25 + 2 × 10
    client = client_of(Service(said(first)), model="gemini-flash-latest")
    assert in_no_time(client.generate("Hi")).cost == Cost(input=7, output=20)
    _, cost = in_no_time(costs(client_of(Service(streamed(first)), model="gemini-pro-latest")))
    assert cost == Cost(input=7, output=20)


def test_without_a_price_or_a_count_there_is_no_cost() -> None:
    running, cost = in_no_time(costs(client_of(Service(streamed(piece("a"))), model="unheard-of")))
    assert (running, cost) == ([None], None)
    _, cost = in_no_time(costs(client_of(Service(streamed(chunk("a", finish="STOP"))), **MINE)))
    assert cost is None


def test_a_service_tier_has_its_price() -> None:
    service = Service(streamed(piece("a")))
    _, cost = in_no_time(costs(client_of(service, **MINE), service_tier="flex"))
    assert cost == Cost(input=3, output=10)
    served = piece("a")
    served["usageMetadata"]["serviceTier"] = "standard"
    client = client_of(Service(streamed(served)), **MINE)
    _, cost = in_no_time(costs(client, service_tier="priority"))
    assert cost == Cost(input=5, output=20)


def test_whoever_listens_is_told_the_cost() -> None:
    told: list[Any] = []
    answers = (streamed(piece("a")), said(piece("a")), streamed(chunk("half", tokens=2)))
    client = client_of(Service(*answers), **MINE, on_event=told.append)
    in_no_time(costs(client))
    in_no_time(client.generate("Hi"))
    with pytest.raises(StreamTruncated):
        in_no_time(costs(client))
    ends = [event.cost_micros for event in told if isinstance(event, CallEnded)]
    assert ends == [25, 25, 23]


def test_a_call_without_a_price_tells_none() -> None:
    told: list[Any] = []
    client = client_of(Service(streamed(piece("a"))), model="unheard-of", on_event=told.append)
    asyncio.run(client.generate_stream("Hi").finish())
    assert [event.cost_micros for event in told if isinstance(event, CallEnded)] == [None]
