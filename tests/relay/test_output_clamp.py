"""A key's most output tokens hold on every surface, however the caller spells its wish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator
from relay.security.door import SURFACES, body_of
from relay.security.test_bodies import Spy
from support.relayed import MODEL, RELAY_KEY, relayed

CLAMPED = (KeyOptions(name="short", key=RELAY_KEY, max_output_tokens=50),)
_CONFIG = "generationConfig"


def sections(body: bytes) -> list[Any]:
    """Return every length that a body asks for."""
    plain = msgspec.json.decode(body)
    return [
        section[name]
        for section in (plain.get(_CONFIG), plain.get("generation_config"))
        if section
        for name in ("maxOutputTokens", "max_output_tokens")
        if name in section
    ]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, [50]),
        ({_CONFIG: {}}, [50]),
        ({_CONFIG: None}, [50]),
        ({_CONFIG: {"maxOutputTokens": None}}, [50]),
        ({_CONFIG: {"maxOutputTokens": 51, "temperature": 1}}, [50]),
        ({_CONFIG: {"max_output_tokens": 10**9}}, [50]),
        ({"generation_config": {"max_output_tokens": 99}}, [50]),
        ({"generation_config": {"maxOutputTokens": 9}, _CONFIG: {"maxOutputTokens": 99}}, [50, 9]),
        ({_CONFIG: {"maxOutputTokens": 50}}, [50]),
        ({_CONFIG: {"maxOutputTokens": 7}}, [7]),
    ],
)
@pytest.mark.parametrize("surface", ["gemini", "gemini stream"])
async def test_a_gemini_body_asks_for_no_more(
    surface: str, fields: dict[str, Any], sent: list[int], tmp_path: Path
) -> None:
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream, keys=CLAMPED) as house:
        await house.ask(SURFACES[surface], body_of(surface, **fields))
    assert sections(upstream.asked[0][1]) == sent


@pytest.mark.parametrize(
    "wish", ["{}", '{"maxOutputTokens":7}', '{"maxOutputTokens":99}', '{"maxOutputTokens":"99"}']
)
async def test_the_last_of_two_wishes_does_not_get_round_it(wish: str, tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    body = b'{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":%b,"generationConfig":%b}'
    async with relayed(tmp_path, upstream, keys=CLAMPED) as house:
        for one in (b'{"maxOutputTokens":5000}', wish.encode()):
            for pair in ((one, wish.encode()), (wish.encode(), one)):
                await house.ask(SURFACES["gemini"], body % pair)
    for _, sent in upstream.asked:
        assert sent.count(b"axOutputTokens") == 1
        assert max(sections(sent)) <= 50


@pytest.mark.parametrize("wish", [b'"99"', b"1e3", b"true", b"[1]", b"1e999"])
async def test_a_length_that_is_no_whole_number_is_refused(wish: bytes, tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    body = b'{"contents":[],"generationConfig":{"maxOutputTokens":%b}}' % wish
    async with relayed(tmp_path, upstream, keys=CLAMPED) as house:
        assert (await house.ask(SURFACES["gemini"], body)).status == 400
    assert not upstream.asked


@pytest.mark.parametrize("surface", ["openai", "anthropic"])
@pytest.mark.parametrize("asked", [10, 5_000])
async def test_other_dialects_ask_for_no_more(surface: str, asked: int, tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream, keys=CLAMPED) as house:
        await house.ask(SURFACES[surface], body_of(surface, max_tokens=asked))
    assert sections(upstream.asked[0][1]) == [min(asked, 50)]


async def test_what_generates_nothing_is_untouched(tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream, keys=CLAMPED) as house:
        body = msgspec.json.encode(body_of("gemini"))
        await house.ask(f"/v1beta/models/{MODEL}:countTokens", body)
    assert upstream.asked[0][1] == body
