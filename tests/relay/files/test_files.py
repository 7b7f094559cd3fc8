"""Files pass through to the account that keeps them, and are seen by the key that brought them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator import Emulator
from gemstream.net.transport import Deadlines, HTTPRequest
from support.files_service import GRANULARITY, FilesService
from support.relayed import MODEL, RELAY_KEY, Answered, Relayed, relayed

OTHER_KEY = "a-key-of-team-b-for-tests-only"
KEYS = (KeyOptions(name="team-a", key=RELAY_KEY), KeyOptions(name="team-b", key=OTHER_KEY))
UPLOAD = "/upload/v1beta/files"


def service(name: str = "one") -> FilesService:
    return FilesService(Emulator(), f"http://{name}")


def start_headers(size: int, mime_type: str = "text/plain") -> dict[str, str]:
    return {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(size),
        "x-goog-upload-header-content-type": mime_type,
        "host": "relay.test:8080",
    }


def command(words: str, offset: int | None = None) -> dict[str, str]:
    told = {"x-goog-upload-command": words}
    return told if offset is None else {**told, "x-goog-upload-offset": str(offset)}


async def started(
    house: Relayed, size: int, *, key: str = RELAY_KEY, path: str = UPLOAD, **file: Any
) -> str:
    """Begin an upload and return the path and query of its address."""
    answer = await house.ask(path, {"file": file}, key=key, headers=start_headers(size))
    assert answer.status == 200, answer.body
    url = urlsplit(answer.headers["x-goog-upload-url"])
    return f"{url.path}?{url.query}"


async def sent(house: Relayed, at: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Send to an upload as the SDK does, without a key."""
    return await house.ask(at, body, key=None, method="POST", headers=headers)


async def uploaded(house: Relayed, body: bytes = b"abc", **options: Any) -> dict[str, Any]:
    """Upload a file whole and return what the service says of it."""
    at = await started(house, len(body), **options)
    answer = await sent(house, at, body, command("upload, finalize", 0))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()["file"]
    return found


async def test_an_upload_in_parts_goes_to_one_account(tmp_path: Path) -> None:
    one, two = service("one"), service("two")
    part, rest = b"x" * GRANULARITY, b"the end"
    async with relayed(tmp_path, one, two, keys=KEYS) as house:
        at = await started(house, len(part + rest), displayName="notes")
        first = await sent(house, at, part, command("upload", 0))
        asked = await sent(house, at, b"", command("query"))
        last = await sent(house, at, rest, command("upload, finalize", len(part)))
        rows = await house.rows()
    assert first.headers["x-goog-upload-status"] == "active"
    assert asked.headers["x-goog-upload-size-received"] == str(GRANULARITY)
    assert last.headers["x-goog-upload-status"] == "final"
    (home,) = [each for each in (one, two) if each.seen]
    assert list(home.files.values()) == [last.json()["file"]]
    assert last.json()["file"]["sizeBytes"] == str(GRANULARITY + 7)
    assert last.json()["file"]["uri"].startswith(home.origin)
    assert [row["operation"] for row in rows] == ["files.start", *["files.upload"] * 3]
    assert {(row["status"], row["key_id"], row["total_tokens"]) for row in rows} == {
        ("ok", "team-a", None)
    }


async def test_the_address_is_the_relays_and_tells_nothing(tmp_path: Path) -> None:
    async with relayed(tmp_path, service(), keys=KEYS) as house:
        answer = await house.ask(UPLOAD, {"file": {}}, headers=start_headers(3))
        again = await house.ask(UPLOAD, {"file": {}}, headers=start_headers(3))
    url = urlsplit(answer.headers["x-goog-upload-url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"http://relay.test:8080{UPLOAD}"
    assert answer.headers["x-goog-upload-control-url"] == answer.headers["x-goog-upload-url"]
    assert parse_qs(url.query)["upload_protocol"] == ["resumable"]
    assert answer.headers["x-goog-upload-url"] != again.headers["x-goog-upload-url"]
    assert "up0" not in answer.headers["x-goog-upload-url"]
    assert "one" not in parse_qs(url.query)["upload_id"]


async def test_the_address_is_the_one_of_the_options(tmp_path: Path) -> None:
    server = ServerOptions(public_url="https://gemini.example.com")
    async with relayed(tmp_path, service(), server=server) as house:
        path = f"/gemini{UPLOAD}"
        answer = await house.ask(path, {"file": {}}, headers=start_headers(3))
    assert answer.headers["x-goog-upload-url"].startswith(
        "https://gemini.example.com/gemini/upload/v1beta/files?upload_id="
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere/upload/v1beta/files?upload_id=up0",
        "http://one:81/upload/v1beta/files?upload_id=up0",
        "https://one/upload/v1beta/files?upload_id=up0",
        "http://user@one/upload/v1beta/files?upload_id=up0",
        "http://one\\@elsewhere/upload",
        "/upload/v1beta/files?upload_id=up0",
        "file:///etc/passwd",
    ],
)
async def test_an_upload_address_of_another_host_is_refused(tmp_path: Path, url: str) -> None:
    one = service()
    one.upload_url = url
    async with relayed(tmp_path, one) as house:
        answer = await house.ask(UPLOAD, {"file": {}}, headers=start_headers(3))
    assert answer.status == 502
    assert "x-goog-upload-url" not in answer.headers
    assert url.encode() not in answer.body


async def test_a_wrong_offset_says_how_the_upload_stands(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        at = await started(house, 3)
        answer = await sent(house, at, b"abc", command("upload, finalize", 7))
        mended = await sent(house, at, b"abc", command("upload, finalize", 0))
    assert (answer.status, answer.headers["x-goog-upload-status"]) == (400, "active")
    assert answer.json()["error"]["message"] == "Invalid offset"
    assert mended.json()["file"]["sizeBytes"] == "3"


async def test_a_cancelled_upload_is_over(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        at = await started(house, 3)
        cancelled = await sent(house, at, b"", command("cancel"))
        late = await sent(house, at, b"abc", command("upload, finalize", 0))
    assert cancelled.headers["x-goog-upload-status"] == "cancelled"
    assert late.status == 404


async def test_finalizing_apart_and_again(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        at = await started(house, GRANULARITY)
        await sent(house, at, b"x" * GRANULARITY, command("upload", 0))
        first = await sent(house, at, b"", command("finalize"))
        again = await sent(house, at, b"", command("finalize"))
        name = first.json()["file"]["name"]
        assert (await house.ask(f"/v1beta/{name}")).status == 200
    assert first.body == again.body


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"x-goog-upload-protocol": "multipart"}),
        ("?uploadType=multipart", {}),
        ("", {"x-goog-upload-protocol": "raw"}),
    ],
)
async def test_a_whole_file_in_one_request(
    tmp_path: Path, query: str, headers: dict[str, str]
) -> None:
    one = service()
    async with relayed(tmp_path, one) as house:
        told = {**headers, "content-type": "multipart/related; boundary=b"}
        answer = await house.ask(f"{UPLOAD}{query}", b"--b--", headers=told)
        name = answer.json()["file"]["name"]
        assert (await house.ask(f"/v1beta/{name}")).json() == one.files[name]
    assert one.files[name]["mimeType"] == "multipart/related; boundary=b"


async def test_metadata_alone_makes_a_file(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        made = await house.ask("/v1beta/files", {"file": {"displayName": "x"}})
        name = made.json()["file"]["name"]
        assert (await house.ask(f"/v1beta/{name}")).json()["displayName"] == "x"


async def test_a_file_is_fetched_downloaded_and_deleted(tmp_path: Path) -> None:
    one = service()
    async with relayed(tmp_path, one) as house:
        name = (await uploaded(house))["name"]
        told = await house.ask(f"/v1beta/{name}")
        bytes_of = await house.ask(f"/v1beta/{name}:download?alt=media")
        deleted = await house.ask(f"/v1beta/{name}", method="DELETE")
        after = await house.ask(f"/v1beta/{name}")
        rows = await house.rows()
    assert told.json()["name"] == name
    assert (bytes_of.status, bytes_of.body) == (200, b"bytes of " + name.encode())
    assert bytes_of.headers["content-type"] == "video/mp4"
    assert (deleted.status, deleted.body, one.files) == (200, b"{}", {})
    assert after.status == 404
    assert [row["operation"] for row in rows][2:] == ["files.get", "files.download", "files.delete"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("GET", ":download?alt=media")],
)
async def test_anothers_file_is_not_there(tmp_path: Path, method: str, path: str) -> None:
    one = service()
    async with relayed(tmp_path, one, keys=KEYS) as house:
        name = (await uploaded(house))["name"]
        seen = len(one.seen)
        theirs = await house.ask(f"/v1beta/{name}{path}", method=method, key=OTHER_KEY)
        nobodys = await house.ask(f"/v1beta/files/no-such{path}", method=method, key=OTHER_KEY)
        assert len(one.seen) == seen
        assert name in one.files
    assert theirs.status == nobodys.status == 404
    told = theirs.json()["error"]["message"].replace(name, "files/no-such")
    assert told == nobodys.json()["error"]["message"]


async def test_a_list_has_the_keys_own_files_in_pages_of_all_accounts(tmp_path: Path) -> None:
    one, two = service("one"), service("two")
    accounts = {"two": {"groups": ("b",)}, "one": {"groups": ("a",)}}
    async with relayed(tmp_path, one, two, keys=KEYS, accounts=accounts) as house:
        brought = [(await uploaded(house, name=f"files/a{n}"))["name"] for n in range(5)]
        await uploaded(house, name="files/theirs", key=OTHER_KEY)
        del one.files["files/a3"], one.files["files/a1"]
        pages = []
        token = ""
        while True:
            page = (await house.ask(f"/v1beta/files?pageSize=2&pageToken={token}")).json()
            pages.append([file["name"] for file in page.get("files", [])])
            token = page.get("nextPageToken", "")
            if not token:
                break
        theirs = (await house.ask("/v1beta/files", key=OTHER_KEY)).json()
    assert brought == [f"files/a{n}" for n in range(5)]
    assert pages == [["files/a4"], ["files/a2"], ["files/a0"]]
    assert [file["name"] for file in theirs["files"]] == ["files/theirs"]


async def test_an_empty_list_is_as_the_services(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        assert (await house.ask("/v1beta/files")).body == b"{}"
        assert (await house.ask("/v1beta/files?pageSize=0")).status == 400
        assert (await house.ask("/v1beta/files?pageToken=%21")).status == 400


async def test_a_name_that_is_made_anew_has_one_owner(tmp_path: Path) -> None:
    one = service()
    async with relayed(tmp_path, one, keys=KEYS) as house:
        name = (await uploaded(house, name="files/report"))["name"]
        del one.files[name]  # its time is over, or an operator took it away
        await uploaded(house, name=name, key=OTHER_KEY)
        assert (await house.ask(f"/v1beta/{name}")).status == 404
        assert (await house.ask(f"/v1beta/{name}", key=OTHER_KEY)).status == 200


async def test_the_address_of_an_upload_is_of_its_key(tmp_path: Path) -> None:
    one = service()
    async with relayed(tmp_path, one, keys=KEYS) as house:
        at = await started(house, 3)
        seen = len(one.seen)
        told = command("upload, finalize", 0)
        theirs = await house.ask(at, b"abc", key=OTHER_KEY, headers=told)
        forged = await sent(house, at.replace("upload_id=", "upload_id=x"), b"abc", told)
        made_up = await house.ask(f"{UPLOAD}?upload_id=up0", b"abc", headers=told)
        assert len(one.seen) == seen
        mine = await house.ask(at, b"abc", headers=told)
    assert [theirs.status, forged.status, made_up.status, mine.status] == [404, 401, 404, 200]


async def test_nothing_without_a_key(tmp_path: Path) -> None:
    async with relayed(tmp_path, service()) as house:
        for method, path in [
            ("POST", UPLOAD),
            ("GET", "/v1beta/files"),
            ("GET", "/v1beta/files/abc"),
            ("DELETE", "/v1beta/files/abc"),
        ]:
            assert (await house.ask(path, method=method, key=None)).status == 401


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/v1beta/files", {}, 405),
        ("POST", "/v1beta/files/abc", {}, 405),
        ("GET", UPLOAD, {}, 405),
        ("POST", "/v1beta/files:register", {}, 501),
        ("GET", "/v1beta/files/abc:undo", {}, 404),
        ("GET", "/v1beta/files/abc/def", {}, 404),
        ("POST", UPLOAD, {}, 400),
        ("POST", UPLOAD, {"x-goog-upload-protocol": "pigeon"}, 400),
        (
            "POST",
            UPLOAD,
            {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "upload"},
            400,
        ),
    ],
)
async def test_what_is_not_there_is_said(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    one = service()
    async with relayed(tmp_path, one) as house:
        answer = await house.ask(path, method=method, headers=headers)
    assert (answer.status, one.seen) == (status, [])
    assert answer.json()["error"]["code"] == status


async def test_another_account_begins_where_one_cannot(tmp_path: Path) -> None:
    one, two = service("one"), service("two")
    one.fails = lambda method, path: (503, "overloaded")
    async with relayed(tmp_path, one, two, accounts={"two": {"priority": 90}}) as house:
        file = await uploaded(house)
        rows = await house.rows()
    assert file["name"] in two.files
    assert [(row["account"], row["status"]) for row in rows] == [
        ("one", "upstream_error"),
        ("two", "ok"),
        ("two", "ok"),
    ]


async def test_a_file_that_is_not_there_says_nothing_of_its_account(tmp_path: Path) -> None:
    one = service()
    async with relayed(tmp_path, one) as house:
        name = (await uploaded(house))["name"]
        one.fails = lambda method, path: (404, "no such file") if method == "GET" else None
        for _ in range(6):
            assert (await house.ask(f"/v1beta/{name}")).status == 404
        one.fails = lambda method, path: None
        assert (await house.ask(f"/v1beta/{name}")).status == 200


async def test_an_account_for_some_models_keeps_files_too(tmp_path: Path) -> None:
    accounts = {"one": {"models": (MODEL,)}}
    async with relayed(tmp_path, service(), accounts=accounts) as house:
        await uploaded(house)


async def test_no_more_than_allowed_goes_up(tmp_path: Path) -> None:
    one = service()
    server = ServerOptions(max_upload=1024)
    async with relayed(tmp_path, one, server=server) as house:
        at = await started(house, 2048)
        whole = await sent(house, at, b"x" * 2048, command("upload, finalize", 0))

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(4):
                yield b"x" * 512

        request = HTTPRequest(
            "POST", f"http://relay{at}", command("upload, finalize", 0), stream=pieces()
        )
        exchange = await house.transport.open(request, Deadlines())
        chunked = exchange.status
        await exchange.aclose()
        rows = await house.rows()
    assert (whole.status, chunked, one.files) == (413, 413, {})
    assert [row["status"] for row in rows] == ["ok", "client_cancel"]


@pytest.mark.parametrize("at_byte", [1, 65536, 100_000, GRANULARITY])
async def test_a_break_in_mid_upload_is_told_and_gone_on_from(tmp_path: Path, at_byte: int) -> None:
    one = service()
    body = bytes(range(256)) * (GRANULARITY // 256) + b"the end"
    one.cut_at = at_byte
    async with relayed(tmp_path, one) as house:
        at = await started(house, len(body))
        broken = await sent(house, at, body, command("upload, finalize", 0))
        asked = await sent(house, at, b"", command("query"))
        offset = int(asked.headers["x-goog-upload-size-received"])
        last = await sent(house, at, body[offset:], command("upload, finalize", offset))
        rows = await house.rows()
    assert (broken.status, offset) == (502, at_byte)
    assert last.json()["file"]["sizeBytes"] == str(len(body))
    assert [row["status"] for row in rows] == ["ok", "upstream_error", "ok", "ok"]


async def test_a_body_is_read_no_faster_than_its_account_takes_it(tmp_path: Path) -> None:
    one = service()
    asked = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(64):
            asked += 1
            yield b"x" * 65536

    async with relayed(tmp_path, one) as house:
        at = await started(house, 64 * 65536)
        one.gate.clear()
        one.reading.clear()
        told = command("upload, finalize", 0)
        request = HTTPRequest("POST", f"http://relay{at}", told, stream=pieces())
        opening = asyncio.ensure_future(house.transport.open(request, Deadlines()))
        await one.reading.wait()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert asked <= 2
        one.gate.set()
        exchange = await opening
        assert exchange.status == 200
        await exchange.aclose()
    assert (asked, one.read, one.largest_piece) == (64, 64 * 65536, 65536)


async def test_who_leaves_in_mid_upload_ends_it_at_the_account(tmp_path: Path) -> None:
    one = service()
    brought = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 65536
        brought.set()
        await asyncio.Event().wait()

    async with relayed(tmp_path, one) as house:
        at = await started(house, 1 << 20)
        told = command("upload, finalize", 0)
        request = HTTPRequest("POST", f"http://relay{at}", told, stream=pieces())
        opening = asyncio.ensure_future(house.transport.open(request, Deadlines()))
        await brought.wait()
        opening.cancel()
        async with asyncio.timeout(10):
            await one.left.wait()
        while house.relay.running:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0)
        rows = await house.rows()
    assert rows[-1]["status"] == "client_cancel"
