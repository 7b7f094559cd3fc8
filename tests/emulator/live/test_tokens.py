"""Ephemeral tokens: made over HTTP, opening sessions until they are old or used up."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from emulator.live.live_client import MODEL, PATH, TEXT, live, said
from gemstream.emulator import Clock, Emulator, Keys, Rule, Script, Status, serving
from gemstream.emulator.journal import key_hash_of

DOOR = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
HANDLE = {"sessionResumption": {}}


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(clock=Clock(scale=0, start=1_800_000_000))


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


async def ask(url: str, path: str = "/v1alpha/auth_tokens", **fields: Any) -> tuple[int, Any]:
    """Return status and body of the answer to a wish for a token."""
    async with (
        aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session,
        session.post(url + path, json=fields) as response,
    ):
        return response.status, await response.json()


async def token(url: str, **fields: Any) -> str:
    status, body = await ask(url, **fields)
    assert (status, list(body)) == (200, ["name"]), body
    name: str = body["name"]
    assert name.startswith("auth_tokens/")
    return name


def at(emulator: Emulator, seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(emulator.clock.now() + seconds, datetime.UTC)
    return moment.isoformat()


def door(name: str) -> dict[str, Any]:
    """Return where and how a session is opened with a token in the address."""
    return {"path": f"{DOOR}?access_token={name}", "key": None}


async def refused(url: str, name: str, **setup: Any) -> tuple[int | None, str]:
    async with live(url, **door(name)) as client:
        await client.send(setup={"model": MODEL, **setup})
        return await client.closed()


@pytest.mark.parametrize("place", ["address", "header", "both"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_token_opens_a_session(
    url: str, emulator: Emulator, place: str, slash: str
) -> None:
    name = await token(url)
    path = slash + DOOR + ("" if place == "header" else f"?access_token={name}")
    headers = {} if place == "address" else {"authorization": f"Token {name}"}
    async with live(url, path, key=None, headers=headers) as client:
        assert await client.setup(**TEXT) == {"setupComplete": {}}
        await client.ask("Hi")
        assert said(await client.turn()) == "You said: Hi"
    await emulator.idle()
    made, turn, connection = emulator.journal
    assert (made.method, made.model) == ("auth_tokens.create", None)
    # What is done with a token is its key's.
    assert {made.key_hash, turn.key_hash, connection.key_hash} == {key_hash_of("k")}


async def test_names_differ_and_are_of_the_seed(url: str, emulator: Emulator) -> None:
    names = [await token(url), await token(url)]
    async with serving(Emulator()) as another:
        assert [await token(another), await token(another)] == names
    assert len(set(names)) == 2


async def test_a_token_opens_as_many_sessions_as_it_says(url: str) -> None:
    for uses, name in ((1, await token(url)), (2, await token(url, uses=2))):
        for _ in range(uses):
            async with live(url, **door(name)) as client:
                assert await client.setup() == {"setupComplete": {}}
        assert await refused(url, name) == (1008, "The ephemeral token is used up.")
    name = await token(url, uses=0)
    for _ in range(5):
        async with live(url, **door(name)) as client:
            assert await client.setup() == {"setupComplete": {}}


async def test_a_setup_that_is_refused_uses_nothing(url: str) -> None:
    name = await token(url)
    assert (await refused(url, name, model="models/x"))[0] == 1008
    async with live(url, **door(name)) as client:
        assert await client.setup() == {"setupComplete": {}}


async def test_resuming_is_no_use_and_may_be_late(url: str, emulator: Emulator) -> None:
    name, other = await token(url), await token(url)
    async with live(url, **door(name)) as client:
        await client.setup(**TEXT, **HANDLE)
        await client.ask("One")
        await client.turn()
        handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    emulator.advance(120)  # for new sessions it is too late
    assert (await refused(url, other))[1] == "The ephemeral token opens no new sessions any more."
    resuming = {"sessionResumption": {"handle": handle}}
    # The session is the key's: any token of it and the key itself resume it.
    for where in (door(name), door(other), {}):
        async with live(url, **where) as client:
            assert await client.setup(**TEXT, **resuming) == {"setupComplete": {}}
            await client.ask("Two")
            assert (await client.turn())[-1]["usageMetadata"]["promptTokenCount"] == 1 + 4 + 1
    made_up = {"sessionResumption": {"handle": "made up"}}
    assert await refused(url, name, **made_up) == (1008, "BidiGenerateContent session not found")


async def test_a_token_has_its_times(url: str, emulator: Emulator) -> None:
    name = await token(
        url, uses=0, expireTime=at(emulator, 300), newSessionExpireTime=at(emulator, 100)
    )
    emulator.advance(99)
    async with live(url, **door(name)) as client:
        await client.setup(**TEXT)
        emulator.advance(1)
        late = await refused(url, name)
        assert late == (1008, "The ephemeral token opens no new sessions any more.")
        emulator.advance(199)
        await client.ask("Hi")
        assert said(await client.turn()) == "You said: Hi"
        emulator.advance(1)
        await client.ask("Hi again")
        assert await client.closed() == (1008, "The ephemeral token has expired.")
    assert await refused(url, name, **HANDLE) == (1008, "The ephemeral token has expired.")


async def test_the_times_that_nobody_sets(url: str, emulator: Emulator) -> None:
    name = await token(url, uses=0)
    emulator.advance(59)
    async with live(url, **door(name)) as client:
        await client.setup(**TEXT)
        emulator.advance(1)
        assert (await refused(url, name))[1].startswith("The ephemeral token opens no new")
        emulator.advance(30 * 60 - 61)
        await client.ask("Hi")
        assert said(await client.turn()) == "You said: Hi"
        emulator.advance(1)
        await client.ask("Hi")
        assert (await client.closed())[1] == "The ephemeral token has expired."


LOCKED = {"model": MODEL, **TEXT, "systemInstruction": {"parts": [{"text": "Be brief."}]}}


@pytest.mark.parametrize(
    ("mask", "setup", "is_spoken"),
    [
        (None, {"model": "models/nobody"}, False),
        (None, {}, False),
        ("model", {"model": "models/nobody"}, True),
        ("model,generationConfig.responseModalities", {"model": "models/nobody"}, False),
        (
            "generation_config.response_modalities",
            {"model": MODEL, "generationConfig": {"responseModalities": ["AUDIO"]}},
            False,
        ),
    ],
)
async def test_what_is_locked_is_the_token_s(
    url: str, mask: str | None, setup: dict[str, Any], is_spoken: bool
) -> None:
    fields = {} if mask is None else {"fieldMask": mask}
    name = await token(url, bidiGenerateContentSetup=LOCKED, **fields)
    async with live(url, **door(name)) as client:
        await client.send(setup=setup)
        assert await client.next() == {"setupComplete": {}}
        await client.ask("Hi")
        messages = await client.turn()
    assert (said(messages) == "") is is_spoken
    # Three tokens of the locked instruction are asked along.
    asked = messages[-1]["usageMetadata"]["promptTokenCount"]
    assert asked == (1 if mask else 1 + 3)


async def test_the_order_of_the_session_is_that_of_the_setup_that_holds(url: str) -> None:
    begins = {"historyConfig": {"initialHistoryInClientContent": True}}
    name = await token(url, bidiGenerateContentSetup={"model": MODEL, **TEXT, **begins})
    async with live(url, **door(name)) as client:
        await client.send(setup={})
        await client.next()
        await client.ask("Long ago")
        await client.ask("And now?")
        assert said(await client.turn()) == "You said: And now?"


@pytest.mark.parametrize("frame", ["{", "\ud800", '{"clientContent": {}}'])
async def test_garbage_for_a_setup_is_told_as_ever(url: str, frame: str) -> None:
    name = await token(url)
    async with live(url, **door(name)) as client:
        if frame.isascii():
            await client.socket.send_str(frame)
        else:
            await client.socket.send_bytes(frame.encode("utf-8", "surrogatepass"))
        assert (await client.closed())[0] == 1007


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "fewer than none": ({"uses": -1}, "auth_token.uses: -1"),
    "too many": ({"uses": 2**31}, "auth_token.uses"),
    "no number": ({"uses": "many"}, "Invalid value at 'uses'"),
    "no time": ({"expireTime": "tomorrow"}, "Invalid value at 'auth_token.expire_time', \"tomor"),
    "no zone": ({"expireTime": "2027-01-15T08:00:01"}, "'auth_token.expire_time'"),
    "past": ({"newSessionExpireTime": -1}, "new_session_expire_time: must be in the future"),
    "now": ({"expireTime": 0}, "expire_time: must be in the future"),
    "in 20 hours": ({"expireTime": 20 * 3600}, "less than 20 hours ahead"),
    "a stranger": ({"life": 1}, 'Unknown name "life"'),
    "a stranger inside": ({"bidiGenerateContentSetup": {"a": 1}}, 'Unknown name "a"'),
    "no field": ({"fieldMask": "model,temper"}, "field_mask: temper is no field"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_wish_that_cannot_be_is_refused(url: str, emulator: Emulator, case: str) -> None:
    fields, words = BAD[case]
    times = {
        name: at(emulator, value)
        for name, value in fields.items()
        if name.endswith("Time") and not isinstance(value, str)
    }
    status, body = await ask(url, **{**fields, **times})
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in body["error"]["message"]


async def test_just_below_twenty_hours_is_taken(url: str, emulator: Emulator) -> None:
    await token(url, expireTime=at(emulator, 20 * 3600 - 1))


async def test_only_one_version_makes_them_and_only_for_a_key(url: str, emulator: Emulator) -> None:
    assert (await ask(url, "/v1beta/auth_tokens"))[0] == 404
    emulator.script = Script(keys=Keys(only=["another"]))
    status, body = await ask(url)
    assert (status, body["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")


async def test_a_script_can_refuse_to_make_one(url: str, emulator: Emulator) -> None:
    steps = [Status(code=503)]
    emulator.script = Script([Rule(method="auth_tokens.create", request=1, steps=steps)])
    assert (await ask(url))[0] == 503
    await token(url)


async def test_what_is_no_token_opens_nothing(url: str) -> None:
    unknown = (1008, "The ephemeral token is not valid.")
    assert await refused(url, "auth_tokens/unknown") == unknown
    for key in ("k", None):
        async with live(url, DOOR, key=key) as client:
            await client.send(setup={"model": MODEL})
            code, reason = await client.closed()
            assert (code, reason[:50]) == (
                1008,
                "Method doesn't allow unregistered callers (callers",
            )


async def test_a_reset_forgets_tokens(url: str, emulator: Emulator) -> None:
    name = await token(url)
    emulator.reset()
    assert await refused(url, name) == (1008, "The ephemeral token is not valid.")


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"x-goog-api-key": "{}"}, "", 400),
        ({}, "?key={}", 400),
        ({"authorization": "Bearer {}"}, "", 401),
        ({"authorization": "Token {}"}, "", 403),
        ({}, "?access_token={}", 403),
    ],
)
async def test_a_token_is_for_its_door_only(
    url: str, headers: dict[str, str], query: str, status: int
) -> None:
    name = await token(url)
    headers = {key: value.format(name) for key, value in headers.items()}
    query = query.format(name)
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url + path + query, json=body) as response,
    ):
        assert response.status == status
    async with live(url, PATH + query, key=None, headers=headers) as client:
        await client.send(setup={"model": MODEL})
        assert (await client.closed())[0] == (1007 if status == 400 else 1008)
