"""What the head of an answer says of the key's limits, the attempts and the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.relay.keys.remaining import Left, Remaining
from gemstream.relay.rate_headers import rate_headers
from gemstream.wire.dialect.dialect import Dialect
from support.relayed import MODEL, RELAY_KEY, prompt, relayed

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Count to five"}]}
MESSAGES = {**CHAT, "max_tokens": 50}
LIMITED = KeyOptions(name="team-a", key=RELAY_KEY, rpm=10, tpm=100_000)
SECOND = 1_700_000_000.0

SPANS = {
    0.0: b"0ms",
    0.12: b"120ms",
    1.0: b"1s",
    59.2: b"1m0s",
    360.0: b"6m0s",
    3723.0: b"1h2m3s",
}


@pytest.mark.parametrize("seconds, written", SPANS.items())
def test_openai_writes_a_time_as_its_units(seconds: float, written: bytes) -> None:
    remaining = Remaining(requests=Left(10, 9, seconds))
    told = dict(rate_headers(Dialect.OPENAI, remaining, SECOND))
    assert told == {
        b"x-ratelimit-limit-requests": b"10",
        b"x-ratelimit-remaining-requests": b"9",
        b"x-ratelimit-reset-requests": written,
    }


def test_anthropic_writes_a_moment() -> None:
    remaining = Remaining(tokens=Left(1000, 0, 59.5))
    told = dict(rate_headers(Dialect.ANTHROPIC, remaining, SECOND))
    assert told == {
        b"anthropic-ratelimit-tokens-limit": b"1000",
        b"anthropic-ratelimit-tokens-remaining": b"0",
        b"anthropic-ratelimit-tokens-reset": b"2023-11-14T22:14:20Z",
    }


def test_gemini_and_no_limits_tell_nothing() -> None:
    full = Remaining(requests=Left(1, 1, 0), tokens=Left(1, 1, 0))
    assert rate_headers(Dialect.GEMINI, full, SECOND) == ()
    for dialect in Dialect:
        assert rate_headers(dialect, Remaining(), SECOND) == ()


STREAMS = (False, True)


@pytest.mark.parametrize("stream", STREAMS)
async def test_callers_are_told_what_is_left_of_their_own_limits(
    tmp_path: Path, stream: bool
) -> None:
    async with relayed(tmp_path, keys=(LIMITED,)) as house:
        chat = await house.ask("/v1/chat/completions", {**CHAT, "stream": stream})
        message = await house.ask("/v1/messages", {**MESSAGES, "stream": stream})
    assert (chat.status, message.status) == (200, 200)
    assert chat.headers["x-ratelimit-limit-requests"] == "10"
    assert chat.headers["x-ratelimit-remaining-requests"] == "9"
    assert int(chat.headers["x-ratelimit-remaining-tokens"]) < 100_000
    assert message.headers["anthropic-ratelimit-requests-remaining"] == "8"
    assert not [name for name in message.headers if name.startswith("x-ratelimit")]


async def test_books_that_others_write_to_hold_no_answer_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with relayed(tmp_path, keys=(LIMITED,), limits="machine") as house:
        chat = await house.ask("/v1/chat/completions", CHAT)
    assert chat.status == 200
    assert chat.headers.get("x-ratelimit-remaining-requests") in (None, "9")


async def test_a_key_without_limits_is_told_none(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        chat = await house.ask("/v1/chat/completions", CHAT)
    assert not [name for name in chat.headers if "ratelimit" in name]


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_the_head_names_the_model_behind_an_alias(tmp_path: Path, method: str) -> None:
    async with relayed(tmp_path, aliases={"fast": MODEL}) as house:
        answer = await house.ask(f"/v1beta/models/fast:{method}", prompt())
    assert answer.status == 200
    assert answer.headers["x-gemstream-model"] == MODEL
    assert answer.headers["x-gemstream-attempts"] == "1"
