"""An upstream is a stranger too: what it tells, in which form, and under which head."""

from __future__ import annotations

import asyncio
import gzip
import logging
from pathlib import Path

import msgspec
import pytest

from gemstream.config.relay.options import ServerOptions
from gemstream.config.timeouts import Timeouts
from gemstream.errors import ProtocolError
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.transport import Deadlines, HTTPRequest
from gemstream.relay.pump import read_body
from relay.security.door import ACCOUNT_KEY, SURFACES, Reply, a_request, body_of, door_to, on_disk
from support.peers import Handler, raw_server, read_head

JSON = "application/json; charset=UTF-8"
CHUNK = (
    b'{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0%s}],'
    b'"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2},'
    b'"modelVersion":"m"}'
)
ANSWER = CHUNK % b',"finishReason":"STOP"'


def saying(
    body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json"
) -> Handler:
    """Return a server that says the same to everybody."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *headers)
        writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    return handle


def in_the_form_of(surface: str, answer: bytes) -> tuple[bytes, str]:
    """Return ``answer`` as the service gives it to a question of ``surface``, and its type."""
    if surface == "gemini stream":
        return b"data: " + answer + b"\r\n\r\n", "text/event-stream"
    return answer, "application/json"


async def asked(url: str, surface: str, folder: Path, **fields: object) -> Reply:
    """Return what a caller gets whose account is at ``url``; the folder keeps the books."""
    async with door_to(folder, url) as at:
        return await at.knock(a_request("POST", SURFACES[surface], body=_encoded(surface, fields)))


def _encoded(surface: str, fields: dict[str, object]) -> bytes:
    return msgspec.json.encode(body_of(surface, **fields))


K = ACCOUNT_KEY
ERROR = '{"error":{"code":%d,"message":"%s","status":"%s"%s}}'
DETAILS = f',"details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{K}"}}]'
# Status line and body, each with the account's key in it.
TELLTALES: dict[str, tuple[str, str]] = {
    "invalid key": ("400 Bad Request", ERROR % (400, f"API key not valid: {K}", "X", DETAILS)),
    "bad request": (
        "400 Bad Request",
        ERROR % (400, f"bad field {K}", "INVALID_ARGUMENT", DETAILS),
    ),
    "list of errors": ("400 B", "[" + ERROR % (400, f"bad {K}", "INVALID_ARGUMENT", "") + "]"),
    "unauthenticated": ("401 Unauthorized", ERROR % (401, f"key={K}", "UNAUTHENTICATED", DETAILS)),
    "suspended": (
        "403 F",
        ERROR % (403, f"Consumer api_key:{K} suspended", "PERMISSION_DENIED", ""),
    ),
    "not found": ("404 Not Found", ERROR % (404, f"no model for {K}", "NOT_FOUND", "")),
    "quota": ("429 T", ERROR % (429, f"quota of {K}", "RESOURCE_EXHAUSTED", DETAILS)),
    "internal": ("500 I", ERROR % (500, f"at {K}", "INTERNAL", DETAILS)),
    "status is the key": ("503 U", ERROR % (503, "m", K, "")),
    "half of the key": (
        "500 I",
        ERROR % (500, f"key {K[:12]}... and ...{K[-12:]}", "INTERNAL", ""),
    ),
    "page": ("502 Bad Gateway", f"<html><body>key {K}</body></html>"),
    "text": ("500 I", f"{K}"),
    "error is text": ("400 B", f'{{"error":"{K}"}}'),
    "stack trace": ("500 I", f"Traceback (most recent call last):\\n  key={K}"),
    "200 with an error": ("200 OK", ERROR % (400, f"bad {K}", "INVALID_ARGUMENT", DETAILS)),
    "200 with a page": ("200 OK", f"<html>{K}</html>"),
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", TELLTALES)
async def test_the_accounts_key_is_in_no_answer_log_or_book(
    name: str, surface: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, body = TELLTALES[name]
    headers = (
        f"X-Key: {K}",
        f'WWW-Authenticate: Bearer realm="{K}"',
        f"Location: http://a/?key={K}",
    )
    async with raw_server(saying(body.encode(), *headers, status=status, kind=JSON)) as url:
        reply = await asked(url, surface, tmp_path)
    assert reply.status >= 400
    for said in (reply.raw, caplog.text.encode(), on_disk(tmp_path)):
        assert K.encode() not in said
        assert K[:12].encode() not in said
        assert K[-12:].encode() not in said
    assert b"Traceback" not in reply.raw


@pytest.mark.parametrize("surface", ["gemini stream", "openai", "anthropic"])
async def test_the_accounts_key_is_in_no_error_within_a_stream(
    surface: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = (ERROR % (500, f"at {K}", "INTERNAL", DETAILS)).encode()
    body = b"data: " + CHUNK % b"" + b"\r\n\r\n" + error
    fields = {} if surface == "gemini stream" else {"stream": True}
    async with raw_server(saying(body, kind="text/event-stream")) as url:
        reply = await asked(url, surface, tmp_path, **fields)
    assert reply.status == 200
    assert b'"error"' in reply.body
    for said in (reply.raw, caplog.text.encode(), on_disk(tmp_path)):
        assert K.encode() not in said


PAGE = b"<!DOCTYPE html><html><script>alert(1)</script>\x1b]0;a\x07 internal-host-17</html>"


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/event-stream"])
@pytest.mark.parametrize("status", ["200 OK", "400 B", "403 F", "404 N", "429 T", "502 B", "302 F"])
async def test_a_page_of_some_proxy_does_not_go_down(
    status: str, kind: str, surface: str, tmp_path: Path
) -> None:
    async with raw_server(saying(PAGE, status=status, kind=kind)) as url:
        reply = await asked(url, surface, tmp_path)
    assert reply.status >= 400
    assert reply.headers["content-type"].startswith("application/json")
    for piece in (b"<script", b"internal-host", b"\x1b", b"u001b"):
        assert piece not in reply.raw
    assert reply.json()["error"]["message"]


# Of the account, of the connection to it, or of another site's trust.
HEADS = (
    "Server: ESF-9",
    "Set-Cookie: NID=1; Domain=.evil.test",
    "X-Goog-Quota-User: project-17",
    "X-Request-Id: of-the-upstream",
    'Alt-Svc: h3=":443"',
    "Location: http://evil.test/",
    "Refresh: 0; url=http://evil.test/",
    "Access-Control-Allow-Origin: *",
    "Content-Disposition: attachment; filename=a.exe",
    "Content-Security-Policy: default-src *",
    "Keep-Alive: timeout=5",
    "Trailer: X-Evil",
    "Proxy-Authenticate: Basic",
    "X-Gemstream-Cost: 0",
    "X-Gemstream-Attempts: 99",
    "Via: 1.1 project-17",
)
DOWN = {
    "cache-control", "connection", "content-length", "content-type", "date", "request-id",
    "retry-after", "retry-after-ms", "transfer-encoding", "www-authenticate",
    "x-accel-buffering", "x-gemstream-attempts", "x-gemstream-cost", "x-gemstream-model",
    "x-relay-dropped", "x-relay-warn", "x-request-id",
}  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("status", ["200 OK", "400 B", "429 T", "503 U"])
async def test_of_an_upstreams_head_nothing_goes_down(
    status: str, surface: str, tmp_path: Path
) -> None:
    body, kind = in_the_form_of(surface, ANSWER)
    if not status.startswith("200"):
        body, kind = (ERROR % (int(status[:3]), "m", "INTERNAL", "")).encode(), JSON
    async with raw_server(saying(body, *HEADS, status=status, kind=kind)) as url:
        reply = await asked(url, surface, tmp_path)
    assert reply.status in (int(status[:3]), 529)
    assert set(reply.headers) <= DOWN
    assert reply.headers.get("x-gemstream-attempts", "1") == "1"
    for piece in (b"evil", b"project-17", b"of-the-upstream", b"ESF"):
        assert piece not in reply.head


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; a=\xe2\x82\xac",
        "application/json; a=\xff",
        "text/html",
        "image/svg+xml",
        "application/json\x0b",
        "application/json;" + "a" * 7_000,
        "",
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "400 B"])
async def test_a_type_that_the_upstream_made_up_is_not_repeated(
    kind: str, status: str, tmp_path: Path
) -> None:
    body = ANSWER if status == "200 OK" else (ERROR % (400, "m", "INVALID_ARGUMENT", "")).encode()
    async with raw_server(saying(body, status=status, kind=kind)) as url:
        reply = await asked(url, "gemini", tmp_path)
    assert reply.status in (int(status[:3]), 502)
    assert reply.headers["content-type"] == JSON


# Answers of which it is not clear where they end, or which are two.
SPLIT: dict[str, bytes] = {
    "CL and TE": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CL twice": b"Content-Length: 3\r\nContent-Length: 300\r\n\r\nabc",
    "folded": b"X: a\r\n X-Evil: b\r\nContent-Length: 2\r\n\r\n{}",
    "bare CR": b"X: a\rX-Evil: b\r\nContent-Length: 2\r\n\r\n{}",
    "NUL": b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "chunks that are none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a head of 64 KiB": b"X: " + b"a" * 65_536 + b"\r\n\r\n{}",
    "two answers": b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nX-Evil: b\r\n\r\n",
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", SPLIT)
async def test_an_answer_with_two_readings_is_none(name: str, surface: str, tmp_path: Path) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + SPLIT[name])

    question = a_request("POST", SURFACES[surface], body=_encoded(surface, {}))
    async with raw_server(handle) as url, door_to(tmp_path, url) as at:
        replies = [await at.knock(question) for _ in range(2)]
    for reply in replies:
        # A whole answer of two bytes is one, whatever stands behind it.
        assert reply.status >= 500 or reply.body == b"{}"
        assert reply.raw.count(b"HTTP/1.1 ") == 1
        assert b"evil" not in reply.raw.lower()


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_key_follows_no_redirect(status: str, tmp_path: Path) -> None:
    followed: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.append(await read_head(reader))

    async with raw_server(elsewhere) as other:
        body = ANSWER
        async with raw_server(saying(body, f"Location: {other}/", status=status)) as url:
            for surface in SURFACES:
                reply = await asked(url, surface, tmp_path)
                assert reply.status >= 500
                assert "location" not in reply.headers
    assert not followed


@pytest.mark.parametrize("surface", SURFACES)
async def test_a_service_that_says_nothing_is_given_up(surface: str, tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await reader.read()  # until the relay leaves

    options = ServerOptions(timeouts=Timeouts(first_chunk=0.05))
    question = a_request("POST", SURFACES[surface], body=_encoded(surface, {}))
    async with raw_server(silent) as url, door_to(tmp_path, url, options) as at:
        reply = await at.knock(question)
    assert reply.status == 504
    assert reply.json()["error"]["message"] == "the service took too long to answer"


async def test_what_unpacks_to_too_much_is_not_kept() -> None:
    packed = gzip.compress(b" " * (8 << 20))
    async with raw_server(saying(packed, "Content-Encoding: gzip")) as url:
        transport = AiohttpTransport()
        try:
            exchange = await transport.open(HTTPRequest("GET", url, {}, b""), Deadlines())
            with pytest.raises(ProtocolError, match="longer than 1000000 bytes"):
                await read_body(exchange, 1_000_000)
        finally:
            await transport.aclose()


# Bytes that a decoder passes over until it needs the field that they are in.
UNREADABLE = {
    "a name that is no UTF-8": b'{"candidates":[{"content":{"parts":[{"\x8e":1}]}}]}',
    "a text that is no UTF-8": b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}',
    "a model that is no UTF-8": ANSWER.replace(b'"m"', b'"\xff"'),
    "a lone surrogate": b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f",'
    b'"args":{"a":"\\ud800"}}}]},"finishReason":"STOP"}]}',
    "a number without end": b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f",'
    b'"args":{"a":1e999}}}]},"finishReason":"STOP"}]}',
    "a feedback that is none": b'{"promptFeedback":{"blockReason":"\xff"}}',
    "an error that is no UTF-8": b'{"error":{"code":500,"message":"\xff"}}',
    "usage that is none": ANSWER.replace(b'"promptTokenCount":1', b'"promptTokenCount":"\xff"'),
    "a candidate of many": b'{"candidates":[{"index":99999999,"finishReason":"STOP"}]}',
    "100,000 levels": b'{"candidates":' + b"[" * 100_000,
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_no_error_inside(
    name: str, surface: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    body, kind = in_the_form_of(surface, UNREADABLE[name])
    async with raw_server(saying(body, kind=kind)) as url:
        reply = await asked(url, surface, tmp_path)
    # On its own surface a call of Gemini's goes down as it came.
    assert reply.status in (200, 500, 502, 503, 529)
    assert "the relay failed" not in caplog.text
    assert b"an error inside the relay" not in reply.body
