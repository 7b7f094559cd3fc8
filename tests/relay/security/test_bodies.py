"""What a body may be: JSON that every reader reads alike, neither too deep nor too wide."""

from __future__ import annotations

import cProfile
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.emulator import Emulator
from gemstream.relay.json_check import check_json
from gemstream.relay.refused import Refused
from gemstream.wire.dialect.anthropic.options import MessagesOptions
from gemstream.wire.dialect.anthropic.request import messages_request
from gemstream.wire.dialect.model_traits import traits_of
from gemstream.wire.dialect.openai.options import ChatOptions
from gemstream.wire.dialect.openai.request import chat_request
from relay.security.door import SURFACES, a_request, body_of, door
from support.relayed import MODEL, Watched, relayed

_HUGE = b"9" * 5_000


class Spy(Watched):
    """An emulator of which is known what was asked; ``asked``: path and body of each request."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.asked: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        pieces: list[bytes] = []

        async def overheard() -> Any:
            message = await receive()
            pieces.append(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                self.asked.append((scope["path"], b"".join(pieces)))
                pieces.clear()
            return message

        await super().__call__(scope, overheard, send)


def written(surface: str, field: bytes) -> bytes:
    """Return a good body with ``field``, raw, in front."""
    return b"{" + field + b"," + msgspec.json.encode(body_of(surface))[1:]


# A body → what is said to it; {} is where a good body goes on.
REFUSED: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"hello",
    "no object": b"[]",
    "text": b'"a"',
    "cut": b'{"a":',
    "more behind": b"{} {}",
    "NUL behind": b"{}\0",
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "not UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate": b'{"a":"\\udc00x"}',
    "lone surrogate in a name": b'{"\\ud800":1}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "hex": b'{"a":0x1}',
    "octal": b'{"a":01}',
    "comment": b'{"a":1/**/}',
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "line end in text": b'{"a":"\r\n"}',
    "65 levels": b'{"a":' * 65 + b"1" + b"}" * 65,
    "100,000 levels": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 brackets without end": b"[" * 100_000,
    "65,537 items": b'{"a":[' + b"1," * 65_536 + b"1]}",
    "65,537 fields": b"{" + b'"a":1,' * 65_536 + b'"a":1}',
    "65,537 items below": b'{"a":[[' + b"1," * 65_536 + b"1],[]]}",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_body_that_is_none_is_the_callers_fault_on_every_surface(
    name: str, tmp_path: Path
) -> None:
    upstream = Watched(Emulator())
    async with relayed(tmp_path, upstream) as house:
        for surface, target in SURFACES.items():
            answer = await house.ask(target, REFUSED[name], method="POST")
            assert answer.status == 400, surface
            assert answer.json()["error"]["message"]
        rows = await house.rows()
    assert not upstream.heads
    assert not rows


# What JSON can say and a computer cannot hold, or what no field of an API is.
ODD: dict[str, bytes] = {
    "a model of 5,000 digits": b'"model":' + _HUGE,
    "a model without end": b'"model":1e999',
    "a model of objects": b'"model":{"a":[1]}',
    "no model": b'"model":null',
    "max_tokens of 5,000 digits": b'"max_tokens":' + _HUGE,
    "max_tokens without end": b'"max_tokens":1e999',
    "temperature without end": b'"temperature":-1e999',
    "a stranger without end": b'"stranger":1e999',
    "a stranger of 5,000 digits": b'"stranger":[{"a":' + _HUGE + b"}]",
    "2**63": b'"max_tokens":9223372036854775808',
    "2**64": b'"seed":18446744073709551616',
    "NUL in a text": b'"user":"a\\u0000b"',
    "64 levels": b'"stranger":' + b"[" * 63 + b"]" * 63,
    "65,536 items": b'"stranger":[' + b"1," * 65_535 + b"1]",
    "brackets in a text": b'"stranger":"' + b"[{" * 1_000 + b'\\"[["',
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_value_is_never_an_error_inside(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "gemstream.relay")
    async with relayed(tmp_path, Emulator(), Emulator()) as house:  # two: sessions are kept apart
        for surface, target in SURFACES.items():
            body = written(surface, ODD[name])
            answer = await house.ask(target, body, method="POST")
            assert answer.status in (200, 400), (surface, answer.body)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("surface", ["openai", "anthropic"])
@pytest.mark.parametrize("names", [("gemini-2.5-pro", MODEL), (MODEL, "gemini-2.5-pro")])
async def test_of_two_models_one_is_judged_metered_and_asked(
    surface: str, names: tuple[str, str], tmp_path: Path
) -> None:
    """The last counts, for each of the three: none can be shown one model and charged another."""
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream) as house:
        good = msgspec.json.encode(body_of(surface, model=names[1]))
        body = b'{"model":"' + names[0].encode() + b'",' + good[1:]
        assert (await house.ask(SURFACES[surface], body)).status == 200
        (row,) = await house.rows()
        book = house.relay.parts.book
        only_first = msgspec.structs.replace(house.relay.parts.options.keys[0], models=(names[0],))
        book.configure((only_first,))
        assert (await house.ask(SURFACES[surface], body)).status == 403
    assert row["model"] == names[1]
    assert [path.rpartition("/")[2].partition(":")[0] for path, _ in upstream.asked] == [names[1]]


async def test_a_model_in_a_gemini_body_is_not_the_one_that_is_asked(tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream) as house:
        await house.ask(SURFACES["gemini"], body_of("gemini", model="models/gemini-2.5-pro"))
        (row,) = await house.rows()
    assert upstream.asked[0][0] == SURFACES["gemini"]
    assert row["model"] == MODEL


async def test_the_same_dialect_goes_up_byte_for_byte(tmp_path: Path) -> None:
    odd = (
        b'{ "contents" : [{"parts":[{"text":"\\u0041\\/ \xc3\xa9"}],"role":"user"}],'
        b'"generationConfig":{"temperature":1.0e0},"contents":[{"parts":[{"text":"b"}]}]}'
    )
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream) as house:
        assert (await house.ask(SURFACES["gemini"], odd)).status == 200
    assert [body for _, body in upstream.asked] == [odd]


# Texts in which a search that goes back would search for hours; ends in time or not at all.
LONG: dict[str, bytes] = {
    "text without end": b'{"a":' + b"[" * 70 + b'"' + b'\\"' * 2_000_000,
    "text of escapes": b'{"a":' + b"[" * 70 + b'"' + b"\\\\" * 2_000_000 + b'"' + b"]" * 70 + b"}",
    "many texts without end": b'{"a":' + b"[" * 70 + b'"a' * 2_000_001,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_text_is_searched_once(name: str) -> None:
    with pytest.raises(Refused):
        check_json(LONG[name], 64)


def steps(surface: str, messages: int) -> int:
    """Return how many functions are called to translate so many messages."""
    body = msgspec.json.encode(
        body_of(surface, messages=[{"role": "user", "content": "x"}] * messages)
    )
    traits = traits_of(MODEL)
    profile = cProfile.Profile()
    if surface == "openai":
        options = ChatOptions(model=MODEL, traits=traits)
        profile.runcall(chat_request, body, options=options)
    else:
        profile.runcall(messages_request, body, options=MessagesOptions(model=MODEL, traits=traits))
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("surface", ["openai", "anthropic"])
def test_twice_the_messages_are_twice_the_work(surface: str) -> None:
    """Four times, when each was compared with all before it: 70,000 took minutes."""
    steps(surface, 10)
    assert steps(surface, 2_000) < 2.5 * steps(surface, 1_000)


async def test_a_body_with_a_trick_is_refused_over_a_socket(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        for name, body in REFUSED.items():
            reply = await at.knock(a_request("POST", SURFACES["openai"], body=body))
            assert reply.status == 400, name
            assert b"Traceback" not in reply.raw
