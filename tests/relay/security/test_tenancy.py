"""What belongs to one caller is nobody else's: signatures, answers, books, sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator
from gemstream.relay.keys.book import Credential
from gemstream.relay.keys.key import Key
from gemstream.relay.ledger.attempt_row import attempts_of
from gemstream.relay.signatures import Signatures
from gemstream.wire.dialect.signature import SignatureWrite
from relay.security.door import SURFACES, body_of
from relay.security.test_bodies import Spy
from support.peers import respond
from support.relayed import relayed

ONE, TWO = "the-key-of-tenant-one-long-enough", "the-key-of-tenant-two-long-enough"
KEYS = (KeyOptions(name="one", key=ONE), KeyOptions(name="two", key=TWO))
SIGNATURE = "c2lnbmF0dXJlLW9mLXRlbmFudC1vbmU="
MODEL = "gemini-3-pro-preview"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


class Signing:
    """An upstream that calls a function under a signature; ``bodies``: what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": SIGNATURE}
        answer = {
            "candidates": [
                {"content": {"parts": [call], "role": "model"}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1},
        }
        await respond(
            send, msgspec.json.encode(answer), headers={"content-type": "application/json"}
        )


async def test_a_signature_comes_back_to_its_tenant_alone(tmp_path: Path) -> None:
    upstream = Signing()
    question = {"role": "user", "content": "call f"}
    async with relayed(tmp_path, upstream, keys=KEYS) as house:
        body = {"model": MODEL, "messages": [question], "tools": TOOLS}
        answer = await house.ask(SURFACES["openai"], body, key=ONE)
        (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
        plain = {"id": call["id"], "type": "function", "function": call["function"]}
        result = {"role": "tool", "tool_call_id": call["id"], "content": "1"}
        turns = [question, {"role": "assistant", "tool_calls": [plain]}, result]
        for key in (ONE, TWO):
            await house.ask(SURFACES["openai"], {**body, "messages": turns}, key=key)
    _, of_one, of_two = upstream.bodies
    assert SIGNATURE.encode() in of_one
    assert SIGNATURE.encode() not in of_two


def test_signatures_of_one_key_are_found_by_no_other() -> None:
    kept = Signatures()
    kept.of_key("one").keep([SignatureWrite(model=MODEL, call_id="c", text="t", value="s")])
    assert kept.of_key("one").of_call("c") == kept.of_key("one").of_text("t") == "s"
    for other in ("two", "", "one ", "on"):
        assert kept.of_key(other).of_call("c") is None
        assert kept.of_key(other).of_text("t") is None


@pytest.mark.parametrize("surface", SURFACES)
async def test_the_same_prompt_of_two_tenants_is_asked_twice(surface: str, tmp_path: Path) -> None:
    upstream = Spy(Emulator())
    async with relayed(tmp_path, upstream, keys=KEYS) as house:
        for key in (ONE, TWO):
            answer = await house.ask(SURFACES[surface], body_of(surface), key=key)
            assert answer.status == 200
        rows = await house.rows()
    assert len(upstream.asked) == 2
    assert [row["key_id"] for row in rows] == ["one", "two"]


async def test_a_request_is_found_in_the_books_by_its_own_key_alone(tmp_path: Path) -> None:
    async with relayed(tmp_path, keys=KEYS) as house:
        answer = await house.ask(SURFACES["gemini"], body_of("gemini"), key=ONE)
        await house.rows()
        database = house.relay.parts.database
        id = answer.headers["x-request-id"]
        assert len(await attempts_of(database, id, "one")) == 1
        strange = (("two", id), ("one", id[:-1]), ("one", "%"), ("%", id), ("one", "_" * 28))
        for other, asked in strange:
            assert await attempts_of(database, asked, other) == ()


async def test_a_stored_key_takes_no_configured_ones_name(tmp_path: Path) -> None:
    """Books, limits and signatures go by the id: two keys of one id would share them."""
    async with relayed(tmp_path, keys=KEYS) as house:
        book = house.relay.parts.book
        digest = bytes(32)
        forged = Credential(key=Key(id="one", name="other"), digest=digest, pepper=1)
        assert book.replace_stored((forged,)) == ("one",)
        found = book.of("one")
    assert found is not None
    assert found.name == "one"
