"""The same script answered over REST and in a Live session is the same answer."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gemstream import Response
from gemstream.emulator import Emulator, Rule, Script
from gemstream.policy.answer import Completeness
from support.emulated import async_client

# A lone surrogate is no text that JSON carries.
PIECES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)
WRITING, SPEAKING = "gemini-2.0-flash-live", "gemini-3.8-live"


def counts(response: Response) -> tuple[int | None, ...]:
    usage = response.usage
    assert usage is not None
    return usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count


async def asked(emulator: Emulator, model: str, *, streams: bool, most: int | None) -> Response:
    async with async_client(emulator) as client:
        if streams:
            stream = client.generate_stream("Count to 9", model=model, max_output_tokens=most)
            return await stream.finish()
        return await client.generate("Count to 9", model=model, max_output_tokens=most)


@given(PIECES, st.booleans())
def test_scripted_pieces_fold_to_the_same_text_and_counts(pieces: list[str], streams: bool) -> None:
    async def compare() -> None:
        emulator = Emulator(Script([Rule(steps=pieces)]))
        rest, writing, speaking = [
            await asked(emulator, model, streams=streams, most=None)
            for model in ("gemini-2.5-flash", WRITING, SPEAKING)
        ]
        assert rest.text == writing.text == speaking.text == "".join(pieces)
        assert counts(rest) == counts(writing)
        for answer in (rest, writing, speaking):
            assert answer.complete is Completeness.CONFIRMED
            assert answer.finish_reason == "STOP"

    asyncio.run(compare())


@given(st.integers(1, 12), st.booleans())
def test_an_answer_that_counts_as_many_tokens_as_it_may_is_told_as_cut(
    most: int, streams: bool
) -> None:
    async def compare() -> None:
        rest, writing = [
            await asked(Emulator(), model, streams=streams, most=most)
            for model in ("gemini-2.5-flash", WRITING)
        ]
        assert (writing.text, counts(writing)) == (rest.text, counts(rest))
        is_full = counts(rest)[1] == most  # a session does not tell which of the two it was
        assert writing.finish_reason == ("MAX_TOKENS" if is_full else "STOP")
        assert is_full or rest.finish_reason == "STOP"

    asyncio.run(compare())
