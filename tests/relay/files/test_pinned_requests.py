"""A request that names files goes to the account that has them, in every dialect, or nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator
from relay.files.test_files import KEYS, OTHER_KEY, service, uploaded
from support.relayed import MODEL, RELAY_KEY, Relayed, Watched, relayed

GENERATE = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
COUNT = f"/v1beta/models/{MODEL}:countTokens"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta"


def named(*uris: str, spelling: tuple[str, str] = ("fileData", "fileUri")) -> dict[str, Any]:
    data, uri = spelling
    parts = [{data: {"mimeType": "text/plain", uri: each}} for each in uris]
    return {"contents": [{"role": "user", "parts": [*parts, {"text": "What is this?"}]}]}


def openai(uri: str) -> dict[str, Any]:
    content = [{"type": "file", "file": {"file_id": uri}}, {"type": "text", "text": "?"}]
    return {"model": MODEL, "messages": [{"role": "user", "content": content}]}


def anthropic(uri: str) -> dict[str, Any]:
    source = {"type": "url", "url": f"{GOOGLE}/{uri}"}
    content = [{"type": "document", "source": source}, {"type": "text", "text": "?"}]
    messages = [{"role": "user", "content": content}]
    return {"model": MODEL, "max_tokens": 50, "messages": messages}


async def _apart(house: Relayed) -> tuple[str, str]:
    """Bring one file to each account, by the key that may use both, and return their names."""
    first = (await uploaded(house))["name"]
    (row,) = (await house.rows())[-1:]
    other = {"one": "two", "two": "one"}[row["account"]]
    await house.relay.parts.pins.add("team-a", "files/elsewhere", other)
    return first, "files/elsewhere"


@pytest.mark.parametrize("path", [GENERATE, STREAM, COUNT])
async def test_it_goes_where_the_file_is(tmp_path: Path, path: str) -> None:
    one, two = service("one"), service("two")
    async with relayed(tmp_path, one, two) as house:
        first, elsewhere = await _apart(house)
        for name in (first, elsewhere) * 3:
            answer = await house.ask(path, named(f"http://one/v1beta/{name}"))
            assert answer.status == 200, answer.body
        rows = await house.rows()
    homes = [row["account"] for row in rows[2:]]
    assert homes[0] != homes[1]
    assert homes == homes[:2] * 3


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/chat/completions", openai),
        ("/v1/messages", anthropic),
    ],
)
async def test_the_other_dialects_likewise(tmp_path: Path, path: str, form: Any) -> None:
    one, two = service("one"), service("two")
    async with relayed(tmp_path, one, two, keys=KEYS) as house:
        first, elsewhere = await _apart(house)
        for name in (first, elsewhere) * 2:
            answer = await house.ask(path, form(name))
            assert answer.status == 200, answer.body
        rows = await house.rows()
        theirs = await house.ask(path, form(first), key=OTHER_KEY)
        assert len(await house.rows()) == len(rows)
    homes = [row["account"] for row in rows[2:]]
    assert homes[0] != homes[1] and homes == homes[:2] * 2
    assert theirs.status == 404


@pytest.mark.parametrize(
    "body",
    [
        named("{}"),
        named("{}", spelling=("file_data", "file_uri")),
        named("{}", spelling=("fileData", "file_uri")),
        {"systemInstruction": {"parts": [{"fileData": {"fileUri": "{}"}}]}, **named()},
    ],
)
@pytest.mark.parametrize(
    "uri",
    [
        f"{GOOGLE}/files/ID",
        "http://one/v1beta/files/ID",
        "files/ID",
        "https://x.googleapis.com/v1/%66iles/ID",
        f"{GOOGLE}/files/ID?alt=media",
    ],
)
async def test_anothers_file_is_not_there(tmp_path: Path, body: Any, uri: str) -> None:
    one = Watched(service())  # type: ignore[arg-type]
    async with relayed(tmp_path, one, keys=KEYS) as house:
        name = (await uploaded(house))["name"]
        written = uri.replace("ID", name.removeprefix("files/"))
        seen = len(one.heads)
        data = _encoded(body).replace(b"{}", written.encode())
        theirs = await house.ask(GENERATE, data, key=OTHER_KEY)
        assert len(one.heads) == seen
        assert (await house.ask(GENERATE, data)).status == 200
    assert theirs.status == 404
    assert name in theirs.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a\\u0000", "a%00", "' OR 1=1 --", "a" * 500, "é"])
async def test_what_can_be_no_name_is_not_there(tmp_path: Path, name: str) -> None:
    body = '{"contents":[{"parts":[{"fileData":{"fileUri":"files/NAME"}}]}]}'
    async with relayed(tmp_path, service()) as house:
        answer = await house.ask(GENERATE, body.replace("NAME", name).encode())
        rows = await house.rows()
    assert (answer.status, rows) == (404, [])
    assert answer.json()["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "hidden",
    [
        rb'{"contents":[{"parts":[{"file\u0044ata":{"fileUri":"NAME"}}]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"file\u0055ri":"NAME"}}]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"fileUri":"f\u0069les\/ID"}}]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"fileUri":"NAME","fileUri":"gs://x"}}]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"fileUri":"NAME"},"fileData":null}]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"fileUri":"NAME"}}]}],"contents":[{"parts":[]}]}',
        rb'{"contents":[{"parts":[{"fileData":{"fileUri":"files/\u0000"}},'
        rb'{"fileData":{"fileUri":"NAME"}}]}]}',
        rb'{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{},'
        rb'"parts":[{"fileData":{"fileUri":"NAME"}}]}}]}]}',
    ],
)
async def test_a_name_hides_nowhere(tmp_path: Path, hidden: bytes) -> None:
    one = Watched(service())  # type: ignore[arg-type]
    async with relayed(tmp_path, one, keys=KEYS) as house:
        name = (await uploaded(house))["name"]
        seen = len(one.heads)
        body = hidden.replace(b"NAME", name.encode()).replace(b"ID", name[6:].encode())
        theirs = await house.ask(GENERATE, body, key=OTHER_KEY)
        assert len(one.heads) == seen
    assert theirs.status == 404


async def test_files_of_two_accounts_cannot_be_named_together(tmp_path: Path) -> None:
    one, two = service("one"), service("two")
    async with relayed(tmp_path, one, two) as house:
        first, elsewhere = await _apart(house)
        answer = await house.ask(GENERATE, named(first, elsewhere))
        rows = await house.rows()
    assert answer.status == 400
    assert "upload both again" in answer.json()["error"]["message"]
    assert [row["operation"] for row in rows] == ["files.start", "files.upload"]


async def test_a_keys_files_go_to_one_account(tmp_path: Path) -> None:
    one, two = service("one"), service("two")
    async with relayed(tmp_path, one, two) as house:
        names = [(await uploaded(house))["name"] for _ in range(4)]
        answer = await house.ask(GENERATE, named(*names))
    assert answer.status == 200
    assert sorted([len(one.files), len(two.files)]) == [0, 4]


async def test_a_cache_of_nobody_is_not_there(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        answer = await house.ask(GENERATE, {**named(), "cachedContent": "cachedContents/abc"})
        await house.relay.parts.pins.add("team-a", "cachedContents/abc", "one")
        mine = await house.ask(GENERATE, {**named(), "cachedContent": "cachedContents/abc"})
    assert answer.status == 404
    assert mine.status != 404 or "not there: it was" not in mine.json()["error"]["message"]


async def test_a_key_that_lost_the_account_lost_the_file(tmp_path: Path) -> None:
    keys = (KeyOptions(name="team-a", key=RELAY_KEY, accounts=("one",)),)
    async with relayed(tmp_path, service("one"), service("two"), keys=keys) as house:
        name = (await uploaded(house))["name"]
        await house.relay.parts.pins.add("team-a", "files/two", "two")
        assert (await house.ask(f"/v1beta/{name}")).status == 200
        assert (await house.ask("/v1beta/files/two")).status == 404
        assert (await house.ask(GENERATE, named("files/two"))).status == 404


@pytest.mark.parametrize(
    "body",
    [
        named("https://example.com/files/report.pdf"),
        named("https://www.youtube.com/watch?v=abc"),
        named("gs://bucket/files/abc"),
        {
            "contents": [
                {"role": "user", "parts": [{"text": "see"}]},
                {
                    "role": "model",
                    "parts": [
                        {
                            "functionCall": {
                                "name": "f",
                                "args": {"fileData": {"fileUri": "files/x"}},
                            }
                        }
                    ],
                },
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "f", "response": {"ok": True}}}],
                },
            ]
        },
        {"contents": [{"role": "user", "parts": [{"text": 'say "fileData": "files/x" \\u0044'}]}]},
    ],
)
async def test_what_is_no_file_of_the_service_passes(tmp_path: Path, body: Any) -> None:
    async with relayed(tmp_path, Emulator()) as house:
        assert (await house.ask(GENERATE, body)).status != 404


def _encoded(body: Any) -> bytes:
    return msgspec.json.encode(body)
