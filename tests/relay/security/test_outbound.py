"""The relay connects to its accounts and to nothing else, whatever a request names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gemstream.config.relay.options import AccountOptions, KeyOptions, LedgerOptions, RelayOptions
from gemstream.emulator import Emulator
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest
from gemstream.relay.opened import opened_relay
from relay.security.door import SURFACES, body_of
from support.relayed import MODEL, RELAY_KEY, Relayed

# TV-07, and what went round the lists of others: other spellings of an address, users before it,
# names that resolve inwards, schemes that read files (security.md §6.1, §6.2).
INWARD = (
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://[::1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[fec0::1]/",
    "http://0x7f.1/",
    "https://user@10.0.0.1/",
    "file:///etc/passwd",
    "https://127.0.0.1/a.png",
    "https://localhost/a.png",
    "https://localhost./a.png",
    "https://0/",
    "https://0.0.0.0/",
    "https://127.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fc00::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[ff02::1]/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://127.0.0.1.nip.io/",  # a name that resolves inwards
    "https://rebinding.test/a.png",  # one that does so the second time
    "https://redirects.test/a.png",  # one that answers 302
    "https://youtube.com@127.0.0.1/",
    "https://user@youtube.com/watch?v=a",
    "https://127.0.0.1\\@youtube.com/",
    "https://youtube.com:80@127.0.0.1/",
    "https://youtube.com.evil.test/",
    "https://generativelanguage.googleapis.com@127.0.0.1/v1beta/files/a",
    "https://generativelanguage.googleapis.com.evil.test/v1beta/files/a",
    "http://generativelanguage.googleapis.com/v1beta/files/a",
    "gs://bucket/object",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_",
    "dict://127.0.0.1:11211/",
    "jar:http://127.0.0.1!/",
    "//127.0.0.1/",
    "/etc/passwd.txt",  # without the suffix it would be good base64
    "https://",
    "https://[",
    "https://\r\n127.0.0.1/",
)


class Recording:
    """A transport that notes the URL of every connection and answers with an emulator."""

    def __init__(self) -> None:
        self._emulator = ASGITransport(Emulator())
        self.asked: list[HTTPRequest] = []

    @property
    def hosts(self) -> set[str]:
        """What was connected to."""
        return {urlsplit(request.url).netloc for request in self.asked}

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Note the request and pass it on."""
        self.asked.append(request)
        return await self._emulator.open(request, deadlines)

    async def aclose(self) -> None:
        """Close the emulator's transport."""
        await self._emulator.aclose()


class Watching:
    """A relay whose every connection is known."""

    def __init__(self, folder: Path) -> None:
        self.transport = Recording()
        self._folder = folder

    async def __aenter__(self) -> Watching:
        folder = self._folder
        account = AccountOptions(name="one", api_key="the-key-of-one", base_url="http://account")
        options = RelayOptions(
            accounts=(account,),
            keys=(KeyOptions(name="team-a", key=RELAY_KEY),),
            ledger=LedgerOptions(url=f"sqlite:///{folder / 'books.sqlite3'}"),
        )
        environ = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "GEMSTREAM_RELAY_SECRET": "outbound-tests-only-0123456789abcdef0123456789abcdef",
        }
        self._opened = opened_relay(options, environ=environ, transport=self.transport)
        relay = await self._opened.__aenter__()
        self.house = Relayed(relay, {}, folder / "books.sqlite3")
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._opened.__aexit__(*error)


def _openai(kind: str) -> Any:
    return lambda url: {"type": kind, kind: {"url": url}}


# Where a dialect of the others takes an address: surface, and the part with it.
PLACES: dict[str, tuple[str, Any]] = {
    "image_url": ("openai", _openai("image_url")),
    "image_url as text": ("openai", lambda url: {"type": "image_url", "image_url": url}),
    "video_url": ("openai", _openai("video_url")),
    "file_id": ("openai", lambda url: {"type": "file", "file": {"file_id": url}}),
    "file_data": ("openai", lambda url: {"type": "file", "file": {"file_data": url}}),
    "input_audio": (
        "openai",
        lambda url: {"type": "input_audio", "input_audio": {"data": url, "format": "wav"}},
    ),
    "image": ("anthropic", lambda url: {"type": "image", "source": {"type": "url", "url": url}}),
    "document": (
        "anthropic",
        lambda url: {"type": "document", "source": {"type": "url", "url": url}},
    ),
}


@pytest.mark.parametrize("place", PLACES)
async def test_an_address_in_a_message_is_refused_before_any_connection(
    place: str, tmp_path: Path
) -> None:
    surface, part = PLACES[place]
    async with Watching(tmp_path) as watching:
        for url in INWARD:
            messages = [{"role": "user", "content": [part(url)]}]
            answer = await watching.house.ask(
                SURFACES[surface], body_of(surface, messages=messages)
            )
            assert answer.status == 400, url
        assert not watching.transport.asked
        assert not await watching.house.rows()


async def test_a_uri_of_geminis_is_for_the_service_alone(tmp_path: Path) -> None:
    """On its own surface the service judges it; the relay connects to the account only."""
    async with Watching(tmp_path) as watching:
        for url in INWARD:
            parts = [{"fileData": {"fileUri": url, "mimeType": "image/png"}}, {"text": "a"}]
            body = {"contents": [{"role": "user", "parts": parts}]}
            await watching.house.ask(SURFACES["gemini"], body)
        assert watching.transport.hosts == {"account"}


# CVE-2025-66405, -110719, -108719, litellm#31467: each of these once chose where a key was sent.
HEADERS = {
    "host": "evil.test",
    "x-forwarded-host": "evil.test",
    "x-forwarded-server": "evil.test",
    "x-original-url": "http://evil.test/",
    "x-rewrite-url": "/v1/files",
    "x-portkey-custom-host": "http://evil.test",
    "x-portkey-provider": "openai",
    "x-custom-host": "http://evil.test",
    "x-base-url": "http://evil.test",
    "x-goog-user-project": "another",
    "x-goog-request-params": "model=other",
    "x-http-method-override": "DELETE",
    "x-server-timeout": "1",
    "x-api-base": "http://evil.test",
    "forwarded": "host=evil.test",
    "proxy": "http://evil.test",
    "via": "evil.test",
    "referer": "http://evil.test/?key=AIzaREFERER",
    "origin": "http://evil.test",
    "cookie": "session=1",
    "proxy-authorization": "Basic YTpi",
    "x-gemstream-attempt": "req_forged.1",
    "connection": "x-goog-api-key, close",
    "te": "trailers",
    "keep-alive": "timeout=9",
}
FIELDS = ("api_base", "base_url", "api_key", "custom_host", "callback_url", "webhook", "proxy",
          "extra_headers", "litellm_params", "metadata_url", "host", "url")  # fmt: skip
UP = {"accept-encoding", "accept-language", "content-type", "user-agent", "x-goog-api-client",
      "x-goog-api-key", "x-server-timeout"}  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES)
async def test_no_header_or_field_of_a_caller_moves_a_request(surface: str, tmp_path: Path) -> None:
    async with Watching(tmp_path) as watching:
        house = watching.house
        await house.ask(SURFACES[surface], body_of(surface), headers=HEADERS)
        assert len(watching.transport.asked) == 1
        for field in FIELDS:
            body = body_of(surface, **{field: "http://evil.test/"})
            answer = await house.ask(SURFACES[surface], body)
            assert answer.status in (200, 400)
        for request in watching.transport.asked:
            assert urlsplit(request.url).netloc == "account"
            assert urlsplit(request.url).path.startswith(f"/v1beta/models/{MODEL}:")
            assert {name.lower() for name in request.headers} <= UP
            assert "evil" not in repr(dict(request.headers))
            assert request.headers["x-goog-api-key"] == "the-key-of-one"


async def test_a_query_of_a_caller_chooses_no_host_and_no_key(tmp_path: Path) -> None:
    query = f"key={RELAY_KEY}&base_url=http://evil.test&$alt=proto&prettyPrint=true&fields=a"
    async with Watching(tmp_path) as watching:
        for surface, target in SURFACES.items():
            joint = "&" if "?" in target else "?"
            await watching.house.ask(f"{target}{joint}{query}", body_of(surface), key=None)
        await watching.house.ask(f"/v1beta/models?{query}&pageToken=a%26key%3Db%23%0d%0a", key=None)
        urls = [request.url for request in watching.transport.asked]
    assert len(urls) == len(SURFACES) + 1
    for url in urls:
        assert urlsplit(url).netloc == "account"
        assert "evil" not in url
        assert RELAY_KEY not in url
        assert not re.search(r"[\r\n]|[?&](key|fields|\$alt)=", url)


async def test_the_callers_key_is_not_forwarded(tmp_path: Path) -> None:
    ways: tuple[dict[str, str], ...] = (
        {"x-goog-api-key": RELAY_KEY},
        {"x-api-key": RELAY_KEY},
        {"authorization": f"Bearer {RELAY_KEY}"},
    )
    async with Watching(tmp_path) as watching:
        for headers in ways:
            for surface, target in SURFACES.items():
                answer = await watching.house.ask(
                    target, body_of(surface), key=None, headers=headers
                )
                assert answer.status == 200
        for request in watching.transport.asked:
            assert RELAY_KEY not in repr((request.url, dict(request.headers), request.body))
