"""Anything at all at the relay's door: never an error inside, never a hang, never a traceback."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.config.relay.options import ServerOptions
from gemstream.emulator import Emulator
from relay.security.door import SURFACES, Door, Reply, a_request, body_of, door
from relay.server.served import GUARD, called
from support.relayed import MODEL, RELAY_KEY, Relayed, relayed
from support.strategies import calm

BODY = msgspec.json.encode(body_of("gemini"))
# What is answered to whatever a caller does; 5xx are no business of its own bytes but for these.
CALLERS_OWN = {200, 400, 401, 403, 404, 405, 408, 413, 414, 415, 417, 429, 431, 501, 505}
# As long as a caller who sends no more is listened to; it decides how long a test takes, no more.
_QUIET = 0.1

REQUESTS = (
    *(a_request("POST", target, body=BODY) for target in SURFACES.values()),
    a_request("GET", f"/v1beta/models?key={RELAY_KEY}&pageSize=3", key=None),
    a_request("GET", f"/openai/models/{MODEL}", f"Authorization: Bearer {RELAY_KEY}", key=None),
    a_request("POST", f"http://a{SURFACES['gemini']}", "Expect: 100-continue", body=BODY),
    a_request("POST", SURFACES["gemini"]).replace(
        b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%b\r\n0\r\n\r\n"
        % (len(BODY), BODY)
    ),
)  # fmt: skip
PIECES = st.one_of(
    st.binary(max_size=4),
    st.sampled_from(
        (b"\r\n", b"\n", b"\0", b":", b" ", b"\t", b"\r\n\r\n", b"%2e%2e%2f", b"..", b"//", b"?",
         b"#", b"*", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1\r\n", b"HTTP/1.0",
         b"Host: a/?x=\r\n", b"Upgrade: h2c\r\n", b"\xff\xfe", b"GET / HTTP/1.1\r\n\r\n",
         b"0\r\n\r\n", b"CONNECT ")
    ),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request with a few places changed, cut, repeated or filled in."""
    data = draw(st.sampled_from(REQUESTS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 12)))
        data = data[:at] + draw(PIECES) + data[end:]
    return data


async def heard(port: int, data: bytes) -> Reply:
    """Send ``data``, wait a moment, end the sending, and return all that came."""
    said = b""
    async with called(port) as caller:
        try:
            await caller.send(data)
            async with asyncio.timeout(GUARD):
                try:
                    async with asyncio.timeout(_QUIET):
                        said += await caller.reader.read(1 << 16)
                except TimeoutError:
                    pass
                if caller.writer.can_write_eof():
                    caller.writer.write_eof()
                while piece := await caller.reader.read(1 << 16):
                    said += piece
        except (ConnectionError, OSError):
            pass
    return Reply(said)


def statuses(said: bytes) -> list[int]:
    """Return the codes of all answers in ``said``."""
    return [int(line[9:12]) for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Door]]:
    """A door that stays open for all examples of a test."""
    options = ServerOptions(header_timeout=1.0, max_body=1 << 20)
    with asyncio.Runner() as runner:
        opened = door(tmp_path, Emulator(), server=options)
        yield runner, runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


Opened = tuple[asyncio.Runner, Door]


def test_any_bytes_at_the_door(at: Opened, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    runner, opened = at

    @settings(calm, max_examples=150)
    @given(st.one_of(requests(), requests(), st.binary(max_size=300)))
    def survives(data: bytes) -> None:
        caplog.clear()
        said = runner.run(heard(opened.port, data)).raw
        assert set(statuses(said)) <= CALLERS_OWN | {100}
        assert b"Traceback" not in said
        assert "Traceback" not in caplog.text
        assert not any(record.levelno >= logging.ERROR for record in caplog.records)

    survives()
    assert runner.run(opened.knock(REQUESTS[0])).status == 200


HEADERS = ("Authorization", "X-Goog-Api-Key", "X-Api-Key", "Content-Type", "Content-Length",
           "Accept-Language", "X-Goog-Api-Client", "X-Session-Id", "Anthropic-Version", "Host",
           "X-Forwarded-For", "Accept", "Cookie", "Traceparent", "X-Request-Id")  # fmt: skip
VALUES = st.binary(max_size=40).filter(lambda value: not set(value) & set(b"\r\n"))


def test_any_value_in_any_header(at: Opened, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    runner, opened = at

    @settings(calm, max_examples=150)
    @given(
        st.sampled_from(HEADERS),
        st.one_of(VALUES, VALUES.map(lambda value: b"Bearer " + value)),
        st.sampled_from(list(SURFACES.values())),
        st.sampled_from([None, RELAY_KEY]),
    )
    def survives(name: str, value: bytes, target: str, key: str | None) -> None:
        caplog.clear()
        header = f"{name}: {value.decode('latin-1')}"
        said = runner.run(heard(opened.port, a_request("POST", target, header, body=BODY, key=key)))
        assert set(statuses(said.raw)) <= CALLERS_OWN
        assert key is not None or 200 not in statuses(said.raw)
        assert "Traceback" not in caplog.text
        assert b"Traceback" not in said.raw

    survives()


# Each with most of what its dialect knows, so that every reader of a field is reached.
QUESTIONS: dict[str, dict[str, Any]] = msgspec.json.decode(
    Path(__file__).with_name("questions.json").read_bytes()
)
TARGETS = {
    **{surface: [SURFACES[surface]] for surface in ("openai",)},
    "gemini": [
        SURFACES["gemini"],
        SURFACES["gemini stream"],
        f"/v1beta/models/{MODEL}:countTokens",
    ],
    "anthropic": [SURFACES["anthropic"], "/v1/messages/count_tokens"],
}
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20), st.sampled_from(["", "text", "tool", "auto", "data:,", "files/../x"]),
        st.just(10**30),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


def _places(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield so_far
    if isinstance(value, list):
        value = dict(enumerate(value))
    for name, one in value.items() if isinstance(value, dict) else ():
        yield from _places(one, (*so_far, name))


@st.composite
def changed(draw: st.DrawFn, body: dict[str, Any]) -> Any:
    """Return ``body`` with a few of its places, deep ones too, taken by anything or left out."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(body) if place]
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        holder: Any = body
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            holder[last] = draw(ANYTHING)
        else:
            del holder[last]
    return body


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Relayed]]:
    """A relay with two accounts that stays open for all examples of a test."""
    with asyncio.Runner() as runner:
        opened = relayed(tmp_path, Emulator(), Emulator())
        yield runner, runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


@pytest.mark.parametrize("surface", QUESTIONS)
def test_any_body_of_a_dialect(
    surface: str, house: tuple[asyncio.Runner, Relayed], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    runner, opened = house

    @settings(calm, max_examples=200)
    @given(changed(QUESTIONS[surface]), st.sampled_from(TARGETS[surface]))
    def survives(body: Any, target: str) -> None:
        caplog.clear()
        answer = runner.run(opened.ask(target, msgspec.json.encode(body), method="POST"))
        assert answer.status in CALLERS_OWN, answer.body
        assert "Traceback" not in caplog.text

    survives()


@pytest.mark.parametrize("surface", QUESTIONS)
def test_any_text_in_the_place_of_a_body(
    surface: str, house: tuple[asyncio.Runner, Relayed], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    runner, opened = house
    good = msgspec.json.encode(QUESTIONS[surface])

    @settings(calm, max_examples=150)
    @given(
        st.integers(0, len(good)),
        st.integers(0, 8),
        st.one_of(PIECES, st.sampled_from([b"\\ud800", b"1e999", b"9" * 400, b"NaN", b"\\u0000"])),
    )
    def survives(at: int, size: int, piece: bytes) -> None:
        caplog.clear()
        body = good[:at] + piece + good[at + size :]
        answer = runner.run(opened.ask(TARGETS[surface][0], body, method="POST"))
        assert answer.status in CALLERS_OWN, answer.body
        assert "Traceback" not in caplog.text

    survives()
