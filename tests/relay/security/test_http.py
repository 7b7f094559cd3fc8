"""What arrives at the socket of a whole relay: framing, sizes, request targets, Host headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gemstream.config.relay.options import ServerOptions
from gemstream.emulator import Emulator
from relay.security.door import SURFACES, a_request, body_of, door
from support.relayed import RELAY_KEY, Watched

TARGET = SURFACES["gemini"]
BODY = b'{"contents":[{"role":"user","parts":[{"text":"a"}]}]}'
HEAD = f"POST {TARGET} HTTP/1.1\r\nHost: a\r\nX-Goog-Api-Key: {RELAY_KEY}\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
SIZED = b"%x\r\n" % len(BODY) + BODY + b"\r\n"

# Two readers of these see two different requests, or one that is too much.
FRAMING: dict[str, tuple[bytes, int]] = {
    "CL and TE": (
        HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + SIZED + b"0\r\n\r\n",
        400,
    ),
    "TE and CL": (HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n0\r\n\r\n", 400),
    "CL twice": (HEAD + LENGTH + LENGTH + b"\r\n" + BODY, 400),
    "CL twice, other": (HEAD + LENGTH + b"Content-Length: 1\r\n\r\n" + BODY, 400),
    "bare LF in head": (HEAD + b"X: a\nY: b\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "bare LF all over": (HEAD.replace(b"\r\n", b"\n") + b"\n", 400),
    "bare CR": (HEAD + b"X: a\rY: b\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "obs-fold": (HEAD + b"X: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "space before colon": (HEAD + b"Content-Length : 5\r\n\r\n" + BODY, 400),
    "NUL in a value": (HEAD + b"X: a\0b\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "TE of another kind": (HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "TE hidden": (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "long chunk extension": (CHUNKED + b"1;" + b"a" * 300 + b"\r\nx\r\n0\r\n\r\n", 400),
    "chunk size with sign": (CHUNKED + b"+1\r\nx\r\n0\r\n\r\n", 400),
    "chunk size too large": (CHUNKED + b"f" * 17 + b"\r\n", 400),
    "trailer with a key": (CHUNKED + SIZED + b"0\r\nX-Goog-Api-Key: k\r\n\r\n", 400),
    "underscore twin of the key": (HEAD + b"X_Goog_Api_Key: k\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "101 headers": (HEAD + b"X: a\r\n" * 100 + LENGTH + b"\r\n" + BODY, 431),
    "33 KiB of header": (HEAD + b"X: " + b"a" * 33_000 + b"\r\n" + LENGTH + b"\r\n" + BODY, 431),
    "URL of 9 KiB": (b"POST " + TARGET.encode() + b"?a=" + b"b" * 9_000, 414),
    "packed": (HEAD + b"Content-Encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY, 415),
    "upgrade": (HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + LENGTH + b"\r\n", 400),
    "two Hosts": (HEAD + b"Host: b\r\n" + LENGTH + b"\r\n" + BODY, 400),
}


@pytest.mark.parametrize("name", FRAMING)
async def test_what_two_readers_would_read_differently_reaches_no_account(
    name: str, tmp_path: Path
) -> None:
    sent, status = FRAMING[name]
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        reply = await at.knock(sent)
        rows = await at.house.rows()
    assert reply.status == status
    assert reply.raw.count(b"HTTP/1.1 ") == 1
    assert not upstream.heads
    assert not rows


async def test_the_same_request_well_formed_is_answered(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        plain = await at.knock(HEAD + LENGTH + b"Connection: close\r\n\r\n" + BODY)
        chunks = await at.knock(
            HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + SIZED + b"0\r\n\r\n"
        )
    assert (plain.status, chunks.status) == (200, 200)


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(("surface", "target"), SURFACES.items())
async def test_a_body_above_the_cap_is_refused_in_the_callers_dialect(
    surface: str, target: str, is_chunked: bool, tmp_path: Path
) -> None:
    start = f"POST {target} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {RELAY_KEY}\r\n".encode()
    body = b'{"a":"' + b"x" * 2_000
    sent = start + b"Content-Length: 100000000\r\n\r\n" + body
    if is_chunked:
        framed = b"%x\r\n" % len(body) + body + b"\r\n"
        sent = start + b"Transfer-Encoding: chunked\r\n\r\n" + framed
    async with door(tmp_path, server=ServerOptions(max_body=1_000)) as at:
        reply = await at.knock(sent)
        rows = await at.house.rows()
    assert reply.status == 413
    assert "1000 bytes" in reply.json()["error"]["message"]
    assert ("type" in reply.json()) == (surface == "anthropic")
    assert not rows


PATHS = [
    "/v1beta/models/..%2f..%2fv1/x:generateContent",
    "/v1beta/models/a%2Fb:generateContent",
    "/v1beta/models/%2e%2e/x:generateContent",
    "/v1beta/models/../files/x",
    "/v1beta/models/a..b:generateContent",
    "/v1beta/models/a%00:generateContent",
    "/v1beta/models/a%0d%0aX-Evil:%20y:generateContent",
    "/v1beta/models/a%1b[2J:generateContent",
    "/v1beta/models/a%7f:generateContent",
    "/v1beta/models/a%5cb:generateContent",
    "/v1beta/models/a\\b:generateContent",
    "/v1beta/models/a;b=c:generateContent",
    "/v1beta/models/a%3bb:generateContent",
    "/v1beta/models/a%3f:generateContent",
    "/v1beta/models/a%23:generateContent",
    "/v1beta/models/a%40evil.test:generateContent",
    "/v1beta/models/a%252e:generateContent",
    "/v1beta/models/a%25:generateContent",
    "//evil.test/v1beta/models/a:generateContent",
    "/v1beta//models/a:generateContent",
    "/%2e%2e/admin/keys",
    "/./v1beta/models",
    "/v1beta/models/é:generateContent",
    "/v1beta/models/" + "a" * 129 + ":generateContent",
    "/v1beta/files/../models/a",
    "/v1beta/files/a%2f..%2fb",
    "/v1beta/files/a%00",
    "/v1beta/files/a%0d%0aX-Evil:%20y",
    "/v1beta/files/" + "a" * 4_000,
    "/upload/v1beta/files/%2e%2e",
    "@evil.test/v1beta/models/a:generateContent",
    "*",
    "http:///v1beta/models",
    "http://[::1",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/gemini", "/openai"])
async def test_a_path_with_a_trick_reaches_no_account(
    path: str, prefix: str, tmp_path: Path
) -> None:
    upstream = Watched(Emulator())
    target = prefix + path if path.startswith("/") else path
    async with door(tmp_path, upstream) as at:
        for method in ("POST", "GET", "OPTIONS"):
            reply = await at.knock(a_request(method, target, body=BODY))
            assert reply.status in (400, 404, 405)
            assert b"X-Evil" not in reply.head
            assert b"\x1b" not in reply.raw
        rows = await at.house.rows()
    assert not upstream.heads
    assert not rows


# CVE-2026-48710, CVE-2026-49468: what a URL made of these would have been taken for.
HOSTS = ["a/?x=", "x/#", "a/livez?", "a/livez#", "evil.test", "evil.test:1@a", "/", "livez", "a b"]
ROUTES = [
    ("POST", TARGET),
    ("POST", SURFACES["openai"]),
    ("POST", SURFACES["anthropic"]),
    ("GET", "/v1beta/models"),
    ("GET", "/openai/models"),
    ("GET", "/claude/v1/models"),
    ("GET", "/key-info"),
    ("GET", "/usage"),
    ("GET", "/admin/keys"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize("host", HOSTS)
async def test_the_host_header_opens_nothing(host: str, tmp_path: Path) -> None:
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        for method, target in ROUTES:
            body = BODY if method == "POST" else b""
            sent = a_request(method, target, f"Host: {host}", body=body, key=None)
            assert (await at.knock(sent)).status == 401
    assert not upstream.heads


async def test_the_host_header_moves_no_request(tmp_path: Path) -> None:
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        for host in HOSTS:
            sent = a_request("POST", TARGET, f"Host: {host}", "X-Forwarded-Host: b", body=BODY)
            assert (await at.knock(sent)).status == 200
    assert {head["host"] for head in upstream.heads} == {"one"}
    assert not any("forwarded" in name for head in upstream.heads for name in head)


async def test_an_absolute_request_target_is_only_its_path(tmp_path: Path) -> None:
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        there = await at.knock(a_request("POST", f"http://evil.test{TARGET}", body=BODY))
        public = await at.knock(a_request("POST", f"http://a/livez?{TARGET}", body=BODY, key=None))
        connect = await at.knock(a_request("CONNECT", "one:80"))
    assert there.status == 200
    assert upstream.heads[0]["host"] == "one"
    assert public.status == 401
    assert connect.status == 400


@pytest.mark.parametrize(
    "name",
    [
        "../../v1/x",
        "a/b",
        "models/../x",
        "a?key=b",
        "a#b",
        "a%2fb",
        "a\r\nX-Evil: y",
        "a\nb",
        "a\0",
        "a b",
        "@evil.test",
        "evil.test:80",
        "http://169.254.169.254/",
        "é",
        "a" * 129,
        " ",
        "",
        "tunedModels/../x",
    ],
)
@pytest.mark.parametrize("surface", ["openai", "anthropic"])
async def test_a_model_of_a_body_stays_a_segment_of_the_path(
    surface: str, name: str, tmp_path: Path
) -> None:
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        body = body_of(surface, model=name)
        answer = await at.house.ask(SURFACES[surface], body)
        rows = await at.house.rows()
    assert answer.status == 400
    assert not any("x-evil" in header for header in answer.headers)
    assert not upstream.heads
    assert not rows


async def test_a_line_end_in_a_header_is_no_second_header(tmp_path: Path) -> None:
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        for name in ("X-Goog-Api-Client", "Content-Type", "Accept-Language", "X-Request-Id"):
            for end in ("\r", "\n", "\0"):
                sent = a_request("POST", TARGET, f"{name}: a{end}X-Evil: b", body=BODY)
                assert (await at.knock(sent)).status == 400
        for name in ("X-Goog-Api-Client", "Content-Type", "Accept-Language"):
            reply = await at.knock(a_request("POST", TARGET, f"{name}: \xff\x80é", body=BODY))
            assert reply.status in (200, 400)
    assert not any("x-evil" in head for head in upstream.heads)
