"""The emulator's own endpoints: what they do, and that nobody else may."""

from __future__ import annotations

import asyncio

import pytest

from emulator.driver import answer, ask, method_url, prompt, stream_url, text_of
from gemstream.emulator import Clock, Emulator, Pause, Rule, Script, WaitForAck

TOML = b'[[rule]]\n[[rule.step]]\nchunk = "scripted"\n'
JSON = b'{"rule": [{"step": [{"chunk": "scripted"}]}]}'


async def test_an_ack_releases_a_wait() -> None:
    emulator = Emulator(Script([Rule(steps=["a", WaitForAck(), "b"])]))
    talk = ask(emulator, stream_url(), prompt("x"))
    await talk.head()
    await talk.read()
    assert await answer(emulator, "/emulator/ack", {}) == (200, {})
    assert len(await talk.read_all()) == 1


@pytest.mark.parametrize(
    ("body", "content_type"), [(TOML, "application/toml"), (JSON, "application/json; a=b")]
)
async def test_a_script_is_replaced(body: bytes, content_type: str) -> None:
    emulator = Emulator()
    headers = {"content-type": content_type}
    said = await answer(emulator, "/emulator/script", body, headers=headers)
    assert said == (200, {"rules": 1})
    _, whole = await answer(emulator, method_url("generateContent"), prompt("x"))
    assert text_of([whole]) == "scripted"


async def test_a_body_that_is_too_large_is_no_script() -> None:
    status, _ = await answer(Emulator(), "/emulator/script", b"#" * (21 * 1024 * 1024))
    assert status == 400


async def test_a_bad_script_changes_nothing() -> None:
    emulator = Emulator(Script([Rule(steps=["old"])]))
    status, said = await answer(emulator, "/emulator/script", b"[[rulez]]")
    assert status == 400 and "rulez" in said["error"]["message"]
    assert len(emulator.script.rules) == 1


async def test_the_journal_is_shown_and_reset() -> None:
    emulator = Emulator(Script([Rule(steps=["a"])]))
    await answer(emulator, method_url("generateContent"), prompt("x"))
    _, shown = await answer(emulator, "/emulator/journal")
    assert [entry["end"] for entry in shown["entries"]] == ["finished"]
    emulator.ack()
    assert await answer(emulator, "/emulator/reset", {}) == (200, {})
    assert emulator.journal == [] and emulator.script == Script()


@pytest.mark.parametrize(
    ("client", "status"),
    [
        (("127.0.0.1", 1), 200),
        (("127.1.2.3", 1), 200),
        (("::1", 1), 200),
        (("192.0.2.1", 1), 403),
        (("testclient", 1), 403),
        (None, 403),
    ],
)
async def test_only_this_machine_is_answered(client: tuple[str, int] | None, status: int) -> None:
    assert (await answer(Emulator(), "/emulator/ack", {}, client=client))[0] == status


@pytest.mark.parametrize(("method", "name"), [("GET", "ack"), ("POST", "none"), ("POST", "")])
async def test_there_are_no_other_controls(method: str, name: str) -> None:
    assert (await answer(Emulator(), f"/emulator/{name}", {}, method=method))[0] == 404


async def test_the_clock_is_set_forward() -> None:
    emulator = Emulator(clock=Clock(scale=0, start=100))
    assert await answer(emulator, "/emulator/clock", {"advance": 2.5}) == (200, {})
    assert emulator.clock.now() == 102.5


async def test_a_pause_ends_when_the_clock_is_set_past_it() -> None:
    emulator = Emulator(Script([Rule(steps=["a", Pause(3600), "b"])]), clock=Clock(scale=0))
    talk = ask(emulator, stream_url(), prompt("x"))
    await talk.head()
    await talk.read()
    for _ in range(5):
        await asyncio.sleep(0)  # until it has begun to pause
    await answer(emulator, "/emulator/clock", {"advance": 3600})
    assert len(await talk.read_all()) == 1


BAD_ORDERS = [b"", b"{}", b"[]", b'{"advance": "1"}', b'{"advance": -1}', b'{"advanse": 1}', b"1"]


@pytest.mark.parametrize("body", BAD_ORDERS)
async def test_an_order_that_is_none_leaves_the_clock(body: bytes) -> None:
    emulator = Emulator(clock=Clock(scale=0, start=100))
    status, said = await answer(emulator, "/emulator/clock", body)
    assert status == 400 and '{"advance": seconds}' in said["error"]["message"]
    assert emulator.clock.now() == 100


@pytest.mark.parametrize(("tail", "models"), [("0", []), ("1", ["b"]), ("2", ["a", "b"])])
async def test_the_tail_of_the_journal(tail: str, models: list[str]) -> None:
    emulator = Emulator()
    for model in "ab":
        await answer(emulator, method_url("generateContent", model), prompt("x"))
    _, shown = await answer(emulator, f"/emulator/journal?tail={tail}")
    assert [entry["model"] for entry in shown["entries"]] == models


@pytest.mark.parametrize("tail", ["x", "-1", "1.5", "9" * 30])
async def test_a_tail_that_is_no_number_is_refused(tail: str) -> None:
    status, said = await answer(Emulator(), f"/emulator/journal?tail={tail}")
    assert status == 400 and "tail is" in said["error"]["message"]


async def test_limits_and_keys_come_with_a_script_and_go_with_a_reset() -> None:
    emulator = Emulator(clock=Clock(scale=0))
    body = b'{"limits": {"rpm": 1}, "keys": {"only": ["k"]}}'
    headers = {"content-type": "application/json"}
    await answer(emulator, "/emulator/script", body, headers=headers)
    url = method_url("generateContent")
    assert [(await answer(emulator, url, prompt("x")))[0] for _ in range(2)] == [200, 429]
    await answer(emulator, "/emulator/reset", {})
    await answer(emulator, "/emulator/script", body, headers=headers)
    assert (await answer(emulator, url, prompt("x")))[0] == 200
