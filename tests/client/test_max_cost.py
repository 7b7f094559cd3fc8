"""``max_cost``: an answer is broken off before it costs more, whatever the service reports."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream import AsyncClient, Client, Completeness, Part
from gemstream.emulator import Emulator, JournalEnd
from gemstream.emulator.scripts.faults import Usage
from gemstream.emulator.scripts.steps import Step, WaitForAck
from gemstream.errors import BudgetExceeded, InvalidRequest
from gemstream.policy.cost import Cost
from gemstream.wire.response import FinishReason
from support.clock import in_no_time
from support.emulated import async_client, blocking_client, scripted
from support.service import Service, chunk, client_of, cut, sse, streamed
from support.strategies import calm

# 2.5 Flash: a token of the prompt costs 0.3 micro-dollars, one of the answer 2.5.
PIECE = "four tokens long "  # 17 characters: 4.25 tokens, as the emulator and we count
LONG = [PIECE] * 100
UNAVAILABLE = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


def billed(emulator: Emulator) -> int:
    """Return what the emulator billed, in micro-dollars, by a sum of our own."""
    micros = 0.0
    for entry in emulator.journal:
        assert entry.usage is not None
        usage = entry.usage
        written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        micros += (usage.prompt_token_count or 0) * 0.3 + written * 2.5
    return round(micros)


async def broken_off(client: AsyncClient, **options: Any) -> tuple[BudgetExceeded, list[str], Any]:
    """Return the error that ends a stream, the texts before it, and the stream."""
    texts = []
    stream = client.generate_stream(options.pop("prompt", "Hi"), **options)
    with pytest.raises(BudgetExceeded) as caught:
        async for piece in stream:
            texts.append(piece.text)
    return caught.value, texts, stream


# --- streams ---------------------------------------------------------------------------------

REPORTS: list[tuple[str, list[Step]]] = [
    ("each chunk counts", [*LONG]),
    ("only the first counts", [Usage(mode="first_only"), *LONG]),
    ("none counts", [Usage(mode="missing"), *LONG]),
]


@pytest.mark.parametrize(
    "steps", [steps for _, steps in REPORTS], ids=[name for name, _ in REPORTS]
)
@pytest.mark.parametrize("max_cost", ["0.0001", "0.0003", "0.0009"])
def test_a_stream_is_broken_off_before_it_overspends(steps: list[Step], max_cost: str) -> None:
    emulator = scripted(steps)
    error, texts, stream = in_no_time(broken_off(async_client(emulator), max_cost=max_cost))
    limit = round(float(max_cost) * 1e6)
    # Not a chunk too late, and not more than two too early.
    assert limit - 40 <= error.cost.micros <= limit
    assert error.partial == PIECE * len(texts) != ""
    assert (error.max_cost, error.delivered) == (Decimal(max_cost), len(texts))
    assert not error.retryable
    assert stream.response.complete is Completeness.PARTIAL
    assert stream.response.text == error.partial
    assert f"max_cost of ${Decimal(max_cost):f}" in str(error)


@calm
@given(limit=st.integers(20, 3000), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_what_arrives_is_never_dearer_than_the_budget(limit: int, sizes: list[int]) -> None:
    # The dearest first: a chunk that is dearer than any before it cannot be foreseen.
    steps = ["x" * size for size in sorted(sizes, reverse=True)]

    async def scene() -> str:
        client = async_client(scripted(steps))
        try:
            return (await client.generate("Hi", max_cost=Decimal(limit).scaleb(-6))).text
        except BudgetExceeded as error:
            partial: str = error.partial
            return partial

    text = in_no_time(scene())
    cost = 0.3 + 2.5 * math.ceil(len(text) / 4)
    assert text.startswith(steps[0])
    assert cost <= limit or text == steps[0]


def test_the_connection_is_gone_when_the_error_is_raised() -> None:
    emulator = scripted([*LONG[:12], WaitForAck(), *LONG[12:]])

    async def scene() -> None:
        await broken_off(async_client(emulator), max_cost=0.0001)
        await emulator.idle()

    in_no_time(scene())
    (entry,) = emulator.journal
    assert entry.end is JournalEnd.ABORTED
    assert billed(emulator) == 128  # of 12 chunks: what had been on its way


def test_an_answer_within_the_budget_is_whole() -> None:
    emulator = scripted(LONG)
    response = in_no_time(async_client(emulator).generate("Hi", max_cost=0.01))
    assert response.complete is Completeness.CONFIRMED
    assert response.text == PIECE * 100
    assert response.cost == Cost(input=1, output=1062)  # 0.3 + 1062.5 → 1063


def test_a_whole_answer_is_not_withheld_whatever_it_cost() -> None:
    counted = {"promptTokenCount": 1, "candidatesTokenCount": 9999}
    last = {**chunk("all", finish="STOP"), "usageMetadata": counted}
    service = Service(streamed(last))
    response = in_no_time(client_of(service).generate("Hi", max_cost=0.001))
    assert response.text == "all"
    assert response.cost is not None and response.cost.micros == 24_998


def test_thoughts_are_paid_for() -> None:
    thinking = chunk("so", tokens=1)
    thinking["usageMetadata"]["thoughtsTokenCount"] = 300
    service = Service(streamed(thinking, chunk("more", finish="STOP")))
    error, texts, _ = in_no_time(broken_off(client_of(service), max_cost=0.00075))
    assert texts == ["so"]
    assert error.cost == Cost(input=1, output=3, thoughts=750)  # 0.9 + 2.5 + 750 → 754
    # Thoughts come before the first chunk: they do not make the next one dear.
    assert in_no_time(client_of(service).generate("Hi", max_cost=0.001)).text == "somore"


def test_a_service_that_counts_down_gives_nothing_back() -> None:
    pieces = [chunk("x" * 40, tokens=tokens) for tokens in (30, 20, 10, 5, 1)]
    # 0.9 + 75, and from then on the ten tokens of each text: 76, 101, 126.
    error, texts, _ = in_no_time(broken_off(client_of(Service(cut(*pieces))), max_cost=0.00015))
    assert (len(texts), error.cost) == (3, Cost(input=1, output=125))


def test_a_prompt_that_costs_more_than_was_thought_ends_it_at_the_first_chunk() -> None:
    first = chunk("so", tokens=1)
    first["usageMetadata"]["promptTokenCount"] = 10_000
    service = Service(streamed(first, chunk("more", finish="STOP")))
    error, texts, _ = in_no_time(broken_off(client_of(service), max_cost=0.002))
    assert (texts, error.cost) == (["so"], Cost(input=3000, output=3))


def test_an_image_counts_before_the_service_counted_it() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    drawn = chunk("")
    drawn["candidates"][0]["content"]["parts"] = [picture]
    service = Service(streamed(drawn, drawn, drawn, chunk("", finish="STOP")))
    scene = broken_off(client_of(service), model="gemini-2.5-flash-image", max_cost=0.08)
    error, texts, _ = in_no_time(scene)
    assert len(texts) == 2
    assert error.cost == Cost(input=1, image_output=77_400)


# --- hops and retries ------------------------------------------------------------------------


def hop(text: str, token: str | None, *, prompt: int = 100, written: int = 100) -> dict[str, Any]:
    message = chunk(text, finish="STOP" if token is None else "CONTINUATION")
    if token is not None:
        message["candidates"][0]["continuationToken"] = token
    message["usageMetadata"] = {"promptTokenCount": prompt, "candidatesTokenCount": written}
    return message


def test_a_hop_that_cannot_be_paid_is_not_sent() -> None:
    # A hop: 30 + 250 micro-dollars. After two the prompt of a third would pass 580.
    service = Service(*[streamed(hop(str(n), f"t{n}")) for n in range(9)])
    error, texts, stream = in_no_time(broken_off(client_of(service), max_cost=0.00058))
    assert (texts, len(service.asked)) == (["0", "1"], 2)
    assert error.cost == Cost(input=60, output=500)
    assert (error.partial, error.continuation_token) == ("01", "t1")
    assert stream.response.hops == 2


def test_hops_within_the_budget_are_the_sum_of_their_costs() -> None:
    service = Service(streamed(hop("a", "t")), streamed(hop("b", None)))
    response = in_no_time(client_of(service).generate("Hi", max_cost=0.01))
    assert (response.text, response.cost) == ("ab", Cost(input=60, output=500))


def test_what_was_written_in_vain_was_paid_for() -> None:
    kept = chunk("kept ", tokens=100)
    kept["candidates"][0]["continuationToken"] = "t"
    lost = chunk("lost", tokens=150)
    broken = streamed(sse(kept, lost, UNAVAILABLE))  # in one read: what is lost is not delivered
    service = Service(broken, streamed(hop("again", None, prompt=3)))
    # Delivered: 0.9 + 250 and 0.9 + 250. Paid: 0.9 + 375 for the first, which wrote more.
    response = in_no_time(client_of(service).generate("Hi", max_cost=0.01))
    assert response.text == "kept again"
    assert response.cost is not None and response.cost.micros == 502
    tight = Service(broken, streamed(hop("again", None, prompt=3)))
    error, texts, _ = in_no_time(broken_off(client_of(tight), max_cost=0.000376))
    assert (texts, error.cost.micros, len(tight.asked)) == (["kept "], 376, 1)


# --- the cap ---------------------------------------------------------------------------------

# (micro-dollars of the budget, options, maxOutputTokens as sent) of the prompt "Hi": a token.
CAPS: list[tuple[int, dict[str, Any], int | None]] = [
    (1000, {}, 399),  # (1000 - 0.3) / 2.5
    (1000, {"max_output_tokens": 100}, 100),
    (1000, {"max_output_tokens": 5000}, 399),
    (1000, {"candidate_count": 2}, 199),
    (1000, {"service_tier": "flex"}, 799),
    (1000, {"extra_body": {"generation_config": {"max_output_tokens": 900}}}, 399),
    (1000, {"extra_body": {"generationConfig": {"candidateCount": 4}}}, 99),
    (1000, {"model": "gemini-2.5-pro"}, 99),
    (1000, {"model": "gemini-2.5-flash-image"}, 33),  # as if it were all image
    (163_838, {}, 65_535),
    (163_841, {}, None),  # more than the model writes
    (999, {"model": "gemma-4-31b-it"}, None),  # free
    (1000, {"system": "x" * 400}, 387),  # 101 tokens
    (1000, {"prompt": [Part.of_bytes(b"x", "image/png"), "Hi"]}, 368),  # 259 tokens
    (20, {"prompt": "x " * 200}, 7),  # likely 30, perhaps less: then at least 12 / 32 × 0.03
]


@pytest.mark.parametrize(("micros", "options", "cap"), CAPS)
def test_the_service_is_told_to_end_where_the_budget_does(
    micros: int, options: dict[str, Any], cap: int | None
) -> None:
    service = Service(streamed(chunk("x", finish="STOP", tokens=1)))
    prompt = options.get("prompt", "Hi")
    options = {name: value for name, value in options.items() if name != "prompt"}
    max_cost = Decimal(micros).scaleb(-6)
    in_no_time(client_of(service).generate(prompt, max_cost=max_cost, **options))
    body = service.last.json
    config = body.get("generationConfig") or body.get("generation_config") or {}
    assert (config.get("maxOutputTokens") or config.get("max_output_tokens")) == cap
    assert "max_cost" not in body and "maxCost" not in body


ODD: list[tuple[dict[str, Any], str | None]] = [
    ({"generationConfig": 5}, "it must be a dict"),
    ({"generationConfig": {"maxOutputTokens": "many"}}, "maxOutputTokens is 'many'"),
    ({"generationConfig": {"candidateCount": 0}}, "candidateCount is 0"),
    ({"generation_config": {"candidate_count": True}}, "candidate_count is True"),
    ({"contents": 5}, None),
    ({"contents": {"parts": {"text": "x"}}}, None),
    ({"contents": [None, {"parts": 7}, {"parts": [None, {"text": 5}]}]}, None),
    ({"systemInstruction": "x", "tools": 9}, None),
]


@pytest.mark.parametrize(("extra", "said"), ODD)
def test_a_body_of_the_callers_own_is_read_with_care(extra: Any, said: str | None) -> None:
    service = Service(streamed(chunk("x", finish="STOP", tokens=1)))
    call = client_of(service).generate("Hi", max_cost=0.01, extra_body=extra)
    if said is None:
        assert in_no_time(call).text == "x"
    else:
        with pytest.raises(InvalidRequest, match=re.escape(said)):
            in_no_time(call)


def test_a_model_of_unknown_limit_gets_no_cap_it_might_refuse() -> None:
    service = Service(streamed(chunk("x", finish="STOP", tokens=1)))
    client = client_of(service, prices={"mine": {"input": 0, "output": 1}})
    for dollars, cap in ((0.008191, 8191), (0.008192, None)):
        in_no_time(client.generate("Hi", model="mine", max_cost=dollars))
        assert service.last.json.get("generationConfig", {}).get("maxOutputTokens") == cap


def test_an_answer_that_our_cap_cut_is_over_budget() -> None:
    answer = streamed(chunk("as far as", finish="MAX_TOKENS", tokens=39))
    error, texts, stream = in_no_time(broken_off(client_of(Service(answer)), max_cost=0.0001))
    assert (texts, error.partial) == (["as far as"], "as far as")
    assert stream.response.finish_reason is FinishReason.MAX_TOKENS


def test_an_answer_that_the_callers_own_cap_cut_is_no_error() -> None:
    answer = streamed(chunk("as far as", finish="MAX_TOKENS", tokens=9))
    client = client_of(Service(answer))
    response = in_no_time(client.generate("Hi", max_cost=0.0001, max_output_tokens=9))
    assert response.finish_reason is FinishReason.MAX_TOKENS


def test_the_built_in_answers_end_at_the_cap() -> None:
    emulator = Emulator()
    with pytest.raises(BudgetExceeded) as caught:
        in_no_time(async_client(emulator).generate("Count to 500", max_cost=0.0002))
    assert caught.value.partial.startswith("1, 2, 3")
    assert billed(emulator) <= 200


# --- before anything is sent -----------------------------------------------------------------


def test_a_prompt_that_is_sure_to_cost_more_is_not_sent() -> None:
    service = Service(streamed(chunk("x", finish="STOP")))
    # 320,000 characters are at least 10,000 tokens: 300 micro-dollars, were they all cached.
    error, _, _ = in_no_time(
        broken_off(client_of(service), prompt="x" * 320_000, max_cost=0.000299)
    )
    assert (service.asked, error.cost, error.partial) == ([], Cost(), "")
    assert "nothing was sent" in str(error)
    in_no_time(client_of(service).generate("x" * 320_000, max_cost=0.000303))
    assert len(service.asked) == 1


BAD: list[Any] = [0, -1, "0", "ten", "", float("nan"), float("inf"), 1e-7, 10**13, "1e999999"]


@pytest.mark.parametrize("max_cost", BAD)
def test_a_budget_that_is_none_is_refused(max_cost: Any) -> None:
    emulator = Emulator()
    with pytest.raises(InvalidRequest, match=r"an amount in USD of at least 0\.000001"):
        async_client(emulator).generate_stream("Hi", max_cost=max_cost)
    assert emulator.journal == []


@pytest.mark.parametrize("max_cost", [True, [1], {"usd": 1}, b"1"])
def test_a_budget_of_another_kind_is_refused(max_cost: Any) -> None:
    with pytest.raises(InvalidRequest, match=re.escape("it takes an amount in USD, as 0.01")):
        async_client(Emulator()).generate_stream("Hi", max_cost=max_cost)


def test_without_a_price_no_budget_can_be_held() -> None:
    client = async_client(Emulator())
    with pytest.raises(InvalidRequest, match="no price is known for model 'gemini-flash-latest'"):
        client.generate_stream("Hi", model="gemini-flash-latest", max_cost=1)
    with pytest.raises(InvalidRequest, match="no price is known for service tier 'turbo'"):
        client.generate_stream("Hi", service_tier="turbo", max_cost=1)
    own = async_client(Emulator(), prices={"gemini-flash-latest": {"input": 1, "output": 1}})
    response = in_no_time(own.generate("Hi", model="gemini-flash-latest", max_cost=1))
    assert response.text


def test_a_budget_may_be_a_whole_number_of_dollars_or_none() -> None:
    client = async_client(Emulator())
    for max_cost in (1, "1", 1.0, Decimal(1), None):
        assert in_no_time(client.generate("Hi", max_cost=max_cost)).text


# --- the other faces -------------------------------------------------------------------------


def test_the_blocking_client_holds_it_too() -> None:
    with blocking_client(scripted(LONG, LONG)) as client:
        assert isinstance(client, Client)
        with pytest.raises(BudgetExceeded) as caught:
            client.generate("Hi", max_cost=0.0001)
        assert caught.value.cost.micros <= 100
        texts = []
        with pytest.raises(BudgetExceeded) as caught:
            for piece in client.generate_stream("Hi", max_cost=0.0001):
                texts.append(piece.text)
        assert caught.value.partial == "".join(texts) != ""


def test_a_chunk_behind_the_budget_is_still_yours_when_it_came_in_the_same_read() -> None:
    pieces = [chunk("x" * 40, tokens=10 * number) for number in range(1, 9)]
    service = Service(cut(sse(*pieces)))
    error, texts, _ = in_no_time(broken_off(client_of(service), max_cost=0.0001))
    assert len(texts) == 8
    assert error.cost.micros == 201  # paid for, and therefore delivered
