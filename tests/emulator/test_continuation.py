"""Long answers of Gemini 4, told in hops that join without overlap."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.driver import answer, ask, events, method_url, prompt, stream, stream_url, text_of
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.builtin.answer import Answer, Draft
from gemstream.emulator.builtin.checkpoint import Checkpoints, position_of
from gemstream.emulator.builtin.continuation import hop_of
from gemstream.errors import APIError, ConfigError
from gemstream.wire.content import CodeExecutionResult, ExecutableCode, FunctionCall, Part
from gemstream.wire.response import FinishReason

GEMINI_4 = "gemini-4-argon"
COUNT = "Count to 200"
NUMBERS = ", ".join(map(str, range(1, 201)))
PRINT = b"request1"


def finish(chunks: list[Any]) -> dict[str, Any]:
    last: dict[str, Any] = chunks[-1]["candidates"][0]
    return last


async def hops(emulator: Emulator, body: dict[str, Any], *, limit: int = 200) -> list[list[Any]]:
    """Stream until the answer ends for another reason than CONTINUATION."""
    told = [await stream(emulator, body, GEMINI_4)]
    while finish(told[-1])["finishReason"] == "CONTINUATION" and len(told) < limit:
        token = finish(told[-1])["continuationToken"]
        told.append(await stream(emulator, {**body, "continuationToken": token}, GEMINI_4))
    return told


@pytest.mark.parametrize("hop", [1, 7, 50, 10_000])
async def test_hops_join_to_the_answer(hop: int) -> None:
    told = await hops(Emulator(hop_tokens=hop), prompt(COUNT), limit=1000)
    assert "".join(map(text_of, told)) == NUMBERS
    assert len(told) == -(-len(NUMBERS) // 4 // hop) or hop == 10_000
    assert finish(told[-1])["finishReason"] == "STOP"
    assert "continuationToken" not in finish(told[-1])


async def test_every_hop_pays_for_the_prompt_and_for_what_it_says() -> None:
    told = await hops(Emulator(hop_tokens=60), prompt(COUNT))
    usages = [chunks[-1]["usageMetadata"] for chunks in told]
    assert len(usages) > 2
    assert [usage["promptTokenCount"] for usage in usages] == [3] * len(usages)
    assert all(usage["candidatesTokenCount"] == 60 for usage in usages[:-1])
    assert sum(usage["candidatesTokenCount"] for usage in usages) == -(-len(NUMBERS) // 4)


async def test_a_dropped_stream_goes_on_from_its_last_checkpoint() -> None:
    emulator = Emulator(hop_tokens=100)
    chunks = await stream(emulator, prompt(COUNT), GEMINI_4)
    marked = [
        number
        for number, chunk in enumerate(chunks)
        if "continuationToken" in chunk["candidates"][0]
    ]
    assert len(marked) == 4 and marked[-1] == len(chunks) - 1
    for number in marked:
        token = chunks[number]["candidates"][0]["continuationToken"]
        rest = await stream(emulator, prompt(COUNT, continuation_token=token), GEMINI_4)
        seen = text_of(chunks[: number + 1]) + text_of(rest)
        assert NUMBERS.startswith(seen) and len(seen) > len(text_of(chunks[: number + 1]))


async def test_thoughts_are_told_first_and_may_fill_a_hop() -> None:
    thinking = {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}}
    told = await hops(Emulator(hop_tokens=10), prompt("Count to 9", generationConfig=thinking))
    thoughts = "".join(text_of(chunks, thought=True) for chunks in told)
    assert thoughts.startswith("**Reading the request**") and thoughts.endswith("wins.\n\n")
    assert not text_of(told[0]) and "".join(map(text_of, told)) == "1, 2, 3, 4, 5, 6, 7, 8, 9"


async def test_a_hop_of_hidden_thoughts_is_empty_and_goes_on() -> None:
    thinking = {"thinkingConfig": {"thinkingLevel": "LOW"}}
    told = await hops(Emulator(hop_tokens=10), prompt("Count to 9", generationConfig=thinking))
    (only,) = told[0]
    assert only["candidates"][0]["content"] == {"role": "model"}
    assert only["usageMetadata"]["thoughtsTokenCount"] == 10
    assert "".join(map(text_of, told)) == "1, 2, 3, 4, 5, 6, 7, 8, 9"


async def test_the_budget_is_of_all_hops_and_may_be_raised() -> None:
    emulator = Emulator(hop_tokens=30)
    budget = {"generationConfig": {"maxOutputTokens": 50}}
    told = await hops(emulator, prompt(COUNT, **budget))
    assert [finish(chunks)["finishReason"] for chunks in told] == ["CONTINUATION", "MAX_TOKENS"]
    assert "".join(map(text_of, told)) == NUMBERS[:200]
    token = finish(told[-1])["continuationToken"]
    more = {"generationConfig": {"maxOutputTokens": 60}, "continuationToken": token}
    rest = await stream(emulator, prompt(COUNT, **more), GEMINI_4)
    assert text_of(rest) == NUMBERS[200:240] and finish(rest)["finishReason"] == "MAX_TOKENS"
    less = {"generationConfig": {"maxOutputTokens": 10}, "continuationToken": token}
    none = await stream(emulator, prompt(COUNT, **less), GEMINI_4)
    assert text_of(none) == "" and finish(none)["continuationToken"] == token


@pytest.mark.parametrize("style", ["standard", "urlsafe", "bare"])
async def test_a_token_comes_back_in_either_alphabet(style: str) -> None:
    emulator = Emulator(hop_tokens=50)
    chunks = await stream(emulator, prompt(COUNT), GEMINI_4)
    content = base64.b64decode(finish(chunks)["continuationToken"])
    encode = base64.b64encode if style == "standard" else base64.urlsafe_b64encode
    token = encode(content).decode()
    body = prompt(COUNT, continuationToken=token.rstrip("=") if style == "bare" else token)
    assert text_of(await stream(emulator, body, GEMINI_4)) == NUMBERS[200:400]


async def whole(emulator: Emulator, body: Any, model: str = GEMINI_4) -> tuple[int, Any]:
    return await answer(emulator, method_url("generateContent", model), body)


async def test_the_whole_answer_has_a_cap_of_its_own() -> None:
    million = "Count to 999999999"
    _, said = await whole(Emulator(), prompt(million))
    (candidate,) = said["candidates"]
    assert candidate["finishReason"] == "CONTINUATION" and candidate["continuationToken"]
    assert said["usageMetadata"]["candidatesTokenCount"] == 32_768
    chunks = await stream(Emulator(), prompt(million), GEMINI_4)
    assert chunks[-1]["usageMetadata"]["candidatesTokenCount"] == 65_536
    assert text_of(chunks).startswith(text_of([said]))


async def test_other_models_end_at_their_limit() -> None:
    chunks = await stream(Emulator(hop_tokens=5), prompt(COUNT), "gemini-3.8-flash")
    assert text_of(chunks) == NUMBERS and finish(chunks)["finishReason"] == "STOP"
    several = prompt(COUNT, generationConfig={"candidateCount": 2})
    chunks = await stream(Emulator(hop_tokens=5), several, GEMINI_4)
    assert text_of(chunks) == NUMBERS


def token_of(position: int, fingerprint: bytes = PRINT) -> str:
    return Checkpoints(fingerprint, 0, 4).token_at(position)


GOOD = base64.b64decode(token_of(8))
BAD_TOKENS = [
    ("!", "it is not base64"),
    ("ä", "it is not base64"),
    ("abc", "it was not given by this service"),
    ("QUJD", "it was not given by this service"),
    (base64.b64encode(GOOD[:-1] + b"x").decode(), "it was not given by this service"),
    (base64.b64encode(b"\x02" + GOOD[1:]).decode(), "it was not given by this service"),
    (base64.b64encode(GOOD * 2).decode(), "it was not given by this service"),
    (base64.b64encode(GOOD).decode(), "the request is not the one that it continues"),
]


@pytest.mark.parametrize(("token", "words"), BAD_TOKENS)
async def test_a_bad_token_is_refused(token: str, words: str) -> None:
    status, said = await whole(Emulator(), prompt(COUNT, continuationToken=token))
    assert status == 400 and said["error"]["status"] == "INVALID_ARGUMENT"
    assert said["error"]["message"] == f"Invalid value at 'continuation_token': {words}."


async def test_a_script_has_tokens_of_its_own() -> None:
    emulator = Emulator(Script([Rule(steps=["scripted"])]))
    status, said = await whole(emulator, prompt("x", continuationToken="dDE="), "gemini-2.5-flash")
    assert status == 200 and text_of([said]) == "scripted"
    status, _ = await whole(emulator, prompt("x", continuationToken="!"), "gemini-2.5-flash")
    assert status == 400


CHANGES = [
    {"contents": [{"parts": [{"text": "Count to 201"}]}]},
    {"systemInstruction": {"parts": [{"text": "x"}]}},
    {"generationConfig": {"seed": 1}},
    {"tools": [{"googleSearch": {}}]},
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_next_hop_is_the_same_request(change: Any) -> None:
    emulator = Emulator(hop_tokens=5)
    token = finish(await stream(emulator, prompt(COUNT), GEMINI_4))["continuationToken"]
    status, said = await whole(emulator, {**prompt(COUNT, continuationToken=token), **change})
    assert status == 400 and "not the one that it continues" in said["error"]["message"]


REFUSED = [
    ("gemini-2.5-flash", {"continuationToken": token_of(4)}, "is not supported for this model"),
    (
        GEMINI_4,
        {"continuationToken": token_of(4), "generationConfig": {"candidateCount": 2}},
        "one candidate only",
    ),
    (GEMINI_4, {"generationConfig": {"maxOutputTokens": 32_769}}, "at most 32768"),
]


@pytest.mark.parametrize(("model", "fields", "words"), REFUSED)
async def test_what_cannot_be_continued_is_refused(model: str, fields: Any, words: str) -> None:
    status, said = await whole(Emulator(), prompt(COUNT, **fields), model)
    assert status == 400 and words in said["error"]["message"]


async def test_a_large_budget_goes_with_a_stream_or_a_token() -> None:
    emulator = Emulator(hop_tokens=20)
    large = {"generationConfig": {"maxOutputTokens": 500_000}}
    talk = ask(emulator, stream_url(GEMINI_4), prompt(COUNT, **large))
    assert (await talk.head())[0] == 200
    token = finish(events(await talk.read_all()))["continuationToken"]
    status, said = await whole(emulator, prompt(COUNT, continuationToken=token, **large))
    assert status == 200 and text_of([said]) == NUMBERS[80:160]


@pytest.mark.parametrize("tokens", [0, -1])
def test_a_hop_is_positive(tokens: int) -> None:
    with pytest.raises(ConfigError, match="hop_tokens"):
        Emulator(hop_tokens=tokens)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=8, max_size=8))
def test_a_token_holds_its_position(position: int, fingerprint: bytes) -> None:
    assert position_of(token_of(position, fingerprint), fingerprint) == position


@given(st.one_of(st.text(), st.binary().map(lambda data: base64.b64encode(data).decode())))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    with pytest.raises(APIError, match="continuation_token"):
        position_of(text, PRINT)


_texts = st.text(st.sampled_from("ab é👩🏽\u200d🚀\u0301\n"), max_size=40)
_parts = st.lists(
    st.one_of(
        _texts.map(lambda text: Part(text=text)),
        _texts.map(lambda text: Part(text=text, thought=True)),
        st.just(Part(function_call=FunctionCall(name="f"))),
        st.just(Part(executable_code=ExecutableCode(code="print(1)"))),
        st.just(Part(code_execution_result=CodeExecutionResult(output="1"))),
        st.just(Part(text="", thought_signature="AAAA")),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(_parts, st.integers(0, 30), st.integers(1, 12))
def test_hops_of_any_answer_join_to_it(parts: list[Part], hidden: int, tokens: int) -> None:
    draft = Draft(parts, hidden_thoughts=hidden)
    pieces, silent, start = [], 0, 0
    for _ in range(500):
        hop = hop_of(draft, start=start, tokens=tokens, fingerprint=PRINT)
        list(Answer([hop], {}, "m", "id").chunks())
        pieces += hop.parts
        silent += hop.hidden_thoughts
        if hop.finish_reason is not FinishReason.CONTINUATION:
            break
        following = position_of(hop.closing.continuation_token or "", PRINT)
        assert following > start
        start = following
    assert hop.finish_reason is FinishReason.STOP and silent == hidden
    assert joined(pieces) == joined(parts)


def joined(parts: list[Part]) -> list[Part]:
    """Join neighbouring texts, as a fold does; an empty one says nothing."""
    result: list[Part] = []
    for part in parts:
        if part.is_plain_text and not part.text:
            continue
        last = result[-1] if result else None
        if part.is_plain_text and last and last.is_plain_text and last.thought is part.thought:
            result[-1] = Part(text=f"{last.text}{part.text}", thought=part.thought)
        else:
            result.append(part)
    return result
