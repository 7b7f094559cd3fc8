"""The emulator's own endpoints: what they do, and that nobody else may."""

from __future__ import annotations

import pytest

from emulator.driver import answer, ask, method_url, prompt, stream_url, text_of
from gemstream.emulator import Emulator, Rule, Script, WaitForAck

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
